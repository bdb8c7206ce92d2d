"""The words of a page after something was done, by the key in its address: nobody can put words into it."""

from collections.abc import Mapping
from typing import Final

SAID: Final[Mapping[str, str]] = {
    "claimed": "You have taken the task.",
    "done": "Done. Thank you.",
    "short": "Noted what is missing. The pool looks for it elsewhere.",
    "refused": "Refused. The pool asks another store.",
    "shipped": "Noted what you sent.",
    "received": "Noted what came.",
    "approved": "Approved.",
    "changed": "Approved with your quantity.",
    "declined": "Refused: nothing is ordered.",
    "mapped": "The code is known now. Lines that waited for it count.",
    "placed": "The order is placed.",
    "confirmed": "The order is confirmed: the stores pick it.",
    "cancelled": "The order is cancelled.",
    "replayed": "Published again what can be used now.",
    "discarded": "Given up.",
    "signed_out": "You have signed out.",
    "sent": "The goods are reserved: send the customer there.",
}
