"""Two pools that lend each other, and a network between them that is late, loses, repeats and reorders.

The auditor sums up in plain numbers what the home pool's shelf has; what both pools believe is read from their rows.
"""

import random
from collections import Counter
from typing import Any

from tests.proof.simulation.order_checks import require
from tests.support.lending import AWAY, HOME, LENT_SHOP, SHOP, Pools
from tests.support.pool import DAY_MS, HOUR_MS, MILK, MINUTE_MS, NOON_MS

Row = dict[str, Any]
KEPT = ("tentative", "confirmed", "picked")
_LOAN = {HOME: f"loan/{HOME}/lender/{AWAY}/{SHOP}/{MILK}", AWAY: f"loan/{AWAY}/borrower/{HOME}/{SHOP}/{MILK}"}
_NOTHING = {"granted_milli": 0, "returned_milli": 0, "drawn_milli": 0}


def lent(loan: Row | None) -> int:
    return 0 if loan is None else loan["granted_milli"] - loan["returned_milli"] - loan["drawn_milli"]


class LendingAuditor:
    """`on_hand` is what the home pool's shelf has, as whoever acts sums it up, thousandths."""

    def __init__(self, pools: Pools, on_hand: int) -> None:
        self.pools, self.on_hand = pools, on_hand

    def check(self) -> None:
        """After any step. Raises ViolationError."""
        at_home, away = (self.pools.row(pool, _LOAN[pool]) for pool in (HOME, AWAY))
        self._check_counts(at_home, away)
        self._check_borrower(away)
        self._check_lender(at_home)
        self._check_uses()

    def _check_counts(self, at_home: Row | None, away: Row | None) -> None:
        """The borrower has what the lender lent, less what is on its way."""
        require(at_home is not None or away is None, "a loan that nobody gave", away)
        if at_home is None:
            return
        away = away or _NOTHING
        require(lent(at_home) >= 0 and lent(away) >= 0, "less than nothing is lent", at_home, away)
        require(away["granted_milli"] <= at_home["granted_milli"], "more came than was granted", at_home, away)
        for name in ("returned_milli", "drawn_milli"):
            require(away[name] >= at_home[name], "the lender knows more than there is", name, at_home, away)

    def _check_borrower(self, loan: Row | None) -> None:
        """What the borrower promises, it has."""
        held = self.held(AWAY, ("tentative",)).get(LENT_SHOP, 0)
        if loan is None:
            require(not held, "holds of what was never lent", held)
            return
        shelf = self.pools.shelf(AWAY)
        require(shelf["on_hand_milli"] == lent(loan), "the borrowed shelf", shelf, loan)
        require(held <= lent(loan), "more is promised than was lent", held, loan)
        require(shelf["available_milli"] in (0, lent(loan) - held), "the borrowed shelf's availability", shelf, held)

    def _check_lender(self, loan: Row | None) -> None:
        """What the lender promises, it has, or it calls back what it lent."""
        on_hand = self.pools.on_hand_at_home()
        require(on_hand == self.on_hand, "on hand told, summed up", on_hand, self.on_hand)
        kept, picked = (self.held(HOME, states).get(SHOP, 0) for states in (KEPT, ("picked",)))
        require(kept - picked <= max(on_hand - picked, 0), "a unit is held twice", kept, picked, on_hand)
        if loan is not None and lent(loan) and kept + lent(loan) > max(on_hand, picked):
            cover = loan["covered_milli"]
            is_called_back = cover is not None and cover <= max(on_hand - kept, 0)
            require(is_called_back, "lent, not there, and not called back", loan, kept, on_hand)
        available = self.pools.available_at_home()
        require(available <= max(on_hand - kept - lent(loan), 0), "what is lent is promised at home", available, loan)

    def _check_uses(self) -> None:
        """No part of a use comes further at the borrower than at the lender."""
        for name, use in self.pools.rows(AWAY, f"draw/{AWAY}/borrower/").items():
            other = self.pools.row(HOME, f"draw/{HOME}/lender/{AWAY}/{name.rpartition('/')[2]}")
            at_home = {part["part"]: part for part in other["parts"]} if other is not None else {}
            for part in use["parts"]:
                known = at_home.get(part["part"])
                if known is None:
                    is_right = (part["gone_milli"], part["collected_milli"]) == (0, 0)
                else:
                    is_right = (
                        known["reason"] != "not_lent"
                        and known["quantity_milli"] == part["quantity_milli"]
                        and part["gone_milli"] <= known["gone_milli"]
                        and part["collected_milli"] <= known["collected_milli"]
                    )
                require(is_right, "a use of lent goods", part, known)

    def held(self, pool: str, states: tuple[str, ...]) -> Counter[str]:
        """Store → what the pool's orders keep there in one of these states."""
        held: Counter[str] = Counter()
        for order in self.pools.rows(pool, f"order/{pool}/").values():
            for hold in order["holds"]:
                if hold["state"] in states:
                    held[hold["store"]] += hold["quantity_milli"] - hold["sold_at_till_milli"]
        return held

    def check_end(self) -> None:
        """All was told: both know the same, every order has ended, and what is lent is on the shelf."""
        at_home, away = (self.pools.row(pool, _LOAN[pool]) for pool in (HOME, AWAY))
        require((at_home is None) == (away is None), "one knows of a loan", at_home, away)
        if at_home is not None and away is not None:
            require([at_home[name] for name in _NOTHING] == [away[name] for name in _NOTHING], "loans", at_home, away)
            require(lent(at_home) <= max(self.pools.on_hand_at_home(), 0), "lent, and not there", at_home)
        live = [row for row in self.pools.rows(AWAY, f"order/{AWAY}/").values() if row["status"] != "ended"]
        require(not live, "an order that never ends", live[:1])
        require(not self.held(HOME, KEPT), "held for nobody", self.held(HOME, KEPT))
        require(not self.pools.rows(AWAY, f"draw/{AWAY}/"), "a use that never ends")

    def check_returned(self) -> None:
        """The quota is nothing and all was told: what was lent is back or was handed over."""
        for pool in (HOME, AWAY):
            require(not lent(self.pools.row(pool, _LOAN[pool])), "lent quota that never returns", pool)


