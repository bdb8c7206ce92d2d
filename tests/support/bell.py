"""A toy aggregate that no module of the pool knows: the bell on a store's counter.

It is rung by an input of its own, and forgotten when nobody has rung it for ten minutes of the pool's clock.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from schemas.codec import Codec
from schemas.generate.avro import schema_files
from schemas.generate.records import RECORDS, families
from schemas.registry import FOLDER, Registry
from schemas.topics import TOPICS, Topic
from streams.pool.aggregate import Aggregate, Entry, Input, Trigger
from streams.pool.processor import AGGREGATES, PoolProcessor
from streams.pool.state.part import Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, Pools, Published, TableSpec
from tests.support.pool import MINUTE_MS, NOON_MS, POOL, STORE

RINGS = Topic("toy.rings.v1", "Somebody rang a store's bell.", "BellRing", "pool", "api", ("pool",))
BELLS = Topic("toy.bells.v1", "Bells as they stand.", "BellRow", "pool/store", "pool", ("board",), compacted=True)
BELL_CHANGED = "commonshelf.BellChanged"
FORGOTTEN_AFTER_MS = 10 * MINUTE_MS
_RECORDS = {
    "BellRing": [("pool", "string"), ("store", "string"), ("recorded_at_ms", "long")],
    "BellRow": [("pool", "string"), ("store", "string"), ("rings", "long"), ("rung_at_ms", "long")],
    "BellChanged": [("kind", "string"), ("bell", "BellRow")],
}


def vocabulary(folder: Path) -> Registry:
    """The schemas of this release, with the bell's records, its fact in the journal and its row in the changelog."""
    shutil.copytree(RECORDS, folder / "records")
    (folder / "records" / "bells").mkdir()
    for name, columns in _RECORDS.items():
        fields = [{"name": column, "type": kind, "doc": "Toy."} for column, kind in columns]
        record = {"type": "record", "name": name, "doc": "Toy.", "fields": fields}
        (folder / "records" / "bells" / f"{name}.avsc").write_text(json.dumps(record))
    for union, field, branch in (("JournalEntry", "fact", "BellChanged"), ("StateRow", "row", "BellRow")):
        [file] = (folder / "records").rglob(f"{union}.avsc")
        record = json.loads(file.read_text())
        next(one for one in record["fields"] if one["name"] == field)["type"].append(branch)
        file.write_text(json.dumps(record))
    shutil.copytree(FOLDER, folder / "avro")
    topics = (*TOPICS.values(), RINGS, BELLS)
    records = {topic.subject: topic.record for topic in topics if topic.record is not None}
    for path, text in schema_files(records, families(folder / "records"), folder / "avro").items():
        path.write_text(text)
    return Registry(folder / "avro")


class Bell:
    """The aggregate, and what a test puts in and reads."""

    def __init__(self, folder: Path) -> None:
        self.known = vocabulary(folder)
        self._rings, self._bells = Codec(RINGS.name, self.known), Codec(BELLS.name, self.known)
        self.rows: TableSpec[EntityKey, Any] = TableSpec(
            "bell", "BellRow", "/".join, published=Published(BELLS, "/".join, self._encode), load=_set_alarm
        )
        self.aggregate = Aggregate(
            "bell",
            inputs=(Input(RINGS, self._decide, is_dated=True),),
            folds={BELL_CHANGED: self._fold},
            tables=(self.rows,),
            due={"bell": self._forget},
            subject=lambda fact: fact[1]["bell"]["store"] if fact[0] == BELL_CHANGED else None,
        )
        self.processor = PoolProcessor(aggregates=(*AGGREGATES, self.aggregate), known=self.known)

    def ring(self, at_ms: int = NOON_MS) -> bytes:
        """A ring in wire format."""
        return self._rings.encode({"pool": POOL, "store": STORE, "recorded_at_ms": at_ms})

    def decode_row(self, value: bytes | None) -> Any:
        """A published row."""
        return None if value is None else self._bells.decode(value)

    def _decide(self, state: PoolState, ring: Any, _: int) -> Any:
        known = state.tables[self.rows].get((state.pool, ring["store"]))
        rings = 1 if known is None else known["rings"] + 1
        bell = {"pool": state.pool, "store": ring["store"], "rings": rings, "rung_at_ms": ring["recorded_at_ms"]}
        return BELL_CHANGED, {"kind": "rung", "bell": bell}

    def _fold(self, state: PoolState, fact: Any, _: Entry) -> None:
        bell, key = fact["bell"], (state.pool, fact["bell"]["store"])
        if fact["kind"] == "forgotten":
            state.tables[self.rows].delete(key)
            state.alarms.set(("bell", bell["store"]), None)
        else:
            state.tables[self.rows].put(key, bell)
            _set_alarm(state, bell)

    def _forget(self, state: PoolState, store: str, _: Trigger) -> Any:
        return BELL_CHANGED, {"kind": "forgotten", "bell": state.tables[self.rows].get((state.pool, store))}

    def _encode(self, _: Pools, __: EntityKey, bell: Any) -> bytes:
        return self._bells.encode(bell)


def _set_alarm(pool: Pool, bell: Any) -> None:
    pool.alarms.set(("bell", bell["store"]), bell["rung_at_ms"] + FORGOTTEN_AFTER_MS)
