"""Usual headers of tables, as `preset.normal_header` gives them, and what they mean."""

import re
from collections.abc import Mapping

from connectors.drop_folder.settings import TABLE_FIELDS

ALIASES: Mapping[str, str] = {field: field for field in TABLE_FIELDS} | {
    "store_id": "store", "shop": "store", "shop_id": "store", "location": "store",
    "register_id": "register", "till": "register", "till_id": "register", "terminal": "register", "pos": "register",
    "receipt": "receipt_no", "receipt_id": "receipt_no", "receipt_number": "receipt_no",
    "transaction_id": "receipt_no",
    "transaction_no": "receipt_no", "ticket": "receipt_no", "bon": "receipt_no", "belegnummer": "receipt_no",
    "line": "line_no", "line_number": "line_no", "position": "line_no", "pos_no": "line_no", "line_id": "line_no",
    "sold_at": "occurred_at", "datetime": "occurred_at", "timestamp": "occurred_at", "time": "occurred_at",
    "counted_at": "occurred_at", "received_at": "occurred_at", "adjusted_at": "occurred_at", "as_of": "occurred_at",
    "occurred": "occurred_at", "business_day": "business_date", "exported_at": "recorded_at",
    "revision": "version", "order": "order_ref", "order_id": "order_ref",
    "type": "kind", "line_type": "kind",
    "barcode": "gtin", "ean": "gtin", "ean13": "gtin", "upc": "gtin", "plu_code": "plu",
    "article_no": "sku", "artikelnummer": "sku", "item_id": "item", "variation_id": "item",
    "qty": "quantity", "menge": "quantity", "counted": "quantity", "on_hand": "quantity", "stock": "quantity",
    "filiale": "store", "tienda": "store", "magasin": "store", "negozio": "store", "winkel": "store",
    "vorgang": "kind", "transaction_type": "kind", "sale_type": "kind",
    "mengeneinheit": "unit", "unidad": "unit", "unité": "unit", "unite": "unit", "unità": "unit", "eenheid": "unit",
    "lieferschein": "document_no", "lieferscheinnummer": "document_no", "bon_de_livraison": "document_no",
    "albarán": "document_no", "albaran": "document_no",
    "uom": "unit", "unit_of_measure": "unit", "einheit": "unit",
    "price_each": "unit_price", "einzelpreis": "unit_price",
    "line_price": "price", "line_total": "price", "amount": "price", "total": "price",
    "document": "document_no", "delivery_note": "document_no", "reference": "document_no", "count_no": "document_no",
    "cause": "reason", "grund": "reason", "ursache": "reason", "buchungsgrund": "reason", "motif": "reason",
    "motivo": "reason", "causa": "reason", "causale": "reason", "reden": "reason", "reason_code": "reason",
    "status": "status", "state": "status", "sale_status": "status", "order_status": "status",
    "receipt_status": "status", "payment_status": "status", "transaction_status": "status",
    "financial_status": "status",
    "zustand": "status", "statut": "status", "estado": "status", "stato": "status",
    "cancelled_at": "cancelled", "canceled_at": "cancelled", "cancelled": "cancelled", "canceled": "cancelled",
    "is_cancelled": "cancelled", "is_canceled": "cancelled", "storniert": "cancelled", "storno": "cancelled",
    "annulé": "cancelled", "annulée": "cancelled", "anulado": "cancelled", "annullato": "cancelled",
    "voided": "voided", "void": "voided", "void?": "voided", "voided?": "voided", "is_void": "voided",
    "is_voided": "voided", "voided_at": "voided", "timezone": "time_zone", "zeitzone": "time_zone",
    "deleted": "voided", "is_deleted": "voided", "deleted_at": "voided", "deleted?": "voided", "gelöscht": "voided",
    "training?": "training", "is_training": "training", "training_mode": "training", "test": "training",
    "is_test": "training", "test_mode": "training", "schulung": "training", "übung": "training",
    "is_paid": "paid", "paid?": "paid", "bezahlt": "paid", "payé": "paid", "pagado": "paid", "pagato": "paid",
    "betaald": "paid",
    "is_return": "returned", "is_refund": "returned", "return?": "returned", "refund?": "returned",
    "ist_retoure": "returned", "ist_rückgabe": "returned",
    "beleg": "receipt_no", "beleg_nr": "receipt_no", "belegnr": "receipt_no", "bon_nr": "receipt_no",
    "bonnr": "receipt_no", "bonnummer": "receipt_no", "bon_nummer": "receipt_no", "receipt_#": "receipt_no",
    "ticket_no": "receipt_no", "ticket_number": "receipt_no", "n°_ticket": "receipt_no",
    "numéro_de_ticket": "receipt_no", "nº_ticket": "receipt_no", "scontrino": "receipt_no", "bonnetje": "receipt_no",
}  # fmt: skip
"""Usual headers, in lower case with underscores, and the field that they mean."""
DAYS = (
    "date", "datum", "fecha", "data", "jour", "tag", "dag", "sale_date", "sales_date", "transaction_date",
    "verkaufsdatum", "belegdatum", "buchungsdatum", "date_vente", "date_de_vente", "fecha_venta", "data_vendita",
    "lieferdatum", "delivery_date", "date_livraison", "date_de_livraison", "fecha_entrega", "fecha_de_entrega",
    "data_consegna", "leverdatum", "wareneingang", "wareneingangsdatum", "eingangsdatum", "received_on",
    "received_date",
    "date_received", "date_de_réception", "date_reception", "fecha_recepcion", "inventurdatum", "zähldatum",
    "zaehldatum",
    "stichtag", "count_date", "counted_on", "stocktake_date", "date_inventaire", "date_d'inventaire",
    "fecha_inventario",
    "data_inventario", "teldatum", "adjustment_date", "stand",
)  # fmt: skip
"""Usual headers of a day: when the sale, the delivery, the count was."""
CLOCKS = (
    "time",
    "uhrzeit",
    "zeit",
    "uhr",
    "hora",
    "heure",
    "ora",
    "tijd",
    "sale_time",
    "transaction_time",
    "time_of_day",
)
OTHER_DAYS = re.compile(
    r"mhd|.*ablauf.*|.*verfall.*|.*haltbar.*|best_?before.*|bb[ed]|.*expir.*|use_by.*|dlc|dluo|ddm|.*peremption.*|"
    r".*péremption.*|.*caduc.*|.*scadenza.*|.*houdbaar.*|created.*|updated.*|modified.*|last_.*|erstellt.*|geändert.*|"
    r"birth.*|.*geburt.*|.*due.*|fällig.*|printed.*|exported.*|gedruckt.*|.*launch.*|.*modified|.*updated"
)
"""Headers of days that are none of these: when goods expire, when a record was changed."""
PACK_SIZES = re.compile(
    r"vpe|ve|verpackungseinheit|gebinde(größe)?|(pack|case)_?(size|qty)|(units|pcs|pieces)_per_(case|pack|box)|"
    r"stück_(pro|je)_.*|colisage|pcb|unidades_por_caja"
)
"""Headers of how many pieces are in what is counted."""
REFUNDED = re.compile(
    r"(is_)?(refunded|exchanged|reversed|chargeback|disputed)\??|erstattet|remboursé|reembolsado|rimborsato"
)
"""Headers of what became of a sale later, which leave open whether its goods came back."""
RETURNED = re.compile(
    r"retouren?|rückgaben?|returns|returned(_(qty|quantity))?|(qty|quantity)_returned|refunded_(qty|quantity)|"
    r"(qté|quantité)_retournée|devoluciones|unidades_devueltas|resi"
)
"""Headers of how many came back."""
REASONS = re.compile(
    r".*(grund|ursache|reason|cause|motif|motivo|causale|reden)(_.*)?|art|type|typ|typ[eo]s?|tipo|vorgang|buchungsart"
)
"""Headers of why stock was changed, which says whether it went or came."""
