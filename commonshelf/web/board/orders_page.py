"""The routes of orders: the list, the form that places one, and one order with its decision."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from starlette.responses import Response

from commonshelf.desks.settlement.wording import money
from commonshelf.web.board import paths
from commonshelf.web.board.acts import ask, milli_of
from commonshelf.web.board.items import Items
from commonshelf.web.board.now import name_of
from commonshelf.web.board.store_view import Goods, goods_of
from commonshelf.web.board.visit import Board, NotAllowed, NotThere, Refused, Visit, act_route, after, page_route
from commonshelf.web.board.visitors import Form
from commonshelf.web.board.words import COST_WORDS, EVENT_WORDS, EXCLUSION_WORDS, REASON_WORDS, STATUS_WORDS
from commonshelf.web.orders_seen import hears, order_prefix, seen_part, sees, sees_all
from messaging.clock import wall_clock_ms
from schemas.types.catalog import CatalogItem
from schemas.types.config import StoreSettings
from schemas.types.orders import Decision, OrderEvent

LINES: Final = 4
HOURS: Final = (1, 2, 4, 8, 24, 48)
_ITEMS_OFFERED: Final = 1_000
_EVENTS_LOOKED_AT: Final = 600
_ORDERS_SHOWN: Final = 40


@dataclass(frozen=True)
class Cost:
    """A term of what an allocation costs. minor: in the currency's minor unit."""

    name: str
    minor: int


@dataclass(frozen=True)
class DecisionNow:
    """The last allocation of the goods: what it costs, what came second, who was passed over and why."""

    costs: Sequence[Cost]
    total_minor: int
    runner_up: Sequence[str]
    runner_up_minor: int | None
    passed_over: Mapping[str, Sequence[str]]
    """Reason in words → the stores' names."""
    instead: Sequence[Goods]
    """What may stand in for what is short."""


