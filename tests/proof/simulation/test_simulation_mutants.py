"""The auditor bites: every bug planted in the decisions is found within a few lives."""

from pathlib import Path

import pytest

from tests.proof.faults.mutants import MUTANTS as OF_THE_ENGINE
from tests.proof.restock.mutants import OF_RESTOCK
from tests.proof.settlement.mutants import OF_SETTLEMENT
from tests.proof.simulation.mutants import MUTANTS, OF_LENDING
from tests.proof.simulation.order_checks import ViolationError
from tests.proof.simulation.run import simulate, simulate_lending

PAGE = Path(__file__).resolve().parents[3] / "docs" / "simulation.md"


def live(seeds):
    for seed in seeds:
        simulate(seed, 5)


def restock(seeds):
    for seed in seeds:
        simulate(seed, 3, is_restocked=True)


def lend(seeds):
    for seed in seeds:
        simulate_lending(seed, 3)


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_bug_is_found(name, monkeypatch):
    MUTANTS[name](monkeypatch)

    with pytest.raises(ViolationError):
        live(range(1, 13))


@pytest.mark.parametrize("name", sorted(OF_SETTLEMENT))
def test_a_planted_bug_of_settlement_is_found(name, monkeypatch):
    OF_SETTLEMENT[name](monkeypatch)

    with pytest.raises(ViolationError):
        live(range(1, 41))  # tills seldom void what they rang up for an order


@pytest.mark.parametrize("name", sorted(OF_RESTOCK))
def test_a_planted_bug_of_restock_is_found(name, monkeypatch):
    OF_RESTOCK[name](monkeypatch)

    with pytest.raises(ViolationError):
        restock(range(1, 7))


@pytest.mark.parametrize("name", sorted(OF_LENDING))
def test_a_planted_bug_of_lending_is_found(name, monkeypatch):
    OF_LENDING[name](monkeypatch)

    with pytest.raises(ViolationError):
        lend(range(1, 13))


def test_the_page_lists_every_planted_bug():
    listed = [line.split("|")[1].strip() for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    assert {*MUTANTS, *OF_LENDING, *OF_RESTOCK, *OF_SETTLEMENT, *OF_THE_ENGINE} <= set(listed)