class LendingLife:
    """Tills, customers and stores of two pools for some days, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"lending {seed}")
        milk = self._chance.choice((4_000, 8_000, 12_000))
        self.pools = Pools(milk)
        self.auditor = LendingAuditor(self.pools, milk)
        self.faults: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self._clock = {HOME: NOON_MS, AWAY: NOON_MS}
        self._orders: dict[str, list[str]] = {HOME: [], AWAY: []}
        self._lost: list[tuple[str, int]] = []
        self._number = 0

    def live(self, days: int) -> None:
        """Raises ViolationError, or whatever the pools raise."""
        deeds = (
            [self._lend] * 2 + [self._receive] * 3 + [self._sell] * 3 + [self._order] * 8 + [self._change] * 4
            + [self._report] * 8 + [self._deliver] * 10 + [self._trouble] * 3
        )  # fmt: skip
        self.pools.lend(self._chance.choice((3_000, 6_000)))
        for _ in range(days * 24):
            for deed in self._chance.choices(deeds, k=2):
                deed()
                self.auditor.check()
            for pool in (HOME, AWAY):
                self._tick(pool, HOUR_MS - self._chance.randrange(5) * MINUTE_MS)
                self.auditor.check()
        self._end()

    def _end(self) -> None:
        """Nothing is lost from now on; the clocks tell again what was. Then everything is called back."""
        self._settle()
        self.auditor.check_end()
        self.pools.lend(0)
        self._settle()
        self.auditor.check_returned()

    def _settle(self) -> None:
        for _ in range(12):
            self.pools.settle()
            for pool in (HOME, AWAY):
                self._tick(pool, 2 * DAY_MS)
        self.pools.settle()
        self.auditor.check()

    def _tick(self, pool: str, later_ms: int) -> None:
        self._clock[pool] += later_ms
        self.pools.tick(pool, self._clock[pool])
        self.pools.now_ms[pool] = self._clock[pool]

    def _milli(self) -> int:
        return self._chance.randint(1, 6) * 1_000

    def _lend(self) -> None:
        self.seen["quota"] += 1
        self.pools.lend(self._chance.choice((0, 0, 1_000, 3_000, 6_000, 20_000)))

    def _receive(self) -> None:
        milli = self._milli()
        self.pools.receive(milli)
        self.auditor.on_hand += milli

    def _sell(self) -> None:
        milli = self._milli()
        self.pools.sell(milli)
        self.auditor.on_hand -= milli

    def _order(self) -> None:
        chance, pool = self._chance, self._chance.choice((AWAY, AWAY, AWAY, HOME))
        self._number += 1
        order = f"o{self._number}"
        self._orders[pool].append(order)
        self.pools.order(
            pool, order, self._milli(), may_split=chance.random() < 0.5, may_part_fill=chance.random() < 0.5,
            deadline_ms=self._clock[pool] + chance.choice((2, 8)) * HOUR_MS,
        )  # fmt: skip
        if chance.random() < 0.7:
            self.pools.request(pool, "confirmed", order)
        self.seen[f"order in {pool}"] += 1

    def _change(self) -> None:
        pool = self._chance.choice((AWAY, AWAY, AWAY, HOME))
        if self._orders[pool]:
            order = self._chance.choice(self._orders[pool][-5:])
            kind = self._chance.choice(("confirmed", "cancelled", "amended"))
            if kind == "amended":
                self.pools.amend(pool, order, self._milli(), self._clock[pool] + 2 * HOUR_MS)
            else:
                self.pools.request(pool, kind, order)

    def _report(self) -> None:
        tasks = self.pools.tasks()
        if not tasks:
            return
        task, kind = self._chance.choice(tasks), self._chance.choice(("done", "done", "done", "short", "refused"))
        reason = None if kind == "done" else self._chance.choice(("not_found", "damaged", "sold", "no_capacity"))
        first, left = task["lines"][0], sum(line["quantity_milli"] for line in task["lines"])
        gone = {"done": 0, "short": first["quantity_milli"], "refused": left}[kind]
        short = [{"line_id": first["line_id"], "quantity_milli": gone}] if kind == "short" else []
        self.pools.fulfil(kind, task["task"], *short, reason=reason)
        if reason == "damaged":
            self.auditor.on_hand -= gone
        if task["kind"] == "hand_over":
            self.auditor.on_hand -= left - gone
            self.seen["handed over"] += 1

    def _deliver(self) -> None:
        for _ in range(self._chance.randint(1, 4)):
            self.seen["messages"] += self.pools.deliver(self._chance.choice((HOME, AWAY)))

    def _trouble(self) -> None:
        """Messages are lost, told again, or come after later ones; a worker dies with one in its hands."""
        kind, pool = self._chance.choice(("lost", "repeated", "reordered", "died")), self._chance.choice((HOME, AWAY))
        delivered = self.pools.delivered[pool]
        if kind == "died":
            self.pools.die(pool)
        elif kind == "repeated" and delivered:
            self.pools.again(pool, self._chance.randrange(delivered))
        elif kind == "reordered" and self._lost:
            self.pools.again(*self._lost.pop(self._chance.randrange(len(self._lost))))
        elif kind in ("lost", "reordered") and delivered < len(self.pools.sent[pool]):
            self.pools.delivered[pool] += 1
            if kind == "reordered":
                self._lost.append((pool, delivered))
        else:
            return
        self.faults[f"message {kind}" if kind != "died" else "died between pools"] += 1
