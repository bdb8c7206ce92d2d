"""The job of every peer, and what those in Python have in common: the sums by shelf, and the journal."""

import io
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fastavro import schemaless_reader

from schemas.codec import HEADER_BYTES
from schemas.registry import registry
from schemas.topics import POS_SALES
from streams.pool.journal.facts import encode_applied, encode_entry, encode_plain_sale, fact_codec
from world.uniform import code, sku

NUMBER = "number/"
"""Before the pool's name: the key of its last journal number, in the same store as the sums."""


@dataclass(frozen=True)
class Job:
    """Sum up what was sold of each SKU at each store, and write the journal if one is named."""

    bootstrap_servers: str
    group: str
    """Consumer group, and the prefix of what the peer names."""
    folder: Path
    partitions: int
    items: int
    journal: str = ""
    """Topic; empty for the sums alone."""
    batch_records: int = 0
    """Of ours only; its peers have a time."""
    commit_interval_ms: int = 100
    """As Kafka Streams has by default when it works exactly once."""

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    def to_json(self) -> dict[str, Any]:
        """For a child's command line."""
        return {**asdict(self), "folder": str(self.folder)}

    @classmethod
    def from_command_line(cls) -> "Job":
        """The child's side of it."""
        given = json.loads(sys.argv[1])
        return cls(**{**given, "folder": Path(given["folder"])})


def sku_names(items: int) -> dict[str, str]:
    """SKU by what the tills call it."""
    return {code(n): sku(n) for n in range(items)}


class Counter:
    """One sale at a time, on any store of counters."""

    def __init__(self, items: int) -> None:
        self._skus = sku_names(items)
        self._schema: Any = registry().latest(POS_SALES.name).parsed

    def decode(self, value: bytes) -> dict[str, Any]:
        """The sale."""
        sale: Any = schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), self._schema, None)
        return dict(sale)

    def sold(self, sale: dict[str, Any]) -> list[tuple[str, int]]:
        """(store/SKU, thousandths of a unit) for each line."""
        store, skus = sale["store"], self._skus
        return [(f"{store}/{skus[line['code']]}", line["quantity_milli"]) for line in sale["lines"]]

    def journal_page(
        self, sale: dict[str, Any], number: int, value: bytes, partition: int, offset: int, appended_at_ms: int
    ) -> bytes:
        """A page of one entry around the bytes that arrived."""
        skus = self._skus
        taken = [
            encode_applied(n, skus[line["code"]], -line["quantity_milli"]) for n, line in enumerate(sale["lines"])
        ]  # fmt: skip
        fact = encode_plain_sale(value[HEADER_BYTES:], taken)
        return fact_codec().encode_page(
            sale["pool"], partition, number, [encode_entry(POS_SALES.name, offset, appended_at_ms, fact)]
        )
