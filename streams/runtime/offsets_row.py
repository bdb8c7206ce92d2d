"""The row that says how far a partition's inputs were read, as every processor keeps it in its changelog."""

from schemas.codec import Codec
from streams.runtime.contract import Reached

_RECORD = "commonshelf.OffsetsRow"


def encode_reached(changelog: Codec, reached: Reached) -> bytes:
    """The row's bytes."""
    return changelog.encode({"row": (_RECORD, {"next": reached.next_offsets, "topic_ids": reached.topic_ids})})


def decode_reached(changelog: Codec, row: bytes) -> Reached:
    """What the row says."""
    fields = changelog.decode(row)["row"][1]
    return Reached(dict(fields["next"]), dict(fields["topic_ids"]))
