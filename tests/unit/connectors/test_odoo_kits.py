"""Kits of Odoo: phantom bills of materials, taken apart to what moves."""

from decimal import Decimal

from connectors.contract import AccessRefused
from connectors.odoo.kits import Kits
from connectors.odoo.translate import KitPart

UNITS = [1, "Units"]
TABLES = {
    "mrp.bom": [
        {"id": 1, "type": "phantom", "product_tmpl_id": [201, "Set"], "product_id": False, "product_qty": 2,
         "sequence": 1},
        {"id": 2, "type": "phantom", "product_tmpl_id": [204, "Box"], "product_id": [104, "Box"], "product_qty": 1,
         "sequence": 0},
        {"id": 3, "type": "phantom", "product_tmpl_id": [204, "Box"], "product_id": [999, "Other"], "product_qty": 1,
         "sequence": 0},
        {"id": 4, "type": "normal", "product_tmpl_id": [202, "Coffee"], "product_id": False, "product_qty": 1,
         "sequence": 0},
    ],
    "mrp.bom.line": [
        {"id": 1, "bom_id": [1, "x"], "product_id": [102, "Coffee"], "product_qty": 2, "product_uom_id": UNITS},
        {"id": 2, "bom_id": [1, "x"], "product_id": [103, "Jam"], "product_qty": Decimal(4), "product_uom_id": UNITS},
        {"id": 3, "bom_id": [2, "x"], "product_id": [101, "Set"], "product_qty": 3, "product_uom_id": UNITS},
        {"id": 4, "bom_id": [2, "x"], "product_id": [103, "Jam"], "product_qty": 1, "product_uom_id": UNITS},
        {"id": 5, "bom_id": [3, "x"], "product_id": [105, "Wrong"], "product_qty": 1, "product_uom_id": UNITS},
    ],
    "product.product": [{"id": 100 + at, "product_tmpl_id": [200 + at, "x"]} for at in range(1, 6)],
}  # fmt: skip


def ask(model, _method, domain, fields):
    assert fields
    found = TABLES[model]
    for name, operator, wanted in domain:
        value = [each[name][0] if isinstance(each[name], list) else each[name] for each in found]
        fits = [one in wanted if operator == "in" else one == wanted for one in value]
        found = [each for each, is_fit in zip(found, fits, strict=True) if is_fit]
    return found


def sold(*products):
    return {product: {"id": product, "product_tmpl_id": [product + 100, "x"]} for product in products}


def test_a_kit_is_what_one_of_it_consists_of():
    assert Kits(ask).of(sold(101, 102)) == {101: [KitPart(102, Decimal(1), UNITS), KitPart(103, Decimal(2), UNITS)]}


def test_a_kit_within_a_kit_is_taken_apart_and_the_bill_of_another_variant_is_not_read():
    assert Kits(ask).of(sold(104)) == {104: [KitPart(102, Decimal(3), UNITS), KitPart(103, Decimal(7), UNITS)]}


def test_where_manufacturing_may_not_be_read_no_product_is_a_kit(logged):
    def refuse(*_args, **_fields):
        raise AccessRefused("no mrp.bom there")

    assert Kits(refuse).of(sold(101)) == {}
    assert "no mrp.bom there" in logged()
