"""The auditor of the simulation: after each batch, what the pool published against what it must be.

Books are summed up anew from the inputs. Of orders, tasks and transfers each step is checked against what may follow
from its cause: what is promised was available, each unit is held once, nothing comes back from its end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from messaging.journal import JournalEntry, read_page
from schemas.codec import BadMessage, topic_codec
from schemas.topics import (
    PICKUP_APPOINTMENTS,
    POOL_AVAILABILITY,
    POOL_CONFIG,
    POOL_JOURNAL,
    POOL_TASKS,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    MEMBERSHIP_CHANGED,
    ORDER_CHANGED,
    ORDER_REQUEST_DECIDED,
    SALE_RECORDED,
    TASK_CHANGED,
    TRANSFER_CHANGED,
    TRANSFER_REQUEST_DECIDED,
    Fact,
)
from streams.runtime.contract import InputRecord, OutputRecord
from tests.proof.faults.records import Record, ShelfKey
from tests.proof.faults.replay import decode_availability
from tests.proof.simulation.books import Books
from tests.proof.simulation.membership import check_members, take_turn
from tests.proof.simulation.order_checks import KEPT, Row, check_lines, check_steps, require
from tests.proof.simulation.pickup import AppointmentChecks, can_be_met, check_code
from tests.support.pool import POOL, headers_of

_LIVE = ("open", "claimed")
_NEXT = {"pick": ("confirmed", "picked"), "hand_over": ("picked", "collected")}
_FOLLOWS = (ORDER_CHANGED, TASK_CHANGED, TRANSFER_CHANGED, MEMBERSHIP_CHANGED)
_OUTCOMES = ("collected", "part_collected", "unfilled", "not_collected", "cancelled", "expired")
_RINGS = {"sale": 1, "void": -1}
_PREFIX = "__connect.errors."


def _follow(rows: dict[str, Row], name: str, row: Row | None) -> None:
    """Keep the row, or drop it."""
    if row is None:
        rows.pop(name, None)
    else:
        rows[name] = row


class Auditor:
    """Follows one pool from its first record."""

    def __init__(self) -> None:
        self.books = Books()
        self.clock_ms = 0
        self.orders: dict[str, Row] = {}
        self.transfers: dict[str, Row] = {}
        self.tasks: dict[str, Row] = {}
        self.entries: list[JournalEntry] = []
        self.seen: Counter[str] = Counter()
        """What happened, by kind: shows that a run was not idle."""
        self._held: defaultdict[ShelfKey, int] = defaultdict(int)
        self._requests: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        self._reports: set[tuple[str, str]] = set()
        self._moved_for: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._told: dict[ShelfKey, tuple[int, int]] = {}
        self._table: dict[str, Row] = {}
        self._touched_orders: dict[str, None] = {}
        self._live_orders: dict[str, Row] = {}
        self._lines = 0
        self._barred: set[tuple[str, str, str]] = set()
        """(order, line, store) that could not give what it was to give."""
        self._live_tasks: dict[str, Row] = {}
        self._appointments = AppointmentChecks()

    # --- batches ----------------------------------------------------------------------------------------

    def check(self, records: list[InputRecord], outputs: Iterable[OutputRecord], pool: Row | None) -> list[Row]:
        """A batch: its inputs in their order, what was published, and the pool's row after it; gives the tasks.

        Raises ViolationError.
        """
        entries: defaultdict[tuple[str, int], list[JournalEntry]] = defaultdict(list)
        letters: defaultdict[tuple[str, int], list[tuple[str, bytes | None]]] = defaultdict(list)
        shelves, tasks, appointments = [], [], []
        for output in outputs:
            if output.topic == POOL_JOURNAL.name:
                for entry in read_page(output.value):
                    require(entry.position == len(self.entries) + 1, "journal numbers have a gap", entry.position)
                    self.entries.append(entry)
                    entries[entry.cause[0], entry.cause[2]].append(entry)
            elif ".dlq." in output.topic:
                headers = headers_of(output)
                cause = headers[_PREFIX + "topic"], int(headers[_PREFIX + "offset"])
                letters[cause].append((headers["commonshelf.reason"], output.value))
            elif output.topic == POOL_AVAILABILITY.name:
                shelves.append(decode_availability(output.value or b""))
            elif output.topic == POOL_TASKS.name:
                tasks.append(output)
            elif output.topic == PICKUP_APPOINTMENTS.name:
                appointments.append(output)
        for record in records:
            cause = record.topic, record.offset
            self._input(Record(*record), [entry.fact for entry in entries.pop(cause, ())], letters.pop(cause, []))
        require(not entries and not letters, "outcomes of records that were not in the batch", *entries, *letters)
        if pool is not None:
            require(pool["clock_ms"] == self.clock_ms, "the pool's clock", pool["clock_ms"], self.clock_ms)
            outcomes = [pool[f"lines_{name}"] for name in ("applied", "duplicate", "stale", "quarantined")]
            require(sum(outcomes) == self._lines, "every line has one outcome", outcomes, self._lines)
        self._check_availability(shelves)
        self._appointments.check(appointments, self._live_orders)
        return self._check_tasks(tasks)

    def _check_availability(self, told: list[Row]) -> None:
        for row in told:
            self._told[row["pool"], row["sku"], row["store"]] = row["on_hand_milli"], row["available_milli"]
        for shelf in self.books.touched:
            self._check_told(shelf)
        self.books.touched.clear()

    def _check_told(self, shelf: ShelfKey) -> None:
        told, expected = self._told.get(shelf), (self.books.on_hand_milli(shelf), self._available_milli(shelf))
        require(told == expected, "(on hand, available) told, expected", shelf, told, expected)

    def _available_milli(self, shelf: ShelfKey) -> int:
        milli = max(self.books.lent_milli(shelf) - self._held[shelf], 0)
        return milli - milli % 1000 if self.books.unit(shelf[0], shelf[1]) == "each" else milli

    def _check_tasks(self, outputs: list[OutputRecord]) -> list[Row]:
        decode, told = topic_codec(POOL_TASKS.name).decode, []
        for output in outputs:
            name = str(output.key).removeprefix(f"{POOL}/")
            if output.value is None:
                self._table.pop(name, None)
            else:
                self._table[name] = decode(output.value)
                told.append(self._table[name])
        for row in told:
            require(row == self.tasks.get(row["task"]), "published task", row, self.tasks.get(row["task"]))
        require(self._table.keys() == self.tasks.keys(), "tasks published", *(self._table.keys() ^ self.tasks.keys()))
        return told

    # --- inputs -----------------------------------------------------------------------------------------

    def _input(self, record: Record, facts: list[Fact], letters: list[tuple[str, bytes | None]]) -> None:
        try:
            event = self.books.read(record)
        except BadMessage as bad:
            require([why for why, _ in letters] == [bad.reason], "a dead letter", record, bad.reason, letters)
            require(not facts, "a dead letter has an entry", record)
            self.seen[bad.reason] += 1
            return
        require(facts, "no entry and no dead letter", record.cause, event, letters)
        require(not [kind for kind, _ in facts[1:] if kind not in _FOLLOWS], "what follows", record.cause, facts)
        require(facts[0][0] not in _FOLLOWS, "an entry of its own", record.cause, facts)
        set_aside: dict[str, list[str]] = defaultdict(list)
        if record.topic in (POS_SALES.name, POS_STOCK.name):
            self._lines += len(event["lines"])
            for line, reason in self.books.take(record, event):
                set_aside[reason].append(line["line_id"])
                self.seen[reason] += 1
            if facts[0][0] == SALE_RECORDED and event["order_ref"] is not None:
                self._ring_up(event, facts[0][1])
        elif record.topic == POOL_TICKS.name:
            self._tick(facts[0][1])
        elif record.topic == POOL_CONFIG.name:
            self.books.touched.update(dict.fromkeys(self.books.shelves))
        decode = topic_codec(record.topic).decode
        told = {why: [line["line_id"] for line in decode(value)["lines"]] for why, value in letters}
        require(told == set_aside, "lines set aside", record.cause, told, dict(set_aside))
        first = len(self.entries) + 1
        for fact in facts:
            self._fact(fact, event, record, first)
        self._check_settled(record)

    def _tick(self, event: Row) -> None:
        self.clock_ms = max(self.clock_ms, event["at_ms"])
        for rows in (self.orders, self.transfers, self.tasks):
            for name in [name for name, row in rows.items() if 0 < row["forget_at_ms"] <= self.clock_ms]:
                kept_ms = self.books.pool(POOL)["ended_retention_ms"]
                require(self.clock_ms >= rows[name]["ended_at_ms"] + kept_ms, "forgotten early", rows[name])
                del rows[name]

    def _ring_up(self, event: Row, fields: Row) -> None:
        """Goods of an order that the till tells of: what moved is the pool's word, within what the till told."""

        def moves(one: Row, at_ms: int, kind: str) -> None:
            used_milli = -one["delta_milli"] if kind in ("sale", "return", "void") else 0
            self.books.pass_((POOL, one["sku"], event["store"]), at_ms, one["delta_milli"], used_milli)

        for one in fields["reversed"]:
            moves(one, one["occurred_at_ms"], one["kind"])
        for one in fields["applied"]:
            told = fields["event"]["lines"][one["line"]]
            moves(one, event["occurred_at_ms"], told["kind"])
            rest = _RINGS.get(told["kind"], 0) * told["quantity_milli"] + one["delta_milli"]
            is_bounded = abs(rest) <= abs(one["sold_at_till_milli"]) or told["kind"] not in _RINGS
            require(is_bounded, "units rung up move once", event, one)
        order = self.orders.get(event["order_ref"])
        if order is not None and not fields["reversed"]:
            self._check_rung_up(order, event, fields["applied"])

    def _check_rung_up(self, order: Row, event: Row, taken: list[Row]) -> None:
        """Of what the till tells, as much is the order's as the store kept for it and has not rung up yet."""
        kept: Counter[str] = Counter()
        rung: Counter[str] = Counter()
        for hold in order["holds"]:
            if hold["store"] == event["store"]:
                kept[hold["sku"]] += hold["quantity_milli"]
                rung[hold["sku"]] += hold["sold_at_till_milli"]
        for one in taken:
            told = event["lines"][one["line"]]
            milli, sku = _RINGS.get(told["kind"], 0) * told["quantity_milli"], one["sku"]
            expected = min(milli, kept[sku] - rung[sku]) if milli > 0 else max(milli, -rung[sku])
            require(one["sold_at_till_milli"] == expected, "goods of an order rung up", one, expected, order, event)
            rung[sku] += expected

    # --- facts ------------------------------------------------------------------------------------------

    def _fact(self, fact: Fact, event: Row, record: Record, first: int) -> None:
        kind, fields = fact
        turned = take_turn(self.books, fact)
        if turned is not None:
            self.seen[turned] += 1
        self._appointments.take(fact, max(self.clock_ms, event.get("recorded_at_ms", 0)))
        if kind in (ORDER_REQUEST_DECIDED, TRANSFER_REQUEST_DECIDED):
            self._request(kind, fields, record)
        if kind == FULFILMENT_REPORT_DECIDED:
            self._report(fields, event)
        if fields.get("order") is not None:
            self._order(kind, fields)
        if fields.get("transfer") is not None and kind in (
            FULFILMENT_REPORT_DECIDED,
            TRANSFER_REQUEST_DECIDED,
            TRANSFER_CHANGED,
        ):
            self._transfer(kind, fields)
        for task in fields.get("tasks", ()):
            before = self.tasks.get(task["task"])
            require(before is None or before["status"] in _LIVE, "a task that had ended", before, task)
            if task["status"] == "late":
                require(task["due_ms"] <= self.clock_ms, "late before it was due", task)
            self.tasks[task["task"]] = task
            _follow(self._live_tasks, task["task"], task if task["status"] in _LIVE else None)
            self.seen[f"task {task['kind']} {task['status']}"] += 1

    def _request(self, kind: str, fields: Row, record: Record) -> None:
        """What becomes of a request must follow from what was asked before."""
        request, name = fields["request"], fields["request"]["order"]
        before = self.orders.get(name) if kind == ORDER_REQUEST_DECIDED else self.transfers.get(name)
        known = self._requests[name] if before is not None else {}
        told = request | {"recorded_at_ms": 0, "origin": ""}
        self.seen[f"{request['kind']} {fields['outcome']}"] += 1
        now_ms = max(self.clock_ms, request["recorded_at_ms"])
        may: tuple[str, ...] = ("accepted", "refused")
        if request["key"] in known:
            may = ("duplicate",) if known[request["key"]] == told else ("refused",)
        elif request["kind"] == "placed" and kind == ORDER_REQUEST_DECIDED:
            is_new = before is None and name not in self.transfers
            is_in_time = request["terms"]["deadline_ms"] > now_ms and can_be_met(request["terms"], now_ms)
            may = ("accepted",) if is_new and is_in_time else ("refused",)
        elif request["kind"] == "confirmed" and kind == ORDER_REQUEST_DECIDED:
            may = ("accepted",) if before is not None and before["status"] == "tentative" else ("refused",)
        elif request["kind"] == "cancelled" and kind == ORDER_REQUEST_DECIDED:
            may = ("accepted",) if before is not None and before["status"] != "ended" else ("refused",)
        elif before is not None and before["status"] == "ended":
            may = ("refused",)
        require(fields["outcome"] in may, "outcome of a request", record.cause, request, fields["outcome"], may)
        after = fields.get("order") or fields.get("transfer")
        require((after is not None) == (fields["outcome"] == "accepted"), "a request without effect", fields)
        if fields["outcome"] == "accepted":
            if before is None:
                self._requests[name] = {}
            self._requests[name][request["key"]] = told

    def _report(self, fields: Row, event: Row) -> None:
        """A repeat changes nothing; goods damaged, handed over or moved between stores change the books."""
        self.seen[f"{event['kind']} {fields['outcome']}"] += 1
        about = event["task"] or event["transfer"] or event["order"]
        if fields["outcome"] != "accepted":
            changed = [fields["order"], fields["transfer"], *fields["tasks"], *fields["corrections"]]
            require(not any(changed), "a report without effect", fields)
            return
        require((about, event["report_id"]) not in self._reports, "a report taken twice", event)
        self._reports.add((about, event["report_id"]))
        task = self.tasks.get(event["task"] or "")
        require(task is None or task["status"] in _LIVE, "a report on a task that has ended", task)
        order = fields["order"]
        if order is not None and task is not None:
            if task["kind"] == "hand_over":
                check_code(self.orders[order["order"]], event)
            self._goods_of_task(task, self.orders[order["order"]], order, event)
        elif fields["transfer"] is not None:
            for one in fields["corrections"]:
                shelf, milli = (POOL, one["sku"], one["store"]), one["delta_milli"]
                if one["kind"] == "not_found":
                    self.books.not_found(shelf, one["occurred_at_ms"], one["not_found_milli"])
                if one["kind"] != "damaged":
                    self._moved_for[fields["transfer"]["transfer"], one["sku"]] += milli
                used_milli = -milli if one["kind"] == "shipped" else 0
                self.books.pass_(shelf, one["occurred_at_ms"], milli, used_milli)

    def _goods_of_task(self, task: Row, before: Row, order: Row, event: Row) -> None:
        store, (was, becomes) = task["store"], _NEXT[task["kind"]]
        missing = {one["line_id"]: (one["quantity_milli"], one["reason"] or event["reason"]) for one in event["lines"]}
        if event["kind"] == "refused":
            missing = {one["line_id"]: (one["quantity_milli"], event["reason"]) for one in task["lines"]}
        for told in task["lines"]:
            shelf = (POOL, told["sku"], store)
            at_ms = event["occurred_at_ms"]
            all_milli = self._milli(before, told["line_id"], store, was)
            kept_milli = all_milli - self._milli(before, told["line_id"], store, was, "sold_at_till_milli")
            short_milli, reason = missing.get(told["line_id"], (0, ""))
            short_milli = min(short_milli, kept_milli)
            if task["kind"] == "hand_over" and kept_milli > short_milli:
                self.books.pass_(shelf, at_ms, short_milli - kept_milli, kept_milli - short_milli)
                self._moved_for[order["order"], f"{told['sku']}@{store}"] += short_milli - kept_milli
            if reason == "damaged" and short_milli:
                self.books.pass_(shelf, at_ms, -short_milli, 0)
            if reason in ("not_found", "wrong_item"):
                self.books.not_found(shelf, at_ms, short_milli)
            moved_milli = sum(  # what the till has rung up of what is short counts as collected
                self._milli(order, told["line_id"], store, state) - self._milli(before, told["line_id"], store, state)
                for state in {becomes, "collected"}
            )
            if order["terms"]["may_split"] and order["terms"]["may_part_fill"]:
                require(moved_milli == all_milli - short_milli, "goods that a task moved", task, event, before, order)

    @staticmethod
    def _milli(order: Row, line_id: str, store: str, state: str, what: str = "quantity_milli") -> int:
        place = (line_id, store, state)
        return sum(one[what] for one in order["holds"] if (one["line_id"], one["store"], one["state"]) == place)

    def _order(self, kind: str, fields: Row) -> None:
        order, name = fields["order"], fields["order"]["order"]
        before = self.orders.get(name)
        what = fields["request"]["kind"] if kind == ORDER_REQUEST_DECIDED else fields.get("kind", "reported")
        self.seen[f"order {what}"] += 1
        self._touched_orders[name] = None
        if before is not None and before["status"] == "ended":
            require(what == "sold_at_till", "an order that had ended", what, before, order)
            require(order["outcome"] == before["outcome"], "another outcome", before, order)
        if what == "expired":
            require(before and before["status"] == "tentative", "only what is not confirmed expires", before)
            require(before and before["expires_at_ms"] <= self.clock_ms, "expired early", before, self.clock_ms)
        check_steps(what, kind, before, order)
        self._check_promises(what, fields, before, order)
        check_lines(order)
        if what in ("broken", "late") and before is not None and order["terms"]["may_split"]:
            for hold in before["holds"]:
                place = (hold["line_id"], hold["store"], hold["state"])
                if hold["state"] in KEPT and self._milli(order, *place) < self._milli(before, *place):
                    self._barred.add((name, *place[:2]))
        for sign, row in ((-1, before), (1, order)):
            for hold in row["holds"] if row is not None else ():
                if hold["state"] in KEPT:
                    shelf = (POOL, hold["sku"], hold["store"])
                    self._held[shelf] += sign * (hold["quantity_milli"] - hold["sold_at_till_milli"])
                    self.books.touched[shelf] = None
        self.orders[name] = order
        _follow(self._live_orders, name, None if order["status"] == "ended" else order)
        if order["status"] == "ended":
            self._check_ended(order)

    def _check_promises(self, what: str, fields: Row, before: Row | None, order: Row) -> None:
        """What is newly held was available, where it may come from."""
        known = {(one["line_id"], one["store"], one["position"]) for one in (before or {"holds": ()})["holds"]}
        if what == "amended" and before is not None:  # a store that keeps a part of a line may give the line anew
            self._barred -= {(order["order"], one["line_id"], one["store"]) for one in before["holds"]}
        new = [one for one in order["holds"] if (one["line_id"], one["store"], one["position"]) not in known]
        promised: defaultdict[ShelfKey, int] = defaultdict(int)
        lines = {line["line_id"]: line for line in order["lines"]}
        for hold in new:
            shelf = (POOL, hold["sku"], hold["store"])
            promised[shelf] += hold["quantity_milli"]
            line = lines[hold["line_id"]]
            require(line["sku"] == hold["sku"], "another item", hold, line)
            is_whole = self.books.unit(POOL, hold["sku"]) != "each" or hold["quantity_milli"] % 1000 == 0
            require(is_whole and hold["quantity_milli"] > 0, "a part of a unit", hold)
            declined_by = [one["store"] for one in line["declined_by"]]
            is_barred = (order["order"], hold["line_id"], hold["store"]) in self._barred
            require(hold["store"] not in declined_by and not is_barred, "back to a store that refused it", hold, line)
        for shelf, milli in promised.items():
            freed = sum(
                one["quantity_milli"] - one["sold_at_till_milli"] for one in before["holds"]
                if (one["sku"], one["store"]) == shelf[1:] and one["state"] in KEPT
            ) if what == "amended" and before is not None else 0  # fmt: skip
            free = self.books.lent_milli(shelf) - self._held[shelf] + freed
            require(milli <= free, "promised more than was available", shelf, milli, free, order)
        if new:
            self.seen["promises"] += len(new)
            stores = {one["store"] for one in order["holds"]}
            require(len(stores) <= 3, "more than three stores", order)
            require(order["terms"]["may_split"] or len(stores) == 1, "split, and may not be", order)

    def _check_ended(self, order: Row) -> None:
        collected = sum(one["quantity_milli"] for one in order["holds"])
        wanted = sum(line["quantity_milli"] for line in order["lines"])
        require(not [one for one in order["holds"] if one["state"] in KEPT], "ended and still holds", order)
        require(order["outcome"] in _OUTCOMES, "an order ends with an outcome", order)
        is_collected = order["outcome"] in ("collected", "part_collected")
        require(is_collected == (collected > 0), "outcome and what was collected", order)
        require(order["outcome"] != "collected" or collected >= wanted, "collected means all", order)
        require(order["forget_at_ms"] >= order["terms"]["deadline_ms"], "remembered too short", order)
        self.seen[f"order ended {order['outcome']}"] += 1

    def _transfer(self, kind: str, fields: Row) -> None:
        row, name = fields["transfer"], fields["transfer"]["transfer"]
        before = self.transfers.get(name)
        self.seen[f"transfer {row['status']} {row['outcome']}"] += 1
        if before is None:
            for line in row["lines"]:
                shelf = (POOL, line["sku"], row["from_store"])
                free = self.books.lent_milli(shelf) - self._held[shelf]
                require(line["held_milli"] <= free, "kept more for a transfer than was available", shelf, free, row)
        for sign, one in ((-1, before), (1, row)):
            for line in one["lines"] if one is not None else ():
                shelf = (POOL, line["sku"], one["from_store"])
                self._held[shelf] += sign * line["held_milli"]
                self.books.touched[shelf] = None
        if kind == TRANSFER_CHANGED:
            require(not fields["corrections"], "time and breaks move no goods", fields)
        self.transfers[name] = row
        for line in row["lines"]:
            arrived = line["received_milli"] + line["returned_milli"] + line["damaged_milli"]
            left = max(line["shipped_milli"] - line["mis_shipped_milli"], arrived)
            nowhere = left - line["received_milli"] - line["returned_milli"]
            require(left >= arrived + line["lost_milli"], "less than nothing on its way", line)
            require(self._moved_for[name, line["sku"]] == -nowhere, "units of a transfer", name, line)
            require(row["status"] != "ended" or left == arrived + line["lost_milli"], "ended on its way", row)

    # --- at the end of each input -----------------------------------------------------------------------

    def _check_settled(self, record: Record) -> None:
        for name in self._touched_orders:
            order = self.orders[name]
            for line in order["lines"] if order["status"] != "ended" else ():
                kept = sum(one["quantity_milli"] for one in order["holds"] if one["line_id"] == line["line_id"])
                is_settled = kept + line["unfilled_milli"] == line["quantity_milli"]
                require(is_settled, "wanted, and neither held nor given up", record.cause, line, order)
            self._check_order_tasks(order)
        self._touched_orders.clear()
        picked: defaultdict[ShelfKey, int] = defaultdict(int)
        for order in self._live_orders.values():
            for hold in order["holds"]:
                if hold["state"] == "picked":
                    shelf = (POOL, hold["sku"], hold["store"])
                    picked[shelf] += hold["quantity_milli"] - hold["sold_at_till_milli"]
        for shelf in self.books.touched:
            held = self._held[shelf]
            if held:
                there = max(self.books.on_hand_milli(shelf), picked[shelf], 0)
                require(0 <= held <= there, "a unit is held twice", shelf, held, there)
        if record.topic in (POOL_TICKS.name, POOL_CONFIG.name):
            check_members(self.books, self.books.stores(POOL), self.clock_ms)
        if record.topic == POOL_TICKS.name:
            self._check_due()

    def _check_order_tasks(self, order: Row) -> None:
        """Stores are asked for what they keep: to pick it, then, once all of it is picked, to hand it over."""
        states: defaultdict[str, set[str]] = defaultdict(set)
        for hold in order["holds"]:
            if hold["state"] in ("confirmed", "picked"):
                states[hold["store"]].add(hold["state"])
        expected = {(store, "pick" if "confirmed" in found else "hand_over") for store, found in states.items()}
        live = [
            one for one in self._live_tasks.values() if one["order"] == order["order"] and one["kind"] != "put_back"
        ]  # fmt: skip
        require({(one["store"], one["kind"]) for one in live} == expected, "tasks of an order", live, expected, order)
        require(len(live) == len(expected), "a task twice", live)

    def _check_due(self) -> None:
        for task in self._live_tasks.values():
            require(task["due_ms"] > self.clock_ms, "a task is due and nothing follows", task, self.clock_ms)
            is_leased = task["status"] == "open" or task["lease_until_ms"] > self.clock_ms
            require(is_leased, "a claim ran out and nothing follows", task, self.clock_ms)
        for order in self._live_orders.values():
            is_held = order["status"] != "tentative" or order["expires_at_ms"] > self.clock_ms
            require(is_held, "holds expired and nothing follows", order, self.clock_ms)

    def check_end(self, changelog: Mapping[str, bytes]) -> None:
        """Time alone has ended everything, and nothing is kept for anybody; `changelog` has the rows that are left."""
        for what, rows in (("order", self.orders), ("transfer", self.transfers)):
            left = [row for row in rows.values() if row["status"] != "ended"]
            require(not left, f"{what} that never ends", left[:1])
        left = [task for task in self.tasks.values() if task["status"] in _LIVE]
        require(not left, "a task that never ends", left[:1])
        require(not any(self._held.values()), "held for nobody", {k: v for k, v in self._held.items() if v})
        self._appointments.check_end(changelog)
        self.seen += self._appointments.seen
        for shelf in self.books.shelves:
            self._check_told(shelf)
