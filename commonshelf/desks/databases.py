"""A database that the settings name, opened for one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from messaging.errors import UserError


@contextmanager
def usable(name: str, where: str | Path, section: str, unusable: type[UserError]) -> Iterator[None]:
    """Tell in one sentence, as `unusable`, that the database `name` does not answer as it should.

    section: of the settings, which name it.
    """
    try:
        yield
    except SQLAlchemyError as error:
        # Not the whole error: its statement may be about an address.
        cause = getattr(error, "orig", None)
        said = str(cause).splitlines()[0] if cause is not None and str(cause) else type(error).__name__
        raise unusable(f"{name} at {where} cannot be used ({said}); check {section} in the settings") from None
    except OSError as error:
        raise unusable(f"{name} at {where} cannot be used ({error.strerror}); check its rights") from None
