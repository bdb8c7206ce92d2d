"""What the real pool sets aside of a dropped file stands in its folder until an operator has dealt with it."""

import csv
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from commonshelf.dead_letters.set_aside import SetAsideLines
from connectors.drop_folder.client import FolderConnector
from connectors.drop_folder.settings import DropFolderSpec
from connectors.metrics import ConnectorMetrics
from messaging.publisher import Publisher
from tests.support.shop import STORE
from tests.support.waiting import until


@contextmanager
def folder(shop, path):
    """The connector of the shop's drop folder, and the codes on its list as it is now."""
    spec = DropFolderSpec(pool=shop.pool, store=STORE, folder=path / "in", settle_ms=0)
    with (
        Publisher(shop.options, shop.partitions) as publisher,
        closing(SetAsideLines(shop.options, {(shop.pool, STORE)})) as set_aside,
    ):
        connector = FolderConnector(spec, publisher, ConnectorMetrics(), path / "state", set_aside=set_aside)

        def told():
            connector.scan(threading.Event())
            listed = path / "in" / "rejected" / "_waiting.report.csv"
            if not listed.exists():
                return {}
            with listed.open(newline="") as rows:
                return {row["code"]: row["file"] for row in csv.DictReader(rows)}

        yield told
        connector._state.close()


def test_a_line_is_told_until_it_is_mapped_and_replayed_or_given_up(shop, tmp_path):
    at = datetime.now(UTC).isoformat()
    with folder(shop, tmp_path) as told:
        for number, code in enumerate(("new-jam", "new-tea", "MILK")):
            text = f"receipt_no,sold_at,sku,qty\n{number},{at},{code},1\n"
            (tmp_path / "in" / f"sales-{number}.csv").write_text(text)
        until(lambda: told() == {"sku:new-jam": "sales-0.csv", "sku:new-tea": "sales-1.csv"}, told)
    with folder(shop, tmp_path) as told:
        assert told() == {"sku:new-jam": "sales-0.csv", "sku:new-tea": "sales-1.csv"}, "after a restart"
        shop.map("sku:new-jam", "BREAD")
        assert shop.replay().verdict.applied == 1
        until(lambda: told() == {"sku:new-tea": "sales-1.csv"}, told)
        shop.desk().discard([one for one in shop.letters() if one.is_waiting], "no item of ours")
        until(lambda: told() == {}, told)
    shop.on_hand("BREAD", 99_000)
    shop.on_hand("MILK", 99_000)
