"""Settings as a stack hands them to its processes: what they name in files is in them, and they read back the same."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from commonshelf.config.settings import Settings
from messaging.errors import UserError


class UnreadableSettingsError(UserError):
    """Settings of a stack that cannot be read back."""


def resolved_text(settings: Settings) -> str:
    """The settings as JSON, for `read_resolved`. Raises UnreadableSettingsError when they would not read back."""
    resolved = settings.model_copy(
        update={
            "stores": tuple(
                store.model_copy(update={"connectors": tuple(each.resolved() for each in store.connectors)})
                for store in settings.stores
            )
        }
    )
    text = resolved.model_dump_json(indent=1)
    try:
        read = Settings.model_validate_json(text)
    except ValidationError as error:
        raise UnreadableSettingsError(f"the processes could not read these settings: {_first(error)}") from None
    lost = _difference(resolved, read)
    if lost:
        raise UnreadableSettingsError(f"the processes would read {lost} otherwise than it is set")
    return text


def read_resolved(file: Path) -> Settings:
    """The settings of a stack that runs. Raises UnreadableSettingsError."""
    try:
        return Settings.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableSettingsError(f"the stack's settings {file} cannot be read ({error}); start it again") from None
    except ValidationError as error:
        raise UnreadableSettingsError(
            f"the stack's settings {file} are of another version: {_first(error)}; start it again"
        ) from None


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


def _difference(one: Any, other: Any, path: str = "") -> str:
    """The key path of the first value that differs; empty where none does."""
    if one == other:
        return ""
    for name in type(one).model_fields if hasattr(type(one), "model_fields") else ():
        inner = _difference(getattr(one, name), getattr(other, name, None), f"{path}.{name}" if path else name)
        if inner:
            return inner
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for at, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            inner = _difference(mine, theirs, f"{path}[{at}]")
            if inner:
                return inner
    return path or "the settings"