def decision_now(
    decision: Decision, stores: Mapping[str, StoreSettings], items: Mapping[str, CatalogItem]
) -> DecisionNow:
    """A decision in the words of people. Costs of nothing are left out."""
    terms = {name.removesuffix("_milli_minor"): milli for name, milli in decision["costs"].items()}
    costs = [Cost(COST_WORDS[name], int(str(milli)) // 1000) for name, milli in terms.items() if milli]
    runner_up = decision["runner_up_milli_minor"]
    passed_over: dict[str, list[str]] = {}
    for one in decision["refused"]:
        passed_over.setdefault(EXCLUSION_WORDS[one["reason"]], []).append(name_of(stores, one["store"]))
    return DecisionNow(
        costs=costs,
        total_minor=sum(int(str(milli)) for milli in terms.values()) // 1000,
        runner_up=[name_of(stores, store) for store in decision["runner_up"]],
        runner_up_minor=None if runner_up is None else runner_up // 1000,
        passed_over=passed_over,
        instead=[goods_of(items, sku, 0) for one in decision["substitutes"] for sku in one["skus"]],
    )


class OrderPages:
    """The pages of all orders."""

    def __init__(self, board: Board) -> None:
        self.routes = [
            page_route(board, "/pool/{pool}/orders", self._list),
            act_route(board, "/pool/{pool}/orders", self._place, self._list),
            page_route(board, "/pool/{pool}/orders/{order}", self._one),
            act_route(board, "/pool/{pool}/orders/{order}", self._ask, self._one),
        ]

    def _list(self, visit: Visit) -> Response:
        visit.need("orders:read")
        found: dict[str, OrderEvent] = {}
        for _, event in islice(visit.views.recent_events(visit.pool), _EVENTS_LOOKED_AT):
            if event["status"] and event["transfer"] is None and event["order"] not in found:
                found[event["order"]] = event
        shown = [seen_part(visit.caller, event) for event in found.values() if is_readable(visit, event)]
        return visit.page(
            "orders.html",
            here="orders",
            live=paths.changes(visit.pool),
            orders=shown[:_ORDERS_SHOWN],
            stores=_stores(visit),
            items=Items(visit.views, visit.pool),
            offered=list(islice(visit.views.items(visit.pool), _ITEMS_OFFERED)) if visit.may("orders:write") else [],
            may_place=visit.may("orders:write"),
            own_store=visit.caller.store or "",
            status_words=STATUS_WORDS,
            hours=HOURS,
            lines=LINES,
        )

    def _place(self, visit: Visit, form: Form) -> str:
        visit.need("orders:write")
        lines = []
        for number in range(1, LINES + 1):
            sku = form.get(f"sku-{number}", "").strip()
            if sku:
                milli = milli_of(form.get(f"units-{number}", ""), sku)
                lines.append({"line_id": str(number), "sku": sku, "quantity_milli": milli})
        if not lines:
            raise Refused("name an item and how much of it")
        hours = form.get("hours", "")
        if hours not in map(str, HOURS):
            raise Refused("say until when the goods are wanted")
        order = new_order(visit)
        event = ask(visit, {
            "order": order, "kind": "placed", "terms": {
                "mode": "pickup", "preferred_store": form.get("store", ""), "lines": lines,
                "deadline_ms": wall_clock_ms() + int(hours) * 3_600_000, "may_split": "one_store" not in form,
                "may_part_fill": "whole" not in form, "only_there": "only_there" in form,
                "customer_ref": form.get("customer", "").strip() or None,
            },
        })  # fmt: skip
        if "confirm" in form and event["status"] == "tentative":
            ask(visit, {"order": order, "kind": "confirmed"})
        return after(paths.order(visit.pool, order), "placed")

    def _one(self, visit: Visit) -> Response:
        order = str(visit.request.path_params["order"])
        events, standing = _readable(visit, order)
        decided, caller = visit.views.decision(visit.pool, order), visit.caller
        stores, items = visit.views.stores(visit.pool), Items(visit.views, visit.pool)
        decision = None if decided is None else seen_part(caller, decided)["decision"]
        currency = "" if visit.settings is None else visit.settings["currency"]
        return visit.page(
            "order.html",
            here="orders",
            live=paths.changes(visit.pool, order=order),
            order=order,
            standing=seen_part(caller, standing),
            events=[seen_part(caller, event) for event in reversed(events) if hears(caller, event)],
            decision=None if decision is None else decision_now(decision, stores, items),
            appointments=[
                one
                for one in visit.views.appointments(visit.pool, order)
                if sees_all(caller, order) or one["store"] == caller.store
            ],
            places={place: row["name"] or place for place, row in visit.views.places(visit.pool).items()},
            stores=_stores(visit),
            items=items,
            money=lambda minor: money(minor, currency),
            may_act=_may_change(visit, order),
            status_words=STATUS_WORDS,
            event_words=EVENT_WORDS,
            reason_words=REASON_WORDS,
        )

    def _ask(self, visit: Visit, form: Form) -> str:
        visit.need("orders:write")
        order, kind = str(visit.request.path_params["order"]), form.get("did", "")
        _readable(visit, order)
        if not _may_change(visit, order):
            raise NotAllowed
        if kind not in ("confirmed", "cancelled"):
            raise Refused("this button is not known; look at the page again")
        ask(visit, {"order": order, "kind": kind})
        return after(paths.order(visit.pool, order), kind)


def new_order(visit: Visit) -> str:
    """The id of a new order, which says by which key it was placed, as those of the API do."""
    key = visit.caller.key
    assert key is not None, "only holders of keys place orders"
    return f"{order_prefix(key['key_id'])}{uuid.uuid4().hex[:8]}"


def is_readable(visit: Visit, event: OrderEvent) -> bool:
    """Whether the key may see the order of an event: its own, one in which its store has a part, or of the pool all."""
    return visit.is_member and sees(visit.caller, event)


def _readable(visit: Visit, order: str) -> tuple[list[OrderEvent], OrderEvent]:
    """(events, how it stands) of an order that the member may see. Raises NotThere, NotAllowed."""
    visit.need("orders:read")
    events = visit.views.order_events(visit.pool, order)
    standing = visit.views.order(visit.pool, order)
    if standing is None or not events:
        raise NotThere
    if not any(is_readable(visit, event) for event in events):
        raise NotAllowed
    return events, standing


def _may_change(visit: Visit, order: str) -> bool:
    """A store that only has a part in an order leaves it to those who placed it."""
    return visit.may("orders:write") and sees_all(visit.caller, order)


def _stores(visit: Visit) -> dict[str, str]:
    """Store → its name, by name."""
    stores = visit.views.stores(visit.pool)
    return dict(sorted(((one, name_of(stores, one)) for one in stores), key=lambda pair: pair[1]))
