"""The routes of a store's page: what a shopkeeper opens in the morning, and what is done there."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from starlette.responses import Response

from commonshelf.desks.restock.desk import publish_answers
from commonshelf.desks.settlement.wording import money, party_name
from commonshelf.web.board import paths
from commonshelf.web.board.acts import ORIGIN, by, checked, milli_of, report, until
from commonshelf.web.board.items import Items
from commonshelf.web.board.now import name_of
from commonshelf.web.board.set_aside import SetAside
from commonshelf.web.board.store_view import (
    goods_of,
    newest_window,
    open_proposals,
    task_cards,
    transfer_cards,
)
from commonshelf.web.board.visit import Board, NotAllowed, Refused, Visit, act_route, after, page_route
from commonshelf.web.board.visitors import Form
from commonshelf.web.board.words import (
    REASON_WORDS,
    RUN_CAUSE_WORDS,
    TASK_STATE_WORDS,
    TASK_WORDS,
    WEEKDAY_WORDS,
)
from commonshelf.web.callers import is_open
from messaging.clock import wall_clock_ms
from schemas.models.access import Scope
from schemas.models.restock import RestockAnswer
from schemas.types.config import OpeningHours
from schemas.types.restock import RestockProposal
from streams.settlement.statements import TITLES

_REFUSALS_SHOWN: Final = 10
_MISSING: Final = "missing-"
_DID: Final = {"claimed": "claimed", "done": "done", "short": "short", "refused": "refused"}


class StorePages:
    """The pages of all stores."""

    def __init__(self, board: Board, set_aside: SetAside) -> None:
        self._set_aside = set_aside
        path = "/pool/{pool}/store/{store}"
        self.routes = [
            page_route(board, path, self._page),
            act_route(board, f"{path}/task", self._task, self._page),
            act_route(board, f"{path}/transfer", self._transfer, self._page),
            act_route(board, f"{path}/restock", self._restock, self._page),
            act_route(board, f"{path}/map", self._map, self._page),
        ]

    def _page(self, visit: Visit) -> Response:
        store = visit.need_store()
        name = store["store"]
        stores = visit.views.stores(visit.pool)
        if not visit.may("tasks:read", name):
            if not visit.is_member and name not in visit.views.listings(visit.pool):
                raise NotAllowed  # it shows itself to nobody
            return visit.page(
                "store_public.html",
                store=store,
                is_open=is_open(store, visit.calendar),
                name=name_of(stores, name),
                hours=opening_text(store["opening"]),
            )
        items = Items(visit.views, visit.pool)
        tasks = task_cards(visit.views.tasks(visit.pool, name), items, wall_clock_ms())
        may_restock = visit.may("restock:read", name)
        proposals = open_proposals(visit.views.proposals(visit.pool, name)) if may_restock else []
        statements = visit.views.statements(visit.pool, name) if visit.may("statements:read", name) else []
        names = {one: name_of(stores, one) for one in stores}
        return visit.page(
            "store.html",
            here="store" if visit.caller.store == name else "",
            live=paths.changes(visit.pool, store=name),
            store=store,
            name=name_of(stores, name),
            names=names,
            tasks=tasks,
            transfers=transfer_cards(visit.views.transfers(visit.pool), name, items),
            pickups=visit.views.appointments_at(visit.pool, name),
            proposals=proposals,
            unmapped=self._set_aside.unmapped(visit.pool, name),
            refusals=[row for _, row in islice(visit.views.refusals(visit.pool, name), _REFUSALS_SHOWN)],
            statements=newest_window(statements),
            goods=lambda sku, milli: goods_of(items, sku, milli),
            money=money,
            party=lambda party: party_name(party, names),
            titles=TITLES,
            task_words=TASK_WORDS,
            state_words=TASK_STATE_WORDS,
            reason_words=REASON_WORDS,
            cause_words=RUN_CAUSE_WORDS,
        )

    def _task(self, visit: Visit, form: Form) -> str:
        """Takes, ends, or refuses a task."""
        store = _allowed(visit, "tasks:write")
        did = _DID.get(form.get("did", ""))
        if did is None:
            raise Refused("this button is not known; look at the page again")
        plain: dict[str, object] = {"store": store, "kind": did, "task": form.get("task", "")}
        if did == "claimed":
            plain["worker"] = by(visit)
        if did in ("short", "refused"):
            plain["reason"] = form.get("reason", "")
        if did == "short":
            plain["lines"] = _lines(form, _MISSING)
            if not plain["lines"]:
                raise Refused("say how many are missing")
        report(visit, plain)
        return after(paths.store(visit.pool, store), did)

    def _transfer(self, visit: Visit, form: Form) -> str:
        """Tells what was sent, or what came."""
        store = _allowed(visit, "tasks:write")
        did = form.get("did", "")
        if did not in ("shipped", "received"):
            raise Refused("this button is not known; look at the page again")
        lines = _lines(form, "line-")
        if not lines:
            raise Refused("say how many")
        report(visit, {"store": store, "kind": did, "transfer": form.get("transfer", ""), "lines": lines})
        return after(paths.store(visit.pool, store), did)

    def _restock(self, visit: Visit, form: Form) -> str:
        """Answers a proposal."""
        store = _allowed(visit, "restock:write")
        sku, says = form.get("sku", ""), form.get("says", "")
        row = visit.views.proposal(visit.pool, store, sku)
        if row is None or row["status"] != "open" or str(row["version"]) != form.get("version"):
            raise Refused("this proposal has changed meanwhile: look at what is proposed now")
        buy_milli = milli_of(form.get("units", ""), row["name"]) if says == "changed" else None
        if buy_milli is not None and row["pack_milli"] and buy_milli % row["pack_milli"]:
            raise Refused(f"{row['name']} comes in packs: order whole packs")
        said = checked(RestockAnswer, {
            "pool": visit.pool, "store": store, "sku": sku, "version": row["version"], "kind": says,
            "buy_milli": buy_milli, "with_moves": "moves_shown" not in form or "with_moves" in form, "by": by(visit),
            "recorded_at_ms": wall_clock_ms(), "origin": ORIGIN,
        })  # fmt: skip
        publish_answers(visit.board.connection, [said])

        def answered() -> RestockProposal | None:
            now = visit.views.proposal(visit.pool, store, sku)
            return now if now is not None and (now["version"] > said.version or now["status"] != "open") else None

        if until(answered)["version"] != said.version:
            raise Refused("a newer proposal came before the answer was taken: look at it, and answer it")
        return after(f"{paths.store(visit.pool, store)}#restock", "declined" if says == "refused" else says)

    def _map(self, visit: Visit, form: Form) -> str:
        """Says what a code of the store's till means."""
        store = _allowed(visit, "tasks:write")
        self._set_aside.map_code(visit.pool, store, form.get("code", ""), form.get("item", ""))
        return after(f"{paths.store(visit.pool, store)}#unknown", "mapped")


def _allowed(visit: Visit, scope: Scope) -> str:
    """The store that the address names, for which the key may act. Raises NotThere, NotAllowed."""
    store = visit.need_store()["store"]
    visit.need(scope, store)
    return store


def _lines(form: Form, prefix: str) -> list[dict[str, object]]:
    """What was typed beside each line; what was left empty, or is zero, is not said."""
    told = {
        field.removeprefix(prefix): milli_of(text, field.removeprefix(prefix))
        for field, text in form.items()
        if field.startswith(prefix) and text.strip()
    }
    return [{"line_id": line_id, "quantity_milli": milli} for line_id, milli in told.items() if milli]


def opening_text(opening: Iterable[OpeningHours]) -> list[tuple[str, str]]:
    """(weekday, spans) of the days on which a store opens; none for one that never closes."""
    by_day: dict[int, list[str]] = {}
    for span in opening:
        by_day.setdefault(span["weekday"], []).append(f"{_hour(span['opens_minute'])}-{_hour(span['closes_minute'])}")
    return [(WEEKDAY_WORDS[day - 1], ", ".join(spans)) for day, spans in sorted(by_day.items())]


def _hour(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
