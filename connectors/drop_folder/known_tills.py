"""The exports of well-known tills, by the headers that their vendors write.

Sources: the vendors' help pages on their exports, and public samples of them.
"""

from collections.abc import Mapping, Sequence

from connectors.contract import FieldRefused, SkipReason
from connectors.drop_folder.no_sale import Verdict
from connectors.drop_folder.preset import Preset
from connectors.parsing.quantities import shorten
from schemas.models.pos import SaleLineKind

_SALE, _RETURN = SaleLineKind.sale, SaleLineKind.return_
_TRUE = frozenset({"true", "yes", "1", "ja", "oui"})
_UNPAID = frozenset({"pending", "authorized", "unpaid", "expired", "overdue"})
_CODES_OF_LIGHTSPEED = {
    "vend-discount": SkipReason.fee, "vend-tip": SkipReason.tip, "vend-gift-card": SkipReason.gift_card,
    "gift-card": SkipReason.gift_card,
}  # fmt: skip
"""Of products that Lightspeed itself puts on receipts."""
_UNFULFILLED = frozenset({"", "unfulfilled", "pending", "unshipped", "scheduled", "on hold", "open"})


def _square_item(row: Mapping[str, str]) -> Verdict | None:
    what = row.get("itemization_type", "").lower()
    if what == "gift card":
        return SkipReason.gift_card
    if what in ("custom amount", "service", "appointments service", "digital", "digital good", "event", "donation"):
        return SkipReason.non_stock
    return _word(row, "event_type", {"payment": _SALE, "": _SALE, "refund": _RETURN, "exchange": _SALE})


def _shopify_order(row: Mapping[str, str]) -> Verdict | None:
    financial = row.get("financial_status", "").lower()
    is_unfulfilled = row.get("fulfillment_status", "").lower() in _UNFULFILLED
    if row.get("cancelled_at"):
        return SkipReason.cancelled
    if financial == "voided":
        return SkipReason.voided
    if is_unfulfilled and financial in _UNPAID:
        return SkipReason.unpaid
    if row.get("fulfillment_status", "").lower() == "restocked" or (is_unfulfilled and financial == "refunded"):
        return SkipReason.not_moved
    if row.get("lineitem_sku") or row.get("lineitem_requires_shipping", "").lower() != "false":
        return None
    name = row.get("lineitem_name", "").lower()
    if name == "tip":
        return SkipReason.tip
    return SkipReason.gift_card if "gift card" in name else SkipReason.non_stock


class _Tracked:
    """Leaves out the rows of items whose stock the till does not keep; it says so in the quantity's column."""

    def __init__(self, *quantities: str) -> None:
        self._quantities = quantities

    def __call__(self, row: Mapping[str, str]) -> Verdict | None:
        """The verdict on a row."""
        words = {row[name].lower() for name in self._quantities if name in row}
        return SkipReason.non_stock if words & {"not stocked", "not tracked", "n/a", "-", "∞"} else None


def _lightspeed_line(row: Mapping[str, str]) -> Verdict | None:
    if row.get("line_type", "").lower() != "sale line":
        return SkipReason.no_content
    own = _CODES_OF_LIGHTSPEED.get(row.get("sku", "").lower())
    return own or _word(
        row,
        "status",
        {"voided": SkipReason.voided, "saved": SkipReason.unpaid, "open": SkipReason.unpaid, "layby": SkipReason.unpaid,
         "parked": SkipReason.unpaid, "quote": SkipReason.unpaid}
        | dict.fromkeys(("", "closed", "onaccount", "onaccount_closed", "layby_closed", "dispatched_closed",
                         "pickedup_closed", "awaiting_dispatch", "awaiting_pickup", "account", "laybyclosed"), _SALE),
    )  # fmt: skip


def _loyverse_line(row: Mapping[str, str]) -> Verdict | None:
    if row.get("status", "").lower() in ("cancelled", "canceled"):
        return SkipReason.cancelled
    return _word(row, "receipt_type", {"": _SALE, "sale": _SALE, "refund": _RETURN})


def _toast_selection(row: Mapping[str, str]) -> Verdict | None:
    if row.get("void?", "").lower() in _TRUE:
        return SkipReason.voided
    if row.get("deferred", "").lower() in _TRUE:
        return SkipReason.gift_card
    return None if row.get("item_id") or row.get("sku") or row.get("plu") else SkipReason.non_stock  # an open item


