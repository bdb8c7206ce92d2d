"""A shopkeeper's answer to a proposal: what becomes of the proposal, what is ordered, and what neighbours are asked."""

from hashlib import blake2b
from typing import NamedTuple

from schemas.codec import BadMessage
from schemas.types.catalog import CatalogItem
from schemas.types.requests import OrderRequest
from schemas.types.restock import ProposalStatus, ProposedMove, PurchaseLine, RestockAnswer, RestockProposal

UNKNOWN_PROPOSAL, SUPERSEDED, ANSWERED, BAD_QUANTITY = "unknown_proposal", "superseded", "answered", "bad_quantity"
"""Reasons for which an answer is set aside."""
ORIGIN = "restock"


class Agreed(NamedTuple):
    """The consequences of an answer."""

    proposal: RestockProposal
    purchase: PurchaseLine | None
    transfers: list[OrderRequest]


def answer(
    proposal: RestockProposal | None, item: CatalogItem | None, said: RestockAnswer, appended_at_ms: int
) -> Agreed | None:
    """What follows; None for an answer that was given before in the same words. Raises BadMessage for one that is no
    good: the proposal is unknown, superseded or answered otherwise, or the quantity is not in whole packs.
    """
    where = f"{said['store']}, {said['sku']}, version {said['version']}"
    if proposal is None or said["version"] > proposal["version"]:
        raise BadMessage(UNKNOWN_PROPOSAL, f"{where}: no such proposal; `./shelf restock plan` lists them")
    if said["version"] < proposal["version"]:
        raise BadMessage(SUPERSEDED, f"{where}: version {proposal['version']} is the newest; answer that one")
    if proposal["status"] == "withdrawn":
        raise BadMessage(SUPERSEDED, f"{where}: it was withdrawn; nothing is needed any more")
    bought = _bought_milli(proposal, said)
    if proposal["status"] != "open":
        had_moves = any(move["transfer"] is not None for move in proposal["moves"])
        has_moves = said["with_moves"] and said["kind"] != "refused" and bool(proposal["moves"])
        if (proposal["status"], proposal["agreed_milli"], had_moves) == (said["kind"], bought, has_moves):
            return None
        raise BadMessage(ANSWERED, f"{where}: it is {proposal['status']} already, and the first answer counts")
    if bought % proposal["pack_milli"]:
        raise BadMessage(
            BAD_QUANTITY, f"{where}: {bought} thousandths are not whole packs of {proposal['pack_milli']}; round it"
        )
    moves = proposal["moves"] if said["with_moves"] and said["kind"] != "refused" else []
    transfers = [_transfer(proposal, move, appended_at_ms) for move in moves]
    status: ProposalStatus = said["kind"]
    named: list[ProposedMove] = [
        {**move, "transfer": transfers[at]["order"] if moves else None} for at, move in enumerate(proposal["moves"])
    ]
    after: RestockProposal = {
        **proposal, "status": status, "agreed_milli": bought, "moves": named, "answered_by": said["by"],
        "answered_at_ms": said["recorded_at_ms"],
    }  # fmt: skip
    return Agreed(after, _purchase(after, item) if bought else None, transfers)


def _bought_milli(proposal: RestockProposal, said: RestockAnswer) -> int:
    if said["kind"] == "changed":
        return said["buy_milli"] or 0
    return proposal["buy_milli"] if said["kind"] == "approved" else 0


def _transfer(proposal: RestockProposal, move: ProposedMove, appended_at_ms: int) -> OrderRequest:
    """The request for a move. Its id follows from the proposal's name, so that no move is asked for twice."""
    name = "/".join(
        (proposal["pool"], proposal["store"], proposal["sku"], str(proposal["version"]), move["from_store"])
    )
    order = f"restock-{blake2b(name.encode(), digest_size=10).hexdigest()}"
    return {
        "pool": proposal["pool"], "order": order, "kind": "placed", "key": order, "recorded_at_ms": appended_at_ms,
        "origin": ORIGIN, "terms": None,
        "transfer": {
            "from_store": move["from_store"], "to_store": proposal["store"],
            "lines": [{"line_id": "1", "sku": proposal["sku"], "quantity_milli": move["quantity_milli"]}],
        },
    }  # fmt: skip


def _purchase(agreed: RestockProposal, item: CatalogItem | None) -> PurchaseLine:
    packs = agreed["agreed_milli"] // agreed["pack_milli"]
    return {
        "pool": agreed["pool"], "store": agreed["store"], "supplier": agreed["supplier"] or "", "sku": agreed["sku"],
        "gtin": None if item is None else item["gtin"], "name": agreed["name"], "unit": agreed["unit"],
        "version": agreed["version"], "quantity_milli": agreed["agreed_milli"], "packs": packs,
        "pack_milli": agreed["pack_milli"], "cost_minor": packs * agreed["pack_cost_minor"],
        "currency": agreed["currency"], "order_on": agreed["order_on"], "arrives_on": agreed["arrives_on"],
        "agreed_by": agreed["answered_by"] or "", "agreed_at_ms": agreed["answered_at_ms"] or 0,
    }  # fmt: skip
