"""What each connector's till tells after its first order: revisions that lack a line, or say less of it.

A cell is a function of the till, the order as it was told first, and its revision, which it may change; it gives what
the connector reads after the first.
"""

from collections.abc import Callable

from tests.support import tills
from tests.support.tills import GONE, NULLED, REFUSED, RENAMED, SECOND, SKIPPED, Till

Cell = Callable[[Till, dict, dict], list]


def NO_SUCH(_till, _first, _second):  # noqa: N802  a cell that says that there can be none
    """The connector has no reason to skip a line."""
    raise NotImplementedError


def _changed(**fields) -> Cell:
    """The revision, of which the second line has other fields."""

    def revise(till, _first, second):
        till.lines(second)[1].update(fields)
        return [till.read(second)]

    return revise


def _nulled(till, _first, second):
    till.lines(second)[1].update(dict.fromkeys(till.names, till.nothing))
    return [till.read(second)]


def _renamed(till, _first, second):
    till.lines(second)[1][till.sku or till.names[0]] = till.renamed()
    return [till.read(second)]


def _refused(till, _first, second):
    till.lines(second)[1][till.quantity] = "many"
    return [till.read(second)]


def _without_second(till, order):
    """The order without its second line, which it gives back."""
    return till.lines(order).pop()


def _shopify_gone(till, _first, second):
    line = _without_second(till, second)
    refunded = {"id": 91, "line_item_id": line["id"], "quantity": 3, "restock_type": "return", "line_item": line}
    second["refunds"] = [{"id": 9, "created_at": SECOND, "refund_line_items": [refunded], "transactions": []}]
    return [till.read(second)]


def _square_gone(till, _first, second):
    line = _without_second(till, second)
    second["returns"] = [{"source_order_id": "O1", "return_line_items": [line | {"source_line_item_uid": line["uid"]}]}]
    return [till.read(second)]


def _woocommerce_gone(till, _first, second):
    line = _without_second(till, second)
    told = [{"key": "_refunded_item_id", "value": str(line["id"])}]
    refund = {
        "id": 50, "date_created_gmt": SECOND[:-1],
        "line_items": [line | {"id": 99, "quantity": -3, "total": "-3.98", "meta_data": told}],
    }  # fmt: skip
    second["refunds"] = [{"id": 50, "total": "-3.98"}]
    return [tills.woocommerce.translate_order(second, [refund], tills.GROCER, tills.READING)]


def _clover_gone(till, first, second):
    """Clover marks the line as refunded, and a later revision lacks it."""
    till.lines(second)[1].update(refunded=True, refund={"id": "R", "createdTime": tills.AT_MS + 60_000})
    third = till.order(version=3)
    line = _without_second(till, third)
    third["refunds"] = {"elements": [{"id": "R", "createdTime": tills.AT_MS, "lineItems": {"elements": [line]}}]}
    return [till.read(second), till.read(third)]


def _odoo_gone(till, _first, second):
    """A refund is an order of its own, whose line names the one that it takes back; the order keeps that one."""
    line = till.lines(second)[1] | {"id": 21, "qty": -3, "refunded_orderline_id": [12, "x"]}
    return [till.read(second), till.read(second | {"id": 2, "lines": [line]})]


def _loyverse_gone(till, _first, second):
    line = till.lines(second)[1] | {"id": "r"}
    refund = {"receipt_number": "2-1009", "receipt_type": "REFUND", "refund_for": "2-1008", "line_items": [line]}
    return [till.read(second), till.read(second | refund)]


def _lightspeed_gone(till, _first, second):
    line = till.lines(second)[1] | {"id": "r", "quantity": -3, "is_return": True}
    return [till.read(second), till.read(second | {"id": "s2", "return_for": "s1", "line_items": [line]})]


def _webhook_gone(till, _first, second):
    line = till.lines(second)[1] | {"line_id": "r", "kind": "return"}
    return [till.read(second), till.read(second | {"id": "2", "version": 1, "lines": [line]})]


def _drop_folder_gone(till, first, _second):
    """An export of later in the day has the receipt as it was, and the refund as a receipt of its own."""
    line = till.lines(first)[1] | {"receipt_no": "2", "line_no": "1", "kind": "return"}
    lines = [each | {"kind": "sale"} for each in till.lines(first)]
    return [till.read({"lines": [*lines, line]})]


def _cells(skipped: Cell, gone: Cell) -> dict[str, Cell]:
    return {NULLED: _nulled, RENAMED: _renamed, REFUSED: _refused, SKIPPED: skipped, GONE: gone}


MATRIX: dict[str, dict[str, Cell]] = {
    "shopify": _cells(_changed(gift_card=True), _shopify_gone),
    "square": _cells(_changed(item_type="CUSTOM_AMOUNT"), _square_gone),
    "clover": _cells(_changed(isRevenue=False), _clover_gone),
    "lightspeed": _cells(_changed(gift_card_number="7"), _lightspeed_gone),
    "loyverse": _cells(_changed(total_money=-1), _loyverse_gone),
    "woocommerce": _cells(_changed(total="-1"), _woocommerce_gone),
    "odoo": _cells(_changed(price_subtotal_incl=-1), _odoo_gone),
    "webhook": _cells(NO_SUCH, _webhook_gone),
    "drop_folder": _cells(_changed(status="pending"), _drop_folder_gone),
}
"""Kind of connector → cell → how its till tells it."""
