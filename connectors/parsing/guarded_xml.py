"""XML from outside, read piece by piece, so that no file of any size or make-up does harm.

Document types, and with them all entities, are refused, whatever the linked expat would do about them.
"""

from collections.abc import Iterator
from typing import BinaryIO, Protocol
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

DEPTH_MAX = 64
TAG_MAX_BYTES = 4_000_000
_CHUNK_BYTES = 1 << 16
_XINCLUDE = "{http://www.w3.org/2001/XInclude}"


class XmlRefused(ValueError):
    """The file cannot be used from `line` on; what stood before it may have been."""

    def __init__(self, reason: str, line: int = 1, *, is_malformed: bool = False) -> None:
        super().__init__(reason)
        self.line = line
        self.is_malformed = is_malformed
        """Whether no reader of XML gets beyond that line."""


class Elements(Protocol):
    """Hears of elements as they are read; any of its methods may raise XmlRefused."""

    def start(self, tag: str, attributes: dict[str, str], depth: int, line: int) -> None:
        """An element begins; the root's depth is 1."""

    def data(self, text: str) -> None:
        """A piece of text."""

    def end(self, tag: str, depth: int) -> None:
        """The element of that depth ends."""


def parse(stream: BinaryIO, elements: Elements) -> Iterator[None]:
    """Read `stream` to its end, with a pause after each piece in which what `elements` holds can be taken.

    Raises XmlRefused.
    """
    target = _Target(elements)
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    expat = target.expat = parser.parser
    fed_bytes = 0
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            parser.feed(chunk)
            fed_bytes += len(chunk)
            _check_tag_length(fed_bytes - max(0, expat.CurrentByteIndex), expat.CurrentLineNumber)
            yield
        parser.close()
    except DefusedXmlException as error:
        raise XmlRefused("it has a document type (DOCTYPE); none is needed: leave it out") from error
    except ParseError as error:
        raise XmlRefused(f"it is not well-formed XML: {error.msg}", error.position[0], is_malformed=True) from error
    except XmlRefused:
        raise
    except (LookupError, ValueError) as error:  # a made-up encoding, or bytes that are none of it
        raise XmlRefused(f"its encoding cannot be read: {error}", is_malformed=True) from error


def _check_tag_length(pending_bytes: int, line: int) -> None:
    """Text comes in pieces; what expat holds back is an unfinished tag, comment or instruction."""
    if pending_bytes > TAG_MAX_BYTES:
        raise XmlRefused(f"a tag or comment is longer than {TAG_MAX_BYTES} bytes", line)


class _Target:
    """The target of the parser; keeps count of the depth."""

    def __init__(self, elements: Elements) -> None:
        self.expat = None
        self._elements = elements
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        line = int(getattr(self.expat, "CurrentLineNumber", 1))
        if self._depth > DEPTH_MAX:
            raise XmlRefused(f"its elements are nested deeper than {DEPTH_MAX}", line)
        if tag.startswith(_XINCLUDE):
            raise XmlRefused("it includes other files (XInclude)", line)
        self._elements.start(tag, attributes, self._depth, line)

    def data(self, text: str) -> None:
        self._elements.data(text)

    def end(self, tag: str) -> None:
        self._elements.end(tag, self._depth)
        self._depth -= 1

    def close(self) -> None:
        """The parser is through."""
