"""The checks of `doctor`: each one thing, as a finding with what to do about it."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from commonshelf.config.preflight import blockers, new_folders, secrets_of
from commonshelf.config.settings import Settings
from commonshelf.config.sources import Loaded, SettingsError, load
from commonshelf.embedded_kafka.errors import JavaError
from commonshelf.embedded_kafka.jars import cache_dir
from commonshelf.embedded_kafka.java import find_java
from commonshelf.stack.broker_clocks import Behind, furthest_behind
from commonshelf.stack.certificates import UnreadableCertificateError, certificate_dates
from commonshelf.stack.connection import Connection, NothingRunsError, connect, data_dirs
from commonshelf.stack.processes import addresses, is_free
from commonshelf.stack.roles import ROLES, Role
from commonshelf.stack.runtime_file import read_running, read_runtime
from commonshelf.stack.topic_status import newest_append_ms
from commonshelf.text import counted
from connectors.installed import installed
from connectors.partners import installed_partners
from messaging.clock import wall_clock_ms
from messaging.cluster import UnreachableError, open_cluster
from messaging.metrics.listed import POOL_SALES
from messaging.topic_admin import TopicsError, topic_problems
from schemas.models.config import PoolSettings
from schemas.topics import POOL_TICKS

_DISK_NEEDED_MIB = 1024
_MEMORY_NEEDED_MIB = 1024
_CLOCK_SKEW_MAX_S = 5.0


@dataclass(frozen=True)
class Finding:
    """One line of the doctor. `is_well` is None for what cannot be checked now, which is no fault."""

    what: str
    is_well: bool | None
    found: str
    to_do: str = ""


Check = Callable[[Connection], Finding]
"""Of a desk, once Kafka answers."""


def examine(config: Path | None, bootstrap: str | None, of_desks: Sequence[Check] = ()) -> Iterator[Finding]:
    """All checks, the cheap and basic ones first."""
    yield _python()
    yield _java()
    yield _memory()
    yield _cache()
    try:
        loaded = load(config, overrides={"kafka.bootstrap_servers": bootstrap} if bootstrap else None)
    except SettingsError as error:
        yield Finding("settings", is_well=False, found=str(error), to_do="correct the settings, then run doctor again")
        return
    yield Finding("settings", is_well=True, found=f"{loaded.file or 'defaults, no file'}")
    yield from _connectors()
    yield from _start(loaded.settings)
    yield from _exposed_secrets(loaded.settings)
    yield _disk(loaded.settings.data_dir)
    yield from _certificates(loaded.settings)
    yield _note(loaded, config)
    try:
        connection = connect(config, bootstrap)
    except (NothingRunsError, SettingsError) as error:
        is_fault = isinstance(error, SettingsError)
        yield Finding("Kafka", is_well=False if is_fault else None, found=str(error))
        yield from _ports(loaded)
        return
    if connection.runtime is None:
        yield from _ports(loaded)
    yield from _running(connection, of_desks)


def _running(connection: Connection, of_desks: Sequence[Check]) -> Iterator[Finding]:
    broker = _broker(connection)
    yield broker
    if broker.is_well:
        yield _topics(connection)
        for check in of_desks:
            yield check(connection)
        yield _clock(connection)
    if connection.runtime is None:
        yield Finding("workers", None, "no stack of this machine uses this Kafka, so no pages to ask")
        return
    for name, url in connection.runtime.urls.items():
        if name not in ("web", "webhooks"):
            yield _page(name, url)
    yield _registry(connection.runtime.urls["web"])


def _python() -> Finding:
    return Finding("Python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or newer")


def _java() -> Finding:
    try:
        java = find_java()
    except JavaError as error:
        return Finding("Java", is_well=False, found=str(error))
    return Finding("Java", is_well=True, found=f"{java.major} at {java.executable}")


def _memory() -> Finding:
    free_mib = psutil.virtual_memory().available >> 20
    return Finding(
        "memory", free_mib >= _MEMORY_NEEDED_MIB, f"{free_mib} MiB available",
        f"close other programs: Kafka and the workers take about {_MEMORY_NEEDED_MIB} MiB",
    )  # fmt: skip


def _cache() -> Finding:
    folder = cache_dir()
    nearest = _existing(folder)
    if not os.access(nearest, os.W_OK):
        return Finding("cache", False, f"{folder} is not writable", "set COMMONSHELF_CACHE to a folder of yours")
    jars = sum(1 for _ in folder.rglob("*.jar")) if folder.is_dir() else 0
    return Finding("cache", True, f"{folder}, {f'{jars} jars of Kafka' if jars else 'Kafka not downloaded yet'}")


def _disk(data_dir: Path) -> Finding:
    nearest = _existing(data_dir)
    free_mib = shutil.disk_usage(nearest).free >> 20
    is_well = free_mib >= _DISK_NEEDED_MIB and os.access(nearest, os.W_OK)
    found = f"{free_mib} MiB free in {data_dir}" if os.access(nearest, os.W_OK) else f"{data_dir} is not writable"
    return Finding("disk", is_well, found, "free some space, or set data_dir to a folder on another disk")


def _connectors() -> Iterator[Finding]:
    """Those that are installed and cannot be used; nothing is said when all can."""
    for broken in (*installed()[1], *installed_partners()[1]):
        yield Finding(
            "connector", False, f"{broken.name} is installed but cannot be used: {broken.reason}",
            "install the package anew, or take it away",
        )  # fmt: skip


def _start(settings: Settings) -> Iterator[Finding]:
    """What would keep `up` from starting, and folders that it makes; nothing is said of what is well."""
    for blocker in blockers(settings, os.environ):
        yield Finding(blocker.what, False, blocker.found, blocker.to_do)
    for folder in new_folders(settings):
        yield Finding("folder", None, f"{folder} is not there yet; `./shelf up` makes it")


def _exposed_secrets(settings: Settings) -> Iterator[Finding]:
    """A secret that others may read, by name; nothing is said of the others."""
    for whose, source in secrets_of(settings):
        if source.is_exposed:
            yield Finding("secret", False, f"others may read the {whose} in {source.where}", f"chmod 600 {source.file}")


def _certificates(settings: Settings) -> Iterator[Finding]:
    """A client certificate needs its key renewed as well; a cluster's own is its operators' to renew."""
    now = datetime.now(UTC)
    try:
        for one in certificate_dates(settings.kafka):
            yield Finding("certificate", one.is_well(now), one.sentence(now), "renew it before it ends")
    except UnreadableCertificateError as error:
        yield Finding("certificate", False, str(error), "correct the path, or look into the broker")


def _note(loaded: Loaded, config: Path | None) -> Finding:
    for folder in data_dirs(loaded, config):
        if (runtime := read_running(folder)) is not None:
            return Finding("running", True, f"a stack on {folder}, process {runtime.pid}")
        if (runtime := read_runtime(folder)) is not None:
            return Finding(
                "running", False, f"{folder}/runtime.json is left from process {runtime.pid}, which was killed",
                "nothing is lost: start it again, or remove that file",
            )  # fmt: skip
    return Finding("running", None, "no stack on this machine; `./shelf demo` or `./shelf up` starts one")


def _ports(loaded: Loaded, roles: Iterable[Role] = ROLES) -> Iterator[Finding]:
    wanted = addresses(loaded.settings, roles)
    taken = [(key, port) for key, (host, port) in wanted.items() if port and not is_free(host, port)]
    for key, port in taken:
        yield Finding(
            "ports", False, f"port {port} is taken", f"stop the process that has it, or set http.{key} (0 picks one)"
        )
    if not taken:
        named = [str(port) for _, port in wanted.values() if port]
        yield Finding("ports", True, f"{', '.join(named)} free" if named else "free ones are picked at each start")


def _broker(connection: Connection) -> Finding:
    address = connection.kafka_options["bootstrap.servers"]
    try:
        _, cluster = open_cluster(connection.kafka_options, 10)
    except UnreachableError as error:
        return Finding(
            "Kafka", False, f"no answer from {address}: {error}",
            "check that it runs, the address, the network and the security settings",
        )  # fmt: skip
    return Finding("Kafka", True, f"{counted(len(cluster.brokers), 'broker')} at {address}")


def _topics(connection: Connection) -> Finding:
    try:
        settings = connection.settings
        problems = topic_problems(connection.kafka_options, settings.partitions, settings.kafka.topic_replicas)
    except TopicsError as error:
        return Finding("topics", is_well=False, found=str(error))
    found = "; ".join(problems[:3]) + (f"; and {len(problems) - 3} more" if len(problems) > 3 else "")
    return Finding(
        "topics", not problems, found or "all as declared", "run `./shelf up`, which creates and repairs them"
    )


def _page(name: str, url: str) -> Finding:
    try:
        answer = httpx.get(f"{url}/ready", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return Finding(name, False, f"no answer at {url}: {error}", f"look into {name}.log among the logs")
    if answer.status_code == httpx.codes.OK:
        return Finding(name, True, f"ready at {url}{_lanes(url)}")
    said = " ".join(answer.text.split())[:200]
    return Finding(name, False, f"not ready at {url}: {said}", f"wait a moment; else look into {name}.log")


def _lanes(url: str) -> str:
    """What share of the sales each lane of a ledger worker took; nothing of a worker that took none."""
    try:
        text = httpx.get(f"{url}/metrics", timeout=5, trust_env=False).text
        families = {family.name: family for family in text_string_to_metric_families(text)}
    except (httpx.HTTPError, ValueError):
        return ""
    sales = families.get(POOL_SALES.name.removesuffix("_total"))
    by_lane = {} if sales is None else {
        one.labels["lane"]: one.value for one in sales.samples if one.name == POOL_SALES.name
    }  # fmt: skip
    total = sum(by_lane.values())
    if not total:
        return ""
    return f"; of {total:,.0f} sales since its start {by_lane['columnar'] / total:.0%} took the columnar lane"


def _clock(connection: Connection) -> Finding:
    """Brokers stamp what they append: ahead of this machine or behind the ticks that they stamp, a clock is wrong."""
    try:
        newest_ms = newest_append_ms(connection.kafka_options)
        behind = furthest_behind(connection.kafka_options)
    except TopicsError as error:
        return Finding("clock", False, str(error))
    ahead_s = (newest_ms - wall_clock_ms()) / 1000
    if ahead_s > _CLOCK_SKEW_MAX_S:
        return Finding("clock", False, f"Kafka's clock is {ahead_s:.0f} s ahead of this machine's", "set both by NTP")
    if behind is not None and behind.behind_ms > 1000 * _CLOCK_SKEW_MAX_S:
        return Finding("clock", False, _says_behind(behind), "set the clocks of brokers and workers by NTP")
    return Finding(
        "clock", True, "this machine's and Kafka's agree" if newest_ms >= 0 else "nothing to compare with yet"
    )


def _says_behind(behind: Behind) -> str:
    """A pool's `future_skew_ms` may be another than the default; which pools a partition has is not looked up."""
    most_s = PoolSettings.model_fields["future_skew_ms"].default // 1000
    return (
        f"the leader of {POOL_TICKS.name}, partition {behind.partition}, stamped its newest tick "
        f"{behind.behind_ms / 1000:.0f} s before the time that the tick says; beyond future_skew_ms "
        f"({most_s} s unless set) what tills tell is set aside as in_the_future"
    )


def _registry(url: str) -> Finding:
    try:
        answer = httpx.get(f"{url}/subjects", timeout=5, trust_env=False)
        subjects = answer.json() if answer.status_code == httpx.codes.OK else []
    except (httpx.HTTPError, ValueError) as error:
        return Finding("schema registry", False, f"no answer at {url}/subjects: {error}", "look into http.log")
    return Finding("schema registry", bool(subjects), f"{len(subjects)} subjects at {url}", "look into http.log")


def _existing(path: Path) -> Path:
    """The nearest folder that is there."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
