"""The map of a plan: whole in one file, with all stops, and nothing of the outside in it."""

import re
from datetime import UTC
from xml.etree import ElementTree as ET

from bench.routing_cases import make_case
from commonshelf.desks.route_map import route_map
from streams.routing.model import Effort, Unserved
from streams.routing.plan import plan


def page_and_plan(change=lambda case: case):
    case = change(make_case("town", 1, 8))
    found = plan(case, Effort(1, 5))
    return case, found, route_map(case, found, UTC)


def svg_of(page):
    return ET.fromstring(re.search(r'<svg viewBox="0 0 960.*?</svg>', page, re.DOTALL).group())


def test_every_route_has_its_way_and_every_customer_a_dot_inside_the_picture():
    case, found, page = page_and_plan()
    svg = svg_of(page)
    wide, high = map(int, svg.get("viewBox").split()[2:])
    assert len(svg.findall("polyline")) == len(found.routes)
    assert len(svg.findall("rect")) == len(case.stores)
    delivered = {name for route in found.routes for stop in route.stops for name in stop.hands_over}
    assert len(svg.findall("circle")) == len(
        [one for one in case.consignments if one.to_store is None and one.consignment in delivered]
    )
    points = [point.split(",") for line in svg.findall("polyline") for point in line.get("points").split()]
    assert all(0 <= int(x) <= wide and 0 <= int(y) <= high for x, y in points)


def test_the_page_refers_to_nothing_outside():
    page = page_and_plan()[2]
    assert not re.search(r"https?:|//|src=|href=|url\(|@import|<script", page)
    assert "prefers-color-scheme: dark" in page


def test_names_are_text_and_no_markup():
    def evil(case):
        one = case.consignments[0]
        goods = (one.goods[0]._replace(sku="<b>&\"'"),)
        return case._replace(
            consignments=(one._replace(consignment="<script>1", order="<i>", goods=goods), *case.consignments[1:])
        )

    page = page_and_plan(evil)[2]
    assert "&lt;script&gt;1" in page
    assert "<script" not in page
    assert "<i>" not in page
    assert "<b>" not in page


def test_what_no_route_serves_is_crossed_out_with_the_reason():
    case, found, _ = page_and_plan()
    name = case.consignments[0].consignment
    page = route_map(case, found._replace(unserved=(Unserved(name, "no_room"),)), UTC)
    assert f"<td>{name}</td><td>no room</td>" in page
    assert svg_of(page).findall("path[@class='unserved']")


def test_a_plan_without_a_route_is_drawn_as_well():
    case, found, _ = page_and_plan()
    assert "Nothing is delivered." in route_map(case, found._replace(routes=(), orders=0), UTC)
