"""Values have the shapes and the words that the made types say."""

import importlib
import typing
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin

import pytest

from schemas.codec import topic_codec
from schemas.examples import Example, examples
from schemas.generate.records import families
from schemas.topics import TOPICS

HOME = {name: family.name for family in families() for name in family.schemas}
EXAMPLES = [example for topic in TOPICS.values() if topic.record is not None for example in examples(topic.name)]


def type_of(record: str) -> Any:
    return getattr(importlib.import_module(f"schemas.types.{HOME[record]}"), record)


def misfits(value: Any, kind: Any, at: str) -> list[str]:
    """Where `value` is not what the type says."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        found = [misfits(value, part, at) for part in arguments]
        return [] if [] in found else min(found, key=len)
    if origin is Literal:
        return [] if value in arguments else [f"{at} is {value!r}"]
    if origin is list:
        return [why for part in value for why in misfits(part, arguments[0], f"{at}[]")]
    if origin is dict:
        return [why for part in value.values() for why in misfits(part, arguments[1], f"{at}{{}}")]
    if origin is tuple:
        if not isinstance(value, tuple) or len(value) != len(arguments):
            return [f"{at} is no tuple of {len(arguments)}"]
        return [why for part, its in zip(value, arguments, strict=True) for why in misfits(part, its, at)]
    if typing.is_typeddict(kind):
        return misfits_of_record(value, kind, at)
    expected = NoneType if kind is None else kind
    return [] if type(value) is expected else [f"{at} is a {type(value).__name__}"]


def misfits_of_record(value: Any, kind: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at} is a {type(value).__name__}"]
    found = [f"{at} has {name}" for name in value.keys() - kind.__annotations__.keys()]
    for name, its in typing.get_type_hints(kind, include_extras=True).items():
        if name in value:
            inner = get_args(its)[0] if get_origin(its) is NotRequired else its
            found += misfits(value[name], inner, f"{at}.{name}")
        elif name in kind.__required_keys__:
            found.append(f"{at} lacks {name}")
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.topic}-{example.about}")
def test_an_example_as_the_codec_gives_it_is_of_its_type(example: Example):
    record = TOPICS[example.topic].record
    codec = topic_codec(example.topic)
    assert misfits(codec.decode(codec.encode(example.value)), type_of(record), record) == []