_SUMUP_SALES = ("", "sale", "sales", "payment", "verkauf", "verkäufe", "umsatz", "zahlung", "vente", "paiement")
_SUMUP_REFUNDS = ("refund", "refunds", "rückerstattung", "erstattung", "rückgabe", "remboursement")
_SUMUP_TYPES: Mapping[str, Verdict] = (
    dict.fromkeys(_SUMUP_SALES, _SALE)
    | dict.fromkeys(_SUMUP_REFUNDS, _RETURN)
    | dict.fromkeys(("tip", "tips", "trinkgeld", "pourboire"), SkipReason.tip)
)
_SUMUP_NO_NAMES = frozenset({"", "custom amount", "individueller betrag", "montant personnalisé"})


def _sumup_line(row: Mapping[str, str]) -> Verdict | None:
    what = (row.get("type") or row.get("typ") or "").lower()
    found = _SUMUP_TYPES.get(what)
    if found is None:
        raise FieldRefused("kind", f"{shorten(what)} is not a type of SumUp's that is known")
    name = (row.get("description") or row.get("beschreibung") or "").lower()
    if row.get("sku") or name not in _SUMUP_NO_NAMES:
        return found
    return SkipReason.unlinked if found is _RETURN else SkipReason.non_stock  # a whole receipt paid back has one row


def _clover_line(row: Mapping[str, str]) -> Verdict | None:
    if any(row.get(name, "").lower() in _TRUE for name in ("voided", "is_voided", "deleted", "line_item_voided")):
        return SkipReason.voided
    if row.get("service_charge", "").lower() in _TRUE:
        return SkipReason.fee
    states = (row.get("order_payment_state") or row.get("payment_state") or row.get("order_state") or "").lower()
    if states in ("open", "unpaid", "manual"):
        return SkipReason.unpaid
    if not row.get("item_id"):  # a custom amount
        return SkipReason.non_stock
    if any(row.get(name, "").lower() in _TRUE for name in ("refunded", "exchanged")):
        quantity = row.get("quantity") or row.get("qty") or row.get("per_unit_quantity") or ""
        return _RETURN if quantity.startswith("-") else SkipReason.not_moved  # it came back
    return None


def _woocommerce_product(row: Mapping[str, str]) -> Verdict | None:
    kinds = {kind.strip() for kind in row.get("type", "").lower().split(",")}
    return SkipReason.non_stock if kinds & {"grouped", "external", "virtual"} else None


def _word(row: Mapping[str, str], header: str, words: Mapping[str, Verdict]) -> Verdict:
    found = words.get(row.get(header, "").strip().lower())
    if found is None:
        known = ", ".join(word for word in words if word)
        raise FieldRefused(
            "status", f"{shorten(row.get(header, ''))} in the column {header} is not known; known are {known}"
        )
    return found


