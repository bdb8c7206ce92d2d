"""Forms of text, each with an example, and what a refused value is told."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

_LIKE: dict[str, str] = {}
"""Pattern → a text of that form."""


def text_like(example: str, pattern: str, **more: Any) -> FieldInfo:
    """A field whose text has the form `pattern`; a text that has not is told the example, not the pattern."""
    field: FieldInfo = Field(pattern=pattern, examples=[example], **more)
    _LIKE[pattern] = example
    return field


def problem_text(problem: Mapping[str, Any]) -> str:
    """What is wrong with one value, for a person: an item of pydantic's `ValidationError.errors()`."""
    if problem["type"] == "string_pattern_mismatch":
        example = _LIKE.get(problem.get("ctx", {}).get("pattern", ""))
        if example is not None:
            return f"write it like {example}"
    return str(problem["msg"]).removeprefix("Value error, ").replace("Input should", "it should")


def first_problem(error: ValidationError, what: str, *, shows_input: bool = True) -> str:
    """The first thing that is wrong, with its place; `what` is the name of the whole.

    shows_input: the sentence may repeat the value that was given.
    """
    first = error.errors(include_url=False)[0]
    given = f" is {first['input']!r}" if shows_input and not isinstance(first["input"], dict | list | tuple) else ""
    return f"{'.'.join(map(str, first['loc'])) or what}{given}: {problem_text(first)}"
