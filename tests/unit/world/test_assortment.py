"""Items: valid codes, no product of anybody's, the same for a seed."""

import numpy as np
import pytest
from biip.gtin import Gtin, GtinFormat

from connectors.parsing.codes import code_of
from schemas.models.catalog import CatalogItem
from schemas.models.pos import Unit
from world.assortment import LARGEST, assortment, unknown_code


def items(size: int = 300, seed: int = 1):
    return assortment(np.random.default_rng(seed), size)


def test_packed_goods_have_valid_gtin_13s_from_the_range_kept_for_examples():
    gtins = [item.gtin13 for item in items() if item.gtin13]
    for gtin in gtins:
        parsed = Gtin.parse(gtin)
        assert parsed.format is GtinFormat.GTIN_13
        assert parsed.prefix.usage == "Used for demonstrations and examples of the GS1 system"
    assert len(set(gtins)) == len(gtins)


def test_skus_and_codes_are_unique():
    made = items(LARGEST)
    assert len({item.sku for item in made}) == LARGEST
    assert len({item.code for item in made}) == LARGEST


def test_the_connectors_take_every_code():
    for item in items():
        scheme, _, text = item.code.partition(":")
        assert code_of(scheme, text) == (f"gtin:0{text}" if scheme == "gtin" else item.code)


def test_unknown_codes_are_valid_and_not_in_the_assortment():
    known = {item.code for item in items(LARGEST)}
    unknown = {unknown_code(number) for number in range(50)}
    assert len(unknown) == 50
    assert not unknown & known
    for code in unknown:
        Gtin.parse(code.removeprefix("gtin:"))


def test_items_fit_the_product_master():
    for item in items():
        CatalogItem(
            pool="lahn", sku=item.sku, name=item.name, category=item.category, unit=Unit(item.unit),
            pack_milli=item.pack_milli, cost_minor=item.cost_minor, price_minor=item.price_minor, recorded_at_ms=0,
        )  # fmt: skip
        assert 0 < item.cost_minor < item.price_minor


def test_one_seed_gives_one_assortment():
    assert items(seed=4) == items(seed=4)
    assert items(seed=4) != items(seed=5)


@pytest.mark.parametrize("size", [0, 31, LARGEST + 1])
def test_a_size_that_cannot_be_had_is_refused(size):
    with pytest.raises(ValueError, match="an assortment has"):
        items(size)
