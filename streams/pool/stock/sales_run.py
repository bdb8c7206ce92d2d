"""Records of sales that came one after another, by columns: what the columnar lane takes from."""

from collections.abc import Sequence

import numpy as np

from schemas.plain_sale import KINDS, plain_sender
from schemas.plain_sale_columns import Flags, Longs, read_plain_sales
from streams.pool.state.dedup import plain_sale_keys
from streams.pool.stock import decide
from streams.runtime.contract import InputRecord


class SalesRun:
    """Records of sales that came one after another, by columns: all that does not depend on the pools' state."""

    def __init__(self, records: Sequence[InputRecord]) -> None:
        self.records = records
        self.columns = columns = read_plain_sales([record.value for record in records])
        self.deltas_milli: Longs = columns.quantities_milli * _signs()[columns.kinds]
        """Line → what it changes on its shelf."""
        self.appended_ms: Longs = np.fromiter((record.appended_at_ms for record in records), np.int64, len(records))
        names = dict.fromkeys(
            sender for sender, is_plain in zip(columns.senders, columns.is_plain.tolist(), strict=True) if is_plain
        )
        self.senders = [plain_sender(name) for name in names]
        """(pool, store, system), each once."""
        number_of = {name: number for number, name in enumerate(names)}
        self.sender_of: Longs = np.fromiter(
            (number_of.get(name, 0) for name in columns.senders), np.int64, len(records)
        )
        codes = {code: number for number, code in enumerate(dict.fromkeys(columns.codes))}
        self.codes = [code.decode() for code in codes]
        code_of: Longs = np.fromiter(map(codes.__getitem__, columns.codes), np.int64, len(columns.codes))
        self.names: Longs = self.sender_of[columns.record_of] << 32 | code_of << 2 | columns.units
        """Line → the sender, the code and the unit in one number: what names a shelf."""
        senders = [self.senders[number][1:] for number in self.sender_of.tolist()] if names else []
        self.keys = plain_sale_keys(senders, columns.source_ids) if names else []
        """Record → the hash under which its event is remembered."""

    def lines(self, at: int, end: int) -> slice:
        """The lines of these records."""
        starts = self.columns.line_starts
        return slice(int(starts[at]), int(starts[end]))

    def first_record(self, at: int, end: int, flags: Flags) -> int:
        """The first of these records of which a line is set; `end` for none."""
        line = first_set(flags)
        return end if line == len(flags) else int(self.columns.record_of[self.lines(at, end)][line])


def _signs() -> Longs:
    return np.array([decide.SALE_SIGN[kind] for kind in KINDS], np.int64)


def first_set(flags: Flags) -> int:
    """Place of the first that is set; their number for none."""
    return int(flags.argmax()) if flags.any() else len(flags)
