"""Each alert fires in its case and is silent in another, by Prometheus' own tool."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES_FILE = DEPLOY / "prometheus" / "alerts.yml"
ALERTS = [
    rule["alert"].removeprefix("Commonshelf")
    for group in yaml.safe_load(RULES_FILE.read_text())["groups"]
    for rule in group["rules"]
]
Series = dict[str, str]

CASES: dict[str, tuple[Series, Series]] = {
    "ProcessDown": (
        {'up{job="commonshelf-ledger"}': "0x90"}, {'up{job="commonshelf-ledger"}': "1x90", 'up{job="other"}': "0x90"},
    ),
    "PartitionHalted": (
        {"commonshelf_worker_halted_partitions": "1x90"}, {"commonshelf_worker_halted_partitions": "0x90"},
    ),
    "NoPartitions": (
        {'commonshelf_worker_partitions{job="l",instance="a"}': "0x90"},
        {'commonshelf_worker_partitions{job="l",instance="a"}': "0x90",
         'commonshelf_worker_partitions{job="l",instance="b"}': "12x90"},
    ),
    "WorkerBehind": ({"commonshelf_worker_lag_seconds": "40x90"}, {"commonshelf_worker_lag_seconds": "40 0x90"}),
    "GroupBehind": (
        {'commonshelf_group_lag_records{group="g",topic="t"}': "2000+10x90"},
        {'commonshelf_group_lag_records{group="g",topic="t"}': "90000-900x90",
         'commonshelf_group_lag_records{group="g",topic="few"}': "900+1x90"},
    ),
    "WorkerLosesItsPlace": (
        {"commonshelf_worker_rejoins_total": "0+1x90"}, {"commonshelf_worker_rejoins_total": "0 1x90"},
    ),
    "RestoreStuck": (
        {"commonshelf_worker_restore_remaining_records": "500x90"},
        {"commonshelf_worker_restore_remaining_records": "9000-100x90"},
    ),
    "ClockStopped": (
        {"commonshelf_clock_last_tick_age_seconds": "0+60x90"}, {"commonshelf_clock_last_tick_age_seconds": "1x90"},
    ),
    "TicksDropped": (
        {"commonshelf_clock_ticks_failed_total": "0+1x90"}, {"commonshelf_clock_ticks_failed_total": "7x90"},
    ),
    "PoolClockBehind": (
        {'commonshelf_pool_clock_timestamp_seconds{pool="p",instance="a"}': "0x90"},
        {'commonshelf_pool_clock_timestamp_seconds{pool="p",instance="a"}': "0x90",
         'commonshelf_pool_clock_timestamp_seconds{pool="p",instance="b"}': "0+60x90"},
    ),
    "ConfigPassedOver": (
        {"commonshelf_clock_bad_config_total": "0x50 1x40"}, {"commonshelf_clock_bad_config_total": "3x90"},
    ),
    "VaultSweepsFail": (
        {"commonshelf_vault_sweeps_failed_total": "0+1x90"}, {"commonshelf_vault_sweeps_failed_total": "0x58 1x40"},
    ),
    "ReactionsStopped": (
        {'commonshelf_pool_reactions_stopped_total{pool="p"}': "0x50 1x40"},
        {'commonshelf_pool_reactions_stopped_total{pool="p"}': "4x90"},
    ),
    "DeadLetters": (
        {'commonshelf_pool_bad_messages_total{reason="invalid"}': "0+2x90"},
        {'commonshelf_pool_bad_messages_total{reason="invalid"}': "0x55 2x40"},
    ),
    "LinesSetAside": (
        {'commonshelf_pool_lines_set_aside_total{pool="p",store="s",reason="unmapped_code"}': "0+2x90"},
        {'commonshelf_pool_lines_set_aside_total{pool="p",store="s",reason="unmapped_code"}': "0x30 9x60"},
    ),
    "ConnectorSilent": (
        {"commonshelf_connector_newest_event_age_seconds": "93000+60x90"},
        {"commonshelf_connector_newest_event_age_seconds": "3600x90"},
    ),
    "ConnectorNotReconciled": (
        {"commonshelf_connector_reconciliation_lag_seconds": "3000+60x90"},
        {"commonshelf_connector_reconciliation_lag_seconds": "90x90"},
    ),
    "SignaturesRejected": (
        {'commonshelf_connector_rejected_signatures_total{store="s",connector="c"}': "0+1x90"},
        {'commonshelf_connector_rejected_signatures_total{store="s",connector="c"}': "0x55 3x40"},
    ),
    "WriteBackRefused": (
        {'commonshelf_connector_written_back_total{store="s",connector="c",outcome="refused"}': "0x30 1x60"},
        {'commonshelf_connector_written_back_total{store="s",connector="c",outcome="done"}': "0+1x90"},
    ),
    "TasksLate": (
        {'commonshelf_store_tasks_ended_total{pool="p",store="s",outcome="late"}': "0+1x90"},
        {'commonshelf_store_tasks_ended_total{pool="p",store="s",outcome="done"}': "0+1x90",
         'commonshelf_store_tasks_ended_total{pool="p",store="s",outcome="late"}': "0x30 2x60"},
    ),
    "NegativeBooks": (
        {'commonshelf_store_negative_rows{pool="p",store="s"}': "6x90",
         'commonshelf_store_availability_rows{pool="p",store="s"}': "100x90"},
        {'commonshelf_store_negative_rows{pool="p",store="s"}': "4x90",
         'commonshelf_store_availability_rows{pool="p",store="s"}': "100x90"},
    ),
    "SettlementUnpriced": (
        {'commonshelf_settlement_oldest_unposted_seconds{pool="p"}': "86000+60x90"},
        {'commonshelf_settlement_oldest_unposted_seconds{pool="p"}': "600x90"},
    ),
    "SettlementUnpublished": (
        {'commonshelf_settlement_oldest_unpublished_seconds{pool="p"}': "3000+60x90"},
        {'commonshelf_settlement_oldest_unpublished_seconds{pool="p"}': "2x90"},
    ),
    "SubscriberFails": ({"commonshelf_webhooks_failing": "1x90"}, {"commonshelf_webhooks_failing": "0x40 1x60"}),
}  # fmt: skip
"""Alert → series, a value a minute, by which it fires an hour later, and by which it does not."""

pytestmark = pytest.mark.needs_debian


def promtool(*arguments: str) -> None:
    ran = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def case(alert: str, series: Series, *, fires: bool) -> dict[str, object]:
    asked = f'count(ALERTS{{alertname="Commonshelf{alert}", alertstate="firing"}})'
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": asked, "eval_time": "60m", "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}
        ],
    }


def test_every_alert_has_a_case():
    assert list(CASES) == ALERTS


def test_prometheus_takes_the_rules():
    promtool("check", "rules", str(RULES_FILE))


def test_prometheus_and_alertmanager_take_their_settings():
    promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))
    config = str(DEPLOY / "alertmanager" / "alertmanager.yml")
    ran = subprocess.run(["amtool", "check-config", config], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"), [("severity=critical", "operators"), ("severity=warning", "operators")]
)
def test_an_alert_reaches_its_receiver(labels, receiver):
    config = f"--config.file={DEPLOY / 'alertmanager' / 'alertmanager.yml'}"
    told = subprocess.run(
        ["amtool", "config", "routes", "test", config, labels], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [receiver]


@pytest.mark.parametrize("fires", [True, False], ids=["firing", "silent"])
def test_alerts_fire_in_their_cases_alone(tmp_path, fires):
    tests = [case(alert, series[0 if fires else 1], fires=fires) for alert, series in CASES.items()]
    file = tmp_path / "test.yml"
    whole = {"rule_files": [str(RULES_FILE)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(whole))  # JSON is YAML
    promtool("test", "rules", str(file))
