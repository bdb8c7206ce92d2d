"""The end of the demo's day: the shops close, restock makes the night's run, and shopkeepers accept some of it."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx

from commonshelf.config.publishing import publish_settings
from commonshelf.demo.consortium import ORIGIN
from commonshelf.demo.restock_watch import RestockWatch
from commonshelf.stack.stack import Stack
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher, publish_and_flush
from schemas.models.config import ConfigChange, OpeningHours
from schemas.models.restock import RestockAnswer, RestockAnswerKind
from schemas.types.restock import RestockProposal

_POLL_S = 0.2
_DEADLINE_S = 120.0
"""A night's run takes some seconds; on a machine with other work to do, longer."""
_ACCEPTED_MAX = 20
_BY = "the shop's owner"


async def pass_night(stack: Stack, watch: RestockWatch) -> None:
    """Close the shops, wait for the night's run, and accept proposals: first those that take a neighbour's surplus.

    Returns after a while in any case, with what there is.
    """
    await asyncio.to_thread(_close_shops, stack)
    closed_at_ms = wall_clock_ms()
    async with httpx.AsyncClient() as client:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while not (watch.view.proposals and await _is_planned(client, stack, closed_at_ms)):
                    watch.check()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            return
    answers = [_approved(one) for one in chosen(list(watch.view.proposals.values()))]
    await asyncio.to_thread(_say, stack, answers)
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while watch.view.accepted < len(answers):
                watch.check()
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return


def chosen(proposals: Iterable[RestockProposal]) -> list[RestockProposal]:
    """Those that the shopkeepers accept: so many, of moves the dearest to leave first, one for each store."""
    waiting = sorted(
        (one for one in proposals if one["status"] == "open"),
        key=lambda one: (not one["moves"], -one["cost_nothing_minor"], one["store"], one["sku"]),
    )
    by_store: dict[str, RestockProposal] = {}
    for one in waiting:
        by_store.setdefault(one["store"], one)
    return list(by_store.values())[:_ACCEPTED_MAX]


def _close_shops(stack: Stack) -> None:
    """Their day ends with the minute that has passed."""
    zone = ZoneInfo(stack.settings.pools[0].time_zone)
    publish_settings(stack.kafka_options, stack.settings.partitions, _closed(stack, datetime.now(zone)))


def _closed(stack: Stack, now: datetime) -> Iterator[ConfigChange]:
    closes_minute = max(now.hour * 60 + now.minute, 1)
    hours = tuple(OpeningHours(weekday=day, opens_minute=0, closes_minute=closes_minute) for day in range(1, 8))
    for store in stack.settings.stores:
        change = store.declared().model_copy(update={"opening": hours})
        yield ConfigChange(pool=store.pool, recorded_at_ms=wall_clock_ms(), origin=ORIGIN, change=change)


async def _is_planned(client: httpx.AsyncClient, stack: Stack, closed_at_ms: int) -> bool:
    """Has restock come to the shops' close, and has it planned what is queued?"""
    address = f"{stack.urls['restock']}/tables/restock"
    try:
        asked = await client.get(address, params={"pool": stack.settings.pools[0].id})
    except httpx.HTTPError:
        return False  # it answers between batches, and one that plans takes a while
    if asked.status_code != httpx.codes.OK:
        return False
    pool = asked.json()
    return bool(pool["clock_ms"] >= closed_at_ms and not pool["queued"])


def _approved(proposal: RestockProposal) -> RestockAnswer:
    return RestockAnswer(
        pool=proposal["pool"], store=proposal["store"], sku=proposal["sku"], version=proposal["version"],
        kind=RestockAnswerKind.approved, by=_BY, recorded_at_ms=wall_clock_ms(), origin=ORIGIN,
    )  # fmt: skip


def _say(stack: Stack, answers: list[RestockAnswer]) -> None:
    with Publisher(stack.kafka_options, stack.settings.partitions) as publisher:
        publish_and_flush(publisher, answers)