PRESETS: tuple[Preset, ...] = (
    Preset(
        "square_items", "Square's export of items in detail", "sales",
        ("date", "time", "item", "qty", "transaction_id", "event_type", "gross_sales"),
        (("date", "occurred_at"), ("time", "occurred_at"), ("time_zone", "time_zone"), ("transaction_id",
        "receipt_no"),
         ("gtin", "gtin"), ("sku", "sku"), ("token", "item"), ("qty", "quantity"), ("unit", "unit"),
         ("net_sales", "price"), ("location", "store")),
        judge=_square_item, has_own_units=True,
    ),
    Preset(
        "square_library", "Square's item library", "level",
        ("token", "item_name", "variation_name", "current_quantity_*"),
        (("gtin", "gtin"), ("sku", "sku"), ("token", "item"), ("current_quantity_*", "quantity"),
         ("unit_and_precision", "unit")),
        has_untracked=True, has_own_units=True,
    ),
    Preset(
        "shopify_orders", "Shopify's export of orders", "sales",
        ("name", "financial_status", "created_at", "lineitem_quantity", "lineitem_name"),
        (("name", "receipt_no"), ("created_at", "occurred_at"), ("currency", "currency"), ("lineitem_sku", "sku"),
         ("lineitem_quantity", "quantity"), ("lineitem_price", "unit_price"), ("location", "store")),
        judge=_shopify_order,
        first_row_only=("financial_status", "fulfillment_status", "cancelled_at"),
    ),
    Preset(
        "shopify_inventory", "Shopify's export of inventory", "level",
        ("handle", "title", "sku", "location", "on_hand|on_hand_(current)"),
        (("sku", "sku"), ("barcode", "gtin"), ("on_hand_(current)|on_hand", "quantity"), ("location", "store")),
        judge=_Tracked("on_hand", "on_hand_(current)"), has_untracked=True,
    ),
    Preset(
        "lightspeed_ledger", "Lightspeed X's sales ledger", "sales",
        ("receipt_number", "line_type", "quantity", "sku"),
        (("date", "occurred_at"), ("receipt_number", "receipt_no"), ("sku", "sku"), ("quantity", "quantity"),
         ("total", "price"), ("register", "register"), ("outlet", "store")),
        judge=_lightspeed_line,
        first_row_only=("status",),
    ),
    Preset(
        "loyverse_items", "Loyverse's export of receipts by item", "sales",
        ("receipt_number", "receipt_type", "item", "quantity"),
        (("date", "occurred_at"), ("receipt_number", "receipt_no"), ("barcode", "gtin"), ("sku", "sku"),
         ("quantity", "quantity"), ("net_sales", "price"), ("pos", "register"), ("store", "store")),
        judge=_loyverse_line,
    ),
    Preset(
        "loyverse_receipts", "Loyverse's export of receipts", "sales",
        ("receipt_number", "receipt_type", "total_collected", "payment_type"),
        refusal='it says what was paid and names no items; export "Receipts by item" instead',
    ),
    Preset(
        "toast_selections", "Toast's export of item selections", "sales",
        ("order_id", "item_selection_id", "menu_item", "qty", "void?"),
        (("order_date", "occurred_at"), ("order_id", "receipt_no"), ("item_selection_id", "line_no"), ("sku", "sku"),
         ("plu", "plu"), ("item_id", "item"), ("qty", "quantity"), ("net_price", "price"), ("location", "store")),
        judge=_toast_selection,
    ),
    Preset(
        "sumup", "SumUp's sales report", "sales",
        ("date", "type", "transaction_id", "quantity", "description", "price_(gross)"),
        (("date", "occurred_at"), ("time", "occurred_at"), ("transaction_id", "receipt_no"), ("quantity", "quantity"),
         ("unit", "unit"), ("sku", "sku"), ("description", "item"), ("currency", "currency"),
         ("price_(gross)", "price")),
        judge=_sumup_line, has_own_units=True,
    ),
    Preset(
        "sumup_de", "SumUp's sales report", "sales",
        ("datum", "typ", "transaktionsnummer|transaktions_id|transaktionscode", "menge|anzahl", "beschreibung",
         "preis_(brutto)|bruttopreis"),
        (("datum", "occurred_at"), ("zeit|uhrzeit", "occurred_at"),
         ("transaktionsnummer|transaktions_id|transaktionscode", "receipt_no"), ("menge|anzahl", "quantity"),
         ("einheit", "unit"), ("sku", "sku"), ("beschreibung", "item"), ("währung", "currency"),
         ("preis_(brutto)|bruttopreis", "price")),
        judge=_sumup_line, has_own_units=True,
    ),
    Preset(
        "sumup_fr", "SumUp's sales report", "sales",
        ("date", "type", "réf_transaction", "quantité", "description", "prix_(ttc)"),
        (("date", "occurred_at"), ("heure", "occurred_at"), ("réf_transaction", "receipt_no"),
         ("quantité", "quantity"), ("unité", "unit"), ("sku", "sku"), ("description", "item"),
         ("devise", "currency"), ("prix_(ttc)", "price")),
        judge=_sumup_line, has_own_units=True,
    ),
    Preset(
        "zettle", "Zettle's export of products sold", "sales",
        ("date", "receipt_number", "name", "variant", "quantity"),
        (("date", "occurred_at"), ("time", "occurred_at"), ("receipt_number", "receipt_no"), ("barcode", "gtin"),
         ("sku", "sku"), ("quantity", "quantity"), ("unit", "unit"), ("currency", "currency"), ("final_price_*",
         "price")),
        has_own_units=True,
    ),
    Preset(
        "clover", "Clover's export of line items", "sales",
        ("line_item_date|order_date", "order_id", "item_id", "item_name"),
        (("line_item_date|order_date", "occurred_at"), ("order_id", "receipt_no"), ("line_item_id", "line_no"),
         ("item_product_code|product_code", "gtin"), ("item_sku|sku", "sku"), ("item_id", "item"),
         ("quantity|qty|per_unit_quantity", "quantity"), ("item_unit", "unit"),
         ("item_total|total_revenue|item_revenue", "price"), ("currency", "currency")),
        judge=_clover_line, is_one_unless_told=True, has_own_units=True,
    ),
    Preset(
        "woocommerce_products", "WooCommerce's export of products", "level",
        ("id", "type", "sku", "in_stock?", "stock"),
        (("sku", "sku"), ("gtin,_upc,_ean,_or_isbn", "gtin"), ("id", "item"), ("stock", "quantity")),
        judge=_woocommerce_product, has_untracked=True,
    ),
)  # fmt: skip


def preset_of(names: Sequence[str]) -> Preset | None:
    """The export that has these headers (as `normal_header` gives them), or None. The most telling one counts."""
    found = [preset for preset in PRESETS if preset.fits(names)]
    return max(found, key=lambda preset: len(preset.needs), default=None)
