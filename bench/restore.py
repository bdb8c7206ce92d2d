"""The size of a worker with a million stock rows, and its time to get them back from nothing."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.cluster import Cluster
from bench.ledger import Ledger
from schemas.topics import POOL_CHANGELOG, POS_SALES, POS_STOCK
from world.uniform import UniformPools, declarations, opening_stock, overwriting_sales, popular_sales

Tell = Callable[[str], None]
_GROUP = "restore"
_MIB = 1024 * 1024
_LINES_AFTER = 60_000


def measure_restore(world: UniformPools, overwrites: int, lines_per_sale: int, tell: Tell) -> dict[str, Any]:
    """Have a worker fill its table through real sales, take its directory away, and time its way back.

    Raises BenchError when the worker ends or stands still.
    """
    rows = world.stores * world.items
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
        cluster.publish(declarations(world))
        # Reports as short as the receipts: what a worker takes in one batch counts in its memory, too.
        reports = cluster.publish(opening_stock(world, lines_per_sale))
        tell(f"{rows:,} rows opened, {rows * overwrites:,} lines to sell")
        began_s = time.monotonic()
        with Ledger(cluster, Path(folder), _GROUP) as ledger:
            ledger.wait_ready()
            published = cluster.publish(overwriting_sales(world, overwrites, lines_per_sale))
            tell(f"{published:,} sales published after {time.monotonic() - began_s:.0f} s")
            cluster.wait_committed(_GROUP, POS_STOCK.name, reports, ledger.check)
            cluster.wait_committed(_GROUP, POS_SALES.name, published, ledger.check)
            built_s = time.monotonic() - began_s
            tell(f"built in {built_s:.0f} s")
            rss_bytes = ledger.rss_bytes()
            rss_peak_bytes = max(sample.rss_bytes for sample in ledger.samples)
        shutil.rmtree(ledger.state_dir)
        with Ledger(cluster, Path(folder), _GROUP) as ledger:
            restore_s = ledger.wait_ready(timeout_s=900)
            assignment_s = ledger.restore_s()
            restored_bytes = ledger.rss_bytes()
            restore_peak_bytes = max(sample.rss_bytes for sample in ledger.samples)
            tell(f"restored in {restore_s:.1f} s; selling {_LINES_AFTER:,} more lines")
            published += cluster.publish(popular_sales(world, _LINES_AFTER, lines_per_sale, seed=2))
            cluster.wait_committed(_GROUP, POS_SALES.name, published, ledger.check)
            working_bytes = ledger.rss_bytes()
        records, size_bytes = _read_size(cluster)
    return {
        "rows": rows,
        "restore_s": round(restore_s, 2),
        "restore_assignment_s": round(assignment_s, 2),
        "rss_mib": round(rss_bytes / _MIB),
        "rss_peak_mib": round(rss_peak_bytes / _MIB),
        "rss_restored_mib": round(restored_bytes / _MIB),
        "rss_restore_peak_mib": round(restore_peak_bytes / _MIB),
        "rss_restored_working_mib": round(working_bytes / _MIB),
        "changelog_records": records,
        "changelog_mib": round(size_bytes / _MIB),
        "overwrites": overwrites,
        "lines_per_sale": lines_per_sale,
        "sales": published,
        "build_s": round(built_s),
    }


def _read_size(cluster: Cluster) -> tuple[int, int]:
    """Records and bytes of keys and values that a restore reads now."""
    records = size_bytes = 0
    for message in cluster.read(POOL_CHANGELOG.name):
        records += 1
        size_bytes += len(message.key() or b"") + len(message.value() or b"")
    return records, size_bytes
