"""The lane in which tests take sales: the ordinary one, or with COMMONSHELF_TEST_LANE=columnar each in columns."""

import os

from streams.pool.processor import PoolPartition
from streams.pool.stock import columnar
from streams.runtime.contract import InputRecord

_IN_COLUMNS = os.environ.get("COMMONSHELF_TEST_LANE") == "columnar"
if _IN_COLUMNS:
    columnar.RUN_MIN, columnar._PAUSE_MAX, columnar._REST = 1, 1, 0


def take(partition: PoolPartition, record: InputRecord) -> None:
    """Have the partition take the record."""
    if _IN_COLUMNS and record.topic in partition.runs:
        partition.runs[record.topic]([record])
    else:
        partition.apply(record)
