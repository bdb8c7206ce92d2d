"""Rows as the API shows them: what a caller may see of each."""

from typing import Any

from commonshelf.web.callers import Caller
from commonshelf.web.orders_seen import seen_part
from schemas.types.orders import Decision, OrderEvent
from schemas.types.pickup import AppointmentRow
from schemas.types.restock import RestockProposal
from schemas.types.settlement import SettlementStatement
from schemas.types.tasks import TaskRow

Shape = dict[str, object]


def order_shape(event: OrderEvent, decided: OrderEvent | None, caller: Caller) -> Shape:
    """An order; of the parts of other stores a store that has only a part in it sees nothing."""
    event = seen_part(caller, event)
    decision = None if decided is None else seen_part(caller, decided)["decision"]
    return {
        "pool": event["pool"], "order": event["order"], "position": event["position"], "status": event["status"],
        "outcome": event["outcome"], "changed_at_ms": event["at_ms"],
        "lines": [
            _of(line, "line_id", "sku", "quantity_milli", "unfilled_milli", "reason")
            for line in event["lines"]
        ],
        "holds": [_of(hold, "line_id", "sku", "store", "quantity_milli", "state") for hold in event["holds"]],
        "slots": [_of(slot, "store", "place", "slot_ms", "until_ms") for slot in event["slots"]],
        "decision": None if decision is None else _decision(decision),
    }  # fmt: skip


def task_shape(row: TaskRow) -> Shape:
    return _of(
        row, "task", "kind", "store", "order", "transfer", "status", "reason", "worker", "priority", "opened_at_ms",
        "claim_by_ms", "due_ms", "lease_until_ms", "lines", "position",
    )  # fmt: skip


def appointment_shape(row: AppointmentRow) -> Shape:
    shown = _of(
        row, "order", "store", "place", "status", "slot_ms", "is_late", "window_from_ms", "window_until_ms",
        "deadline_ms", "customer", "eta_ms", "position",
    )  # fmt: skip
    return shown | {"until_ms": row["booked_until_ms"]}


def proposal_shape(row: RestockProposal) -> Shape:
    moves = [_of(move, "from_store", "quantity_milli", "cost_minor") for move in row["moves"]]
    return {
        **_of(
            row, "sku", "name", "unit", "version", "status", "planned_at_ms", "on_hand_milli", "incoming_milli",
            "p50_milli", "p90_milli", "buy_milli", "packs", "pack_milli", "buy_cost_minor", "currency", "supplier",
            "order_on", "arrives_on", "why", "agreed_milli", "answered_by", "answered_at_ms",
        ),
        "moves": moves,
    }  # fmt: skip


def statement_shape(row: SettlementStatement) -> Shape:
    """A statement; of the payments of a window those that the party makes or gets."""
    payments = [one for one in row["payments"] if row["party"] in (one["payer"], one["payee"])]
    return {
        **_of(row, "party", "currency", "start_ms", "end_ms", "opening_minor", "closing_minor"),
        "totals": [_of(one, "kind", "belongs_to_ms", "amount_minor", "transactions") for one in row["totals"]],
        "payments": [_of(one, "payer", "payee", "amount_minor") for one in payments],
    }


def _decision(decision: Decision) -> Shape:
    return {
        "costs": decision["costs"], "runner_up": decision["runner_up"],
        "runner_up_milli_minor": decision["runner_up_milli_minor"],
        "passed_over": [_of(one, "store", "reason") for one in decision["refused"]],
        "substitutes": [_of(one, "line_id", "skus") for one in decision["substitutes"]],
    }  # fmt: skip


def _of(row: Any, *fields: str) -> Shape:
    return {field: row[field] for field in fields}
