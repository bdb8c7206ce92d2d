"""A POSLog file to its transactions, one at a time: memory is bounded by the largest of them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder

from connectors.parsing.guarded_xml import XmlRefused, parse

ELEMENTS_MAX = 200_000
"""In one transaction."""
CHARS_MAX = 4_000_000
"""Text and attributes of one transaction."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A Transaction element and the line of the file on which it begins, counted from 1."""

    line: int
    element: Element


def read_transactions(stream: BinaryIO) -> Iterator[Transaction]:
    """The transactions of a file in its order. Raises XmlRefused, after those that stand before the trouble."""
    found = _Transactions()
    refused: XmlRefused | None = None
    try:
        for _ in parse(stream, found):
            while found.done:
                yield found.done.popleft()
    except XmlRefused as error:
        refused = error
    yield from found.done
    if refused is not None:
        raise refused
    if not found.is_poslog:
        raise XmlRefused("it holds no POSLog: neither a POSLog element nor a Transaction")


def local_name(element: Element) -> str:
    """The tag without its namespace."""
    return element.tag.rpartition("}")[2]


class _Transactions:
    """Keeps finished transactions, and forgets all that stands outside of them."""

    def __init__(self) -> None:
        self.done: deque[Transaction] = deque()
        self.is_poslog = False
        self._builder: TreeBuilder | None = None
        self._line = self._depth = 0
        self._elements = self._chars = 0

    def start(self, tag: str, attributes: dict[str, str], depth: int, line: int) -> None:
        name = tag.rpartition("}")[2]
        self.is_poslog = self.is_poslog or name == "Transaction" or (depth == 1 and name == "POSLog")
        if self._builder is None and name == "Transaction":
            self._builder, self._line, self._depth = TreeBuilder(), line, depth
            self._elements = self._chars = 0
        if self._builder is not None:
            self._elements += 1
            if self._elements > ELEMENTS_MAX:
                raise XmlRefused(f"a transaction has more than {ELEMENTS_MAX} elements", self._line)
            self._count(sum(len(key) + len(value) for key, value in attributes.items()))
            self._builder.start(tag, attributes)

    def data(self, text: str) -> None:
        if self._builder is not None:
            self._count(len(text))
            self._builder.data(text)

    def end(self, tag: str, depth: int) -> None:
        if self._builder is not None:
            self._builder.end(tag)
            if depth == self._depth:
                self.done.append(Transaction(self._line, self._builder.close()))
                self._builder = None

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > CHARS_MAX:
            raise XmlRefused(f"a transaction has more than {CHARS_MAX} characters", self._line)
