"""Columns that say what became of a row: cancelled, voided, pending, paid; and whether it is a sale or a refund."""

import re
from collections.abc import Mapping

from connectors.contract import FieldRefused, SkipReason
from connectors.drop_folder.settings import StatusWord
from connectors.parsing.quantities import shorten
from schemas.models.pos import SaleLineKind

Verdict = SkipReason | SaleLineKind
"""Why a row moves nothing, or what kind of line it is."""

SEPARATOR = "\x1f"
"""Between the cells of several columns with one meaning."""

_MEANS: Mapping[StatusWord, Verdict] = {
    "sale": SaleLineKind.sale, "return": SaleLineKind.return_, "cancelled": SkipReason.cancelled,
    "voided": SkipReason.voided, "unpaid": SkipReason.unpaid, "training": SkipReason.training,
}  # fmt: skip
_STATUS_TEXT: Mapping[StatusWord, str] = {
    "cancelled": "cancelled|canceled|cancel|annulled|deleted|storniert|storno|abgebrochen|gelöscht|annulé|annulée|"
    "annule|"
    "annulee|supprimé|cancelado|cancelada|anulado|anulada|eliminado|annullato|annullata|geannuleerd|geannulleerd",
    "voided": "void|voided|nullified|ungültig",
    "unpaid": "pending|pending payment|payment pending|awaiting payment|unpaid|open|opened|draft|on hold|on_hold|"
    "onhold|"
    "hold|parked|saved|suspended|layby|lay by|layaway|quote|quotation|failed|declined|expired|authorized|authorised|"
    "in progress|offen|ausstehend|unbezahlt|entwurf|fehlgeschlagen|abgelehnt|geparkt|abgelaufen|rejected|"
    "refusé|refusée|expiré|expirée|rechazado|rechazada|rifiutato|rifiutata|scaduto|scaduta|geweigerd|verlopen|"
    "en attente|impayé|impayée|"
    "échoué|"
    "brouillon|pendiente|pendiente de pago|borrador|fallido|in sospeso|in attesa|bozza|fallito|openstaand|concept|"
    "mislukt",
    "training": "training|training mode|test|testmodus|schulung|übung|formation|prueba|prova",
    "return": "return|returned|refund|rückgabe|retoure|erstattung|gutschrift|remboursement|retour|devolución|"
    "devolucion|"
    "reembolso|abono|reso|rimborso|terugbetaling",
    "sale": "sale|sold|closed|paid|complete|completed|done|success|successful|succeeded|finished|finalized|finalised|"
    "settled|captured|approved|accepted|processed|fulfilled|shipped|dispatched|delivered|picked up|collected|"
    "valid|ok|"
    "normal|active|refunded|partially_refunded|partially refunded|partially paid|partially_paid|layby closed|"
    "onaccount|onaccount closed|on account|bezahlt|abgeschlossen|erledigt|verkauft|verkauf|erfolgreich|gebucht|"
    "gültig|"
    "erstattet|vente|vendu|payé|payée|paye|terminé|terminée|clôturé|clôturée|réussi|venta|vendido|pagado|pagada|"
    "completado|completada|cerrado|cerrada|vendita|venduto|pagato|pagata|completato|completata|chiuso|verkoop|"
    "verkocht|encaissé|encaissée|remboursé|remboursée|cobrado|cobrada|reembolsado|reembolsada|incassato|"
    "incassata|rimborsato|"
    "rimborsata|afgerekend|terugbetaald|"
    "betaald|voltooid|afgerond|gesloten",
}  # fmt: skip
_STATUS: Mapping[str, Verdict] = {
    word: _MEANS[meaning] for meaning, words in _STATUS_TEXT.items() for word in words.split("|")
}
_KINDS: Mapping[str, Verdict] = (
    dict.fromkeys(
        ("sale", "sales", "s", "sale line", "item", "purchase", "order", "verkauf", "verkäufe", "vente", "venta",
         "vendita", "verkoop"), SaleLineKind.sale,
    )
    | dict.fromkeys(
        ("return", "returns", "refund", "refunds", "refunded", "r", "credit note", "rückgabe", "retoure",
        "erstattung",
         "rückerstattung", "gutschrift", "remboursement", "retour", "avoir", "devolución", "devolucion", "reembolso",
         "abono", "reso", "rimborso", "terugbetaling"), SaleLineKind.return_,
    )
    | {"return_not_restocked": SaleLineKind.return_not_restocked}
    | dict.fromkeys(("void", "v"), SaleLineKind.void)
    | dict.fromkeys(("cancelled", "canceled"), SkipReason.cancelled)
    | dict.fromkeys(("voided",), SkipReason.voided)
    | dict.fromkeys(
        ("payment", "payments", "tender", "tax", "discount", "rounding", "change", "zahlung", "paiement", "pago",
         "pagamento", "betaling", "rabatt", "steuer"), SkipReason.no_content,
    )
    | dict.fromkeys(("tip", "gratuity", "trinkgeld", "pourboire", "propina", "mancia", "fooi"), SkipReason.tip)
    | dict.fromkeys(("fee", "shipping", "surcharge", "deposit", "versand", "pfand"), SkipReason.fee)
    | dict.fromkeys(("gift card", "gift_card", "gutschein", "voucher", "bon cadeau", "buono"), SkipReason.gift_card)
    | dict.fromkeys(("service", "services", "dienstleistung", "prestation", "servicio", "servizio", "dienst"),
                    SkipReason.non_stock)
)  # fmt: skip
_NOT_SET = frozenset({"", "0", "no", "n", "false", "nein", "non", "falsch", "faux", "nee", "-", "f", "not cancelled"})
_SET = frozenset({"1", "yes", "y", "true", "ja", "j", "oui", "o", "sí", "si", "s", "wahr", "vrai", "x", "t", "✓"})
SAYING = ("cancelled", "voided", "training", "paid", "returned", "status", "kind")
"""Fields that say what became of a row."""
_FLAGS = (
    ("cancelled", SkipReason.cancelled), ("voided", SkipReason.voided), ("training", SkipReason.training),
)  # fmt: skip
_BLANKS = re.compile(r"[\s_-]+")


