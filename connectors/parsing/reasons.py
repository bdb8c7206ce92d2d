"""The reasons of adjustments, by the words that shops use in English, German, French, Spanish, Italian and Dutch.

A word is read in any case, with or without its accents, and with blanks, hyphens or underscores inside. Words that may
mean goods that went as well as goods that came, such as Differenz, are not among them.
"""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

REASONS = ("waste", "damage", "theft", "expiry", "own_use", "found", "other")
TAKES_AWAY = frozenset({"waste", "damage", "theft", "expiry", "own_use"})
"""Reasons for which goods always went, whatever the sign."""

_WORDS: Mapping[str, str] = {
    "waste": (
        "waste wasted wastage spoilage spoiled spoilt discarded thrown_away write_off written_off shrink shrinkage "
        "verderb verdorben schwund abfall entsorgt entsorgung weggeworfen ausschuss abschreibung abschrift "
        "perte pertes gaspillage avarié avariés rebut déchet déchets jeté jetés démarque "
        "merma mermas desperdicio desecho desechado podrido pérdida tirado "
        "scarto scarti spreco avariato calo perdita buttato "
        "afval bederf bedorven derving verspilling weggegooid afgeschreven"
    ),
    "damage": (
        "damage damaged damages broken breakage defective faulty "
        "bruch gebrochen zerbrochen beschädigt beschaedigt beschädigung beschaedigung schaden defekt kaputt "
        "casse cassés endommagé endommagés dommage abîmé abîmés défectueux "
        "rotura roto rotos dañado dañados daño defectuoso averiado "
        "rottura rotto rotti danneggiato danneggiati danno difettoso "
        "breuk gebroken beschadigd beschadiging schade kapot defect"
    ),
    "theft": (
        "theft stolen shoplifting shoplifted diebstahl gestohlen entwendet ladendiebstahl vol vols volé volés "
        "robo robado hurto furto furti rubato taccheggio diefstal gestolen winkeldiefstal"
    ),
    "expiry": (
        "expiry expired expiration out_of_date past_date best_before "
        "abgelaufen ablauf mhd mhd_abgelaufen mhd_überschritten mhd_ueberschritten verfallen verfall "
        "périmé périmés péremption dlc dlc_dépassée date_dépassée "
        "caducado caducados caducidad vencido vencidos vencimiento "
        "scaduto scaduti scadenza verlopen over_datum over_de_datum tht vervallen"
    ),
    "own_use": (
        "own_use internal_use store_use own_consumption eigenverbrauch eigenbedarf eigennutzung "
        "usage_interne usage_propre consommation_interne consommation_propre autoconsommation "
        "uso_propio uso_interno consumo_propio consumo_interno autoconsumo uso_proprio "
        "eigen_gebruik eigen_verbruik intern_gebruik"
    ),
    "found": (
        "found gefunden wiedergefunden wieder_gefunden aufgefunden trouvé trouvés retrouvé retrouvés "
        "encontrado encontrados hallado trovato trovati ritrovato ritrovati gevonden teruggevonden"
    ),
    "other": (
        "other misc miscellaneous correction sonstiges sonstige andere anderes korrektur "
        "autre autres divers otro otros otra varios corrección altro altri varie correzione "
        "overig overige anders diversen correctie"
    ),
}
"""Reason → words for it; a blank inside a word is written _."""


@lru_cache(maxsize=4_096)
def _normal(text: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return " ".join(bare.replace("_", " ").replace("-", " ").split()).rstrip(".")


_REASON_OF = {_normal(word): reason for reason, words in _WORDS.items() for word in words.split()}


def reason_of(word: str) -> str | None:
    """The reason that a word means; None for a word that is not known."""
    return _REASON_OF.get(_normal(word))
