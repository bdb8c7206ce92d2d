"""The lane in which tests take sales: the ordinary one, or with COMMONSHELF_TEST_LANE=columnar each in columns."""

import os

from streams.pool.processor import PoolPartition
from streams.pool.stock import columnar
from streams.runtime.contract import InputRecord


def take_all_in_columns() -> None:
    """Have this process try columns for every sale, however few come at a time and however few of them are plain."""
    columnar.RUN_MIN, columnar._PAUSE_MAX, columnar._REST = 1, 1, 0


_IN_COLUMNS = os.environ.get("COMMONSHELF_TEST_LANE") == "columnar"
if _IN_COLUMNS:
    take_all_in_columns()


def take(partition: PoolPartition, record: InputRecord) -> None:
    """Have the partition take the record."""
    if _IN_COLUMNS and record.topic in partition.runs:
        partition.runs[record.topic]([record])
    else:
        partition.apply(record)