def judged(fields: Mapping[str, str], words: Mapping[str, StatusWord]) -> Verdict | None:
    """What the columns of states and the kind say of a row; None when they say nothing. Raises FieldRefused.

    words: the operator's own, before the usual ones. A reason to leave the row out is stronger than a kind of line.
    """
    kind: Verdict | None = None
    if not words and fields.keys().isdisjoint(SAYING):
        return None
    for name, reason in _FLAGS:
        if name in fields and any(each not in _NOT_SET for each in _cells(fields, name)):
            return reason
    if any(each and each in _NOT_SET for each in _cells(fields, "paid")):  # a sum that was paid is no answer
        return SkipReason.unpaid
    if any(each in _SET for each in _cells(fields, "returned")):
        kind = SaleLineKind.return_
    own = {_word(word): _MEANS[meaning] for word, meaning in words.items()} if words else {}
    for cell in fields.get("status", "").split(SEPARATOR):
        found = _of(cell, own, _STATUS, "status")
        if isinstance(found, SkipReason):
            return found
        kind = kind if found in (None, SaleLineKind.sale) else found
    text = fields.get("kind", "")
    found = _of(text, own, _KINDS, "kind")
    return kind if found is None or (kind is not None and found is SaleLineKind.sale) else found


def is_yes(cell: str) -> bool:
    """True for a cell that says yes, in any of the words that are known."""
    return cell.strip().lower() in _SET


def _cells(fields: Mapping[str, str], name: str) -> list[str]:
    return [cell.strip().lower() for cell in fields.get(name, "").split(SEPARATOR)]


def _of(cell: str, own: Mapping[str, Verdict], usual: Mapping[str, Verdict], field: str) -> Verdict | None:
    if not cell:
        return None
    found = usual.get(cell) if not own else None
    if found is not None:
        return found
    word = _word(cell)
    found = own.get(word) or usual.get(word) or usual.get(cell.strip().lower())
    if found is None:
        what = "is not a kind of sale line: use sale, return, return_not_restocked, void, or say"
        if field == "status":
            what = "does not say whether this was a sale; say"
        raise FieldRefused(
            field,
            f"{shorten(cell)} {what} in the option status_words what it means: "
            f'status_words = {{ "{cell}" = "sale" }}, or "return", "cancelled", "voided", "unpaid"',
        )
    return found


def _word(text: str) -> str:
    return _BLANKS.sub(" ", text.strip().lower())
