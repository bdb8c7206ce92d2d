"""The board on a running stack, in a real Chromium: an order, its reroute, the task, a code; judged by axe-core."""

import shutil
import signal
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import get_args

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from commonshelf.config.credentials import kafka_options
from commonshelf.config.resolved import read_resolved
from commonshelf.desks.access import list_store, make_key
from commonshelf.stack.connection import Connection
from schemas.models.access import PublicListing, Scope
from tests.support.shelf import make_shelf
from tests.support.waiting import PATIENCE_S, until

pytestmark = pytest.mark.needs_debian
POOL = "riverside"
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "now": f"/pool/{POOL}", "anna": f"/pool/{POOL}/store/anna", "orders": f"/pool/{POOL}/orders",
    "items": f"/pool/{POOL}/items", "item": f"/pool/{POOL}/item/MILK?why=anna", "ops": f"/pool/{POOL}/ops",
    "search": f"/pool/{POOL}/search?q=milk&near=anna", "till": f"/pool/{POOL}/till/anna?q=4006381333931",
    "widget": f"/pool/{POOL}/widget?q=milk", "signin": "/signin", "unknown": "/pool/none",
}  # fmt: skip


class Stack:
    """The running stack, and the keys of its two stores."""

    def __init__(self, shelf):
        self.shelf = shelf
        self.url = shelf.runtime.urls["web"]
        settings = read_resolved(shelf.data_dir / "run" / "settings.json")
        connection = Connection(settings, kafka_options(settings.kafka))
        self.keys = {
            store: make_key(connection, POOL, f"{store}'s counter", get_args(Scope), store).token
            for store in ("anna", "bert")
        }
        for store in self.keys:
            list_store(connection, POOL, PublicListing(store=store, shows_bands=True))
        [self.operators] = [line.split("#")[1].split()[0] for line in shelf.said.splitlines() if "/signin#" in line]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    config = made.folder / "commonshelf.toml"
    config.write_text(
        config.read_text()
        .replace('name = "Anna\'s Corner"', 'name = "Anna\'s Corner"\nlatitude_deg = 50.80\nlongitude_deg = 8.77')
        .replace('name = "Bert\'s"', 'name = "Bert\'s"\nlatitude_deg = 50.81\nlongitude_deg = 8.79')
    )
    (made.folder / "catalog.csv").write_text(
        "sku,name,gtin,unit,codes\nMILK,Milk 1 l,4006381333931,each,\nBANANA,Bananas,,kg,plu:4011\n"
    )
    made.up()
    made.drop("anna", "opening-1.csv", "gtin,plu,quantity,uom\n4006381333931,,6,each\n,4011,7.5,kg\n")
    (made.folder / "bert.csv").write_text("sku,quantity\nMILK,20\n")
    said = made.call("store", "add", POOL, "bert", "--name", "Bert's", "--opening-stock", "bert.csv")
    assert said.returncode == 0, said.stderr
    until(lambda: made.available_milli("MILK") == 26_000, "the opening stock")
    yield Stack(made)
    made.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(chromium, stack, key=None, path=f"/pool/{POOL}", **options):
    """A page of a new browser, signed in by a key, and what its console said."""
    context = chromium.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    context.set_default_timeout(PATIENCE_S * 1000)
    page, told = context.new_page(), []
    page.on("console", lambda said: told.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    if key is not None:
        page.goto(f"{stack.url}/signin")
        page.fill("#key", key)
        page.click("main button.main")
        page.wait_for_url(f"{stack.url}/")
    page.goto(stack.url + path)
    return page, told


def placed(page, sku, units, store):
    """Place an order by the form; its id."""
    page.fill("#sku-1", sku)
    page.fill("#units-1", units)
    page.select_option("#store", store)
    page.click("text=Place the order")
    page.wait_for_url("**said=placed")
    return page.url.rpartition("/")[2].partition("?")[0]


NOTES_THE_REROUTE = """
window.isTheSame = true;
new MutationObserver((_, watch) => {
  if (!document.querySelector("[data-list=moves] li.rerouted")) return;
  window.reroutedAt = Date.now();
  watch.disconnect();
}).observe(document.body, {childList: true, subtree: true});
"""


def test_an_order_is_placed_rerouted_before_everybody_s_eyes_and_done(chromium, stack, capsys):
    watching, told = opened(chromium, stack)
    watching.evaluate(NOTES_THE_REROUTE)
    anna, said = opened(chromium, stack, stack.keys["anna"], PAGES["orders"])
    order = placed(anna, "MILK", "4", "anna")
    assert anna.locator("[data-kind=confirmed]").count() == 1
    anna.goto(stack.url + PAGES["anna"])
    task = anna.locator(f"[data-task]:has-text('{order}')")
    task.locator("summary:has-text('Something is missing')").click()
    task.locator("input[name^=missing-]").fill("3")
    told_at_ms = anna.evaluate("Date.now()")
    task.locator("text=Tell what is missing").click()
    anna.wait_for_url("**said=short*")
    row = watching.locator("[data-list=moves] li.rerouted")
    row.wait_for()
    assert "Anna's Corner" in row.inner_text()
    assert "Bert's" in row.inner_text()
    assert order not in watching.content()
    watching.wait_for_selector(".ways .rerouted")
    with capsys.disabled():
        waited_ms = watching.evaluate("window.reroutedAt") - told_at_ms
        print(f"\nthe reroute was on everybody's page {waited_ms} ms after the shopkeeper's click")
    assert watching.evaluate("window.isTheSame") is True
    anna.goto(f"{stack.url}/pool/{POOL}/orders/{order}")
    assert "Anna's Corner failed: not found" in " ".join(anna.inner_text("main").split())
    assert anna.locator("[data-kind=rerouted]").count() == 1
    bert, _ = opened(chromium, stack, stack.keys["bert"], f"/pool/{POOL}/store/bert", java_script_enabled=False)
    bert.locator(f"[data-task]:has-text('{order}') button:has-text('Done')").click()
    bert.wait_for_url("**said=done")
    anna.wait_for_selector("[data-kind=picked]")
    assert (told, said) == ([], [])
    for page in (watching, anna, bert):
        page.context.close()


def test_a_code_that_means_nothing_is_mapped_and_its_line_counts(chromium, stack):
    at = datetime.now(UTC).isoformat()
    rows = f"receipt_no,line_no,sold_at,plu,quantity,uom\n77,1,{at},4099,1.5,kg\n"
    stack.shelf.drop("anna", "sales-77.csv", rows)
    page, told = opened(chromium, stack, stack.keys["anna"], PAGES["anna"])

    def shown():
        page.reload()
        return page.locator("[data-code='plu:4099']").count()

    until(shown, "the code that waits", pause_s=1)
    waiting = page.locator("[data-code='plu:4099']")
    waiting.locator("summary").click()
    waiting.locator("input[name=item]").fill("BANANA")
    waiting.locator("text=That is it").click()
    page.wait_for_url("**said=mapped*")
    assert page.locator("[data-code='plu:4099']").count() == 0
    until(lambda: stack.shelf.available_milli("BANANA") == 6_000, "the line that waited")
    assert told == []
    page.context.close()


def test_an_operator_gives_up_a_dead_letter_and_replays_what_a_mapping_helps(chromium, stack):
    at = datetime.now(UTC).isoformat()
    rows = f"receipt_no,line_no,sold_at,plu,quantity,uom\n81,1,{at},4097,1,kg\n82,1,{at},4098,0.5,kg\n"
    stack.shelf.drop("anna", "sales-81.csv", rows)
    page, told = opened(chromium, stack, stack.operators, PAGES["ops"])

    def letters():
        page.reload()
        return page.locator("[data-letter]").count()

    until(lambda: letters() == 2, "the two receipts", pause_s=1)
    lost = page.locator("[data-letter]:has-text('4097')")
    lost.locator("summary").click()
    lost.locator("input[name=reason]").fill("a test of the till")
    lost.locator("text=Give it up").click()
    page.wait_for_url("**said=discarded*")
    assert page.locator("[data-letter]").count() == 1
    before_milli = stack.shelf.available_milli("BANANA")
    assert stack.shelf.call("map", "set", POOL, "plu:4098", "BANANA", "--store", "anna", "--no-replay").returncode == 0
    replay = page.locator("text=Replay what can be used")

    def helps():
        page.reload()
        return replay.is_enabled()

    until(helps, "the mapping", pause_s=1)
    replay.click()
    page.wait_for_url("**said=replayed*")
    until(lambda: stack.shelf.available_milli("BANANA") == before_milli - 500, "the line that waited")
    assert page.locator("[data-letter]").count() == 0
    assert told == []
    page.context.close()


def test_a_till_finds_the_neighbour_and_reserves_there_by_keyboard(chromium, stack):
    page, told = opened(chromium, stack, stack.keys["anna"], f"/pool/{POOL}/till/anna")
    page.keyboard.type("4006381333931")
    page.keyboard.press("Enter")
    neighbour = page.locator("[data-store=bert]")
    neighbour.wait_for()
    assert "in stock" in neighbour.inner_text()
    neighbour.locator("button").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**said=sent")
    assert told == []
    page.context.close()


@contextmanager
def a_town_s_page(body):
    """The address of a page of another site."""

    class Town(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            """Nothing is said."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Town) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_town_s_page_shows_who_has_it_by_one_tag(chromium, stack):
    page, told = opened(chromium, stack)
    tag = f"<script src='{stack.url}/board/widget.js' data-pool='{POOL}'></script>"
    head = "<!doctype html><title>Our town</title><link rel='icon' href='data:,'>"
    with a_town_s_page(f"{head}<p>Where to buy</p>{tag}") as url:
        page.goto(url)
        widget = page.frame_locator("iframe[title='Who has it?']")
        widget.locator("#q").fill("milk")
        widget.locator("button").click()
        widget.locator('strong:has-text("Anna\'s Corner")').wait_for()
    assert told == []
    page.context.close()


def test_an_operator_signs_in_by_the_address_that_up_prints(chromium, stack):
    page, told = opened(chromium, stack)
    page.goto(f"{stack.url}/signin#{stack.operators}")
    assert page.input_value("#key") == stack.operators
    assert stack.operators not in page.url
    page.keyboard.press("Enter")
    page.locator("main button.main").click()
    page.wait_for_url(f"{stack.url}/")
    page.goto(stack.url + PAGES["ops"])
    assert page.locator("text=ledger-1").count() >= 1
    assert told == []
    page.context.close()


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)], ids=["light desktop", "dark phone"])
def test_pages_are_accessible_fit_the_screen_and_break_no_policy(chromium, stack, scheme, size, tmp_path):
    for who, names in {"operators": tuple(PAGES), "public": ("now", "anna", "search", "widget", "signin")}.items():
        key = stack.operators if who == "operators" else None
        page, told = opened(chromium, stack, key, viewport=size, color_scheme=scheme)
        for name in names:
            told.clear()
            page.goto(stack.url + PAGES[name])
            found = Axe().run(page, options={"runOnly": RULES})
            page.screenshot(path=tmp_path / f"{who}-{name}-{scheme}-{size['width']}.png", full_page=True)
            assert found.violations_count == 0, f"{who} {name}: {found.generate_report()}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert (width, told) == (size["width"], []) or name == "unknown", (who, name)
        page.context.close()
