"""The row that says how far a partition's inputs were read, as every processor keeps it in its changelog."""

from schemas.codec import Codec
from streams.runtime.contract import Reached

_RECORD = "commonshelf.OffsetsRow"


class KeepsOffsets:
    """The part of a processor that writes and reads the row. rows: the codec of its changelog."""

    rows: Codec

    def encode_offsets(self, reached: Reached) -> bytes:
        """The row's bytes."""
        return self.rows.encode({"row": (_RECORD, {"next": reached.next_offsets, "topic_ids": reached.topic_ids})})

    def decode_offsets(self, row: bytes) -> Reached:
        """What the row says."""
        fields = self.rows.decode(row)["row"][1]
        return Reached(dict(fields["next"]), dict(fields["topic_ids"]))
