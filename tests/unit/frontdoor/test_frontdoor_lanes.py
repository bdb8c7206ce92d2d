"""Doctor tells what share of the sales a ledger worker took in the columnar lane."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from commonshelf.stack import doctor
from messaging.metrics.listed import POOL_SALES


@pytest.fixture
def answer(monkeypatch):
    def answers(text: str) -> None:
        monkeypatch.setattr(doctor.httpx, "get", lambda *_, **__: httpx.Response(200, text=text))

    return answers


def test_the_share_is_told_beside_the_worker_s_page(answer):
    registry = CollectorRegistry()
    sales = POOL_SALES.on(registry)
    sales.labels("columnar").inc(2_910)
    sales.labels("ordinary").inc(90)
    answer(generate_latest(registry).decode())
    found = doctor._page("ledger-1", "http://here").found
    assert found == "ready at http://here; of 3,000 sales since its start 97% took the columnar lane"


def test_nothing_is_said_of_a_worker_that_took_no_sales_or_whose_page_is_none(answer):
    registry = CollectorRegistry()
    POOL_SALES.on(registry).labels("columnar")
    for text in (generate_latest(registry).decode(), "", "commonshelf_pool_sales_total{lane= 1"):
        answer(text)
        assert doctor._page("ledger-1", "http://here").found == "ready at http://here"
