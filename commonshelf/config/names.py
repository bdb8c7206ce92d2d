"""Names of pools, stores and items that are not there, told in one way by every desk."""

from collections.abc import Iterable

from rapidfuzz import process, utils

from messaging.errors import UserError

_SHOWN_MAX = 8
_NEAR_SCORE = 70


class UnknownNameError(UserError):
    """A pool, a store or an item that is not there; the sentence names those that are."""


def unknown_name(what: str, name: str, known: Iterable[str], of: str = "", about: str = "") -> UnknownNameError:
    """The error about a name that is not there: the one most like it, and those that are, the most like first.

    what: store. of: where it should be, "pool riverside"; empty where names are of no one. about: what named it.
    """
    names = sorted(known)
    near = process.extractOne(name, names, processor=utils.default_process, score_cutoff=_NEAR_SCORE)
    shown = names
    if len(names) > _SHOWN_MAX:
        shown = [one for one, *_ in process.extract(name, names, processor=utils.default_process, limit=_SHOWN_MAX)]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    meant = f"did you mean {near[0]}? " if near is not None else ""
    return UnknownNameError(
        f"{f'{about}: ' if about else ''}{f'{of} has no' if of else 'there is no'} {what} {name!r}; "
        f"{meant}{'its' if of else 'known'} {what}s: {', '.join(shown) or 'none'}{more}"
    )


def check_name(what: str, name: str, known: Iterable[str], of: str = "") -> None:
    """Raise UnknownNameError unless `name` is among the known ones; parameters as in `unknown_name`."""
    names = list(known)
    if name not in names:
        raise unknown_name(what, name, names, of)
