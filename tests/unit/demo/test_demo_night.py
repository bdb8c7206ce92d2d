"""What the demo shows of restock, and what its shopkeepers accept."""

from commonshelf.demo.night import chosen
from commonshelf.demo.restock_watch import RestockView
from tests.support.restock import proposal

MOVE = proposal()["moves"]


def test_each_shop_accepts_one_and_first_what_neighbours_can_spare():
    rows = [
        proposal(store="anna", sku="A", moves=[], cost_nothing_minor=900),
        proposal(store="anna", sku="B", moves=MOVE, cost_nothing_minor=5),
        proposal(store="bert", sku="A", moves=[], cost_nothing_minor=1),
        proposal(store="bert", sku="B", moves=[], cost_nothing_minor=2),
        proposal(store="cora", sku="A", status="withdrawn"),
    ]
    assert [(one["store"], one["sku"]) for one in chosen(rows)] == [("anna", "B"), ("bert", "B")]


def test_no_more_are_accepted_than_somebody_would_look_at():
    assert len(chosen([proposal(store=f"shop-{number}") for number in range(50)])) == 20


def test_what_became_of_proposals_is_counted_by_their_newest_versions():
    view = RestockView()
    assert (view.proposed, view.example) == (0, None)
    for row in (
        proposal(store="anna"), proposal(store="anna", version=4, status="approved"),
        proposal(store="bert", moves=[]), proposal(store="cora", status="withdrawn", moves=[]),
    ):  # fmt: skip
        view.take("restock.proposals.v1", row)
    view.take("restock.purchases.v1", {"cost_minor": 480})
    view.take("orders.requests.v1", {"origin": "restock"})
    view.take("orders.requests.v1", {"origin": "demo"})
    assert (view.proposed, view.moves, view.accepted, view.bought_minor, view.transfers) == (2, 1, 1, 480, 1)
    assert view.example["store"] == "anna"
