"""The reference arrival app in a real Chromium: by keyboard, without scripts, light and dark, judged by axe-core."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.support.arrival import CODE, Desk, came, message

pytestmark = pytest.mark.needs_debian
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    made = Desk(tmp_path, monkeypatch)
    made.put(
        message(**came("on_the_way", eta="2026-09-22T12:10:00+02:00")),
        message(order="R-1043", wrong_codes=2, **came()),
        message(order="R-1044", status="booked", is_late=True, change="moved"),
    )
    yield made
    made.appointments.close()


def opened(chromium, url, **options):
    page = chromium.new_context(**options).new_page()
    told = []
    page.on("console", lambda said: told.append(said.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(url)
    return page, told


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_are_accessible_fit_the_screen_and_break_no_policy(chromium, desk, scheme, size, tmp_path):
    with desk.serving() as url:
        for name, path in {
            "customer": desk.customer(), "late": desk.customer("R-1044"), "counter": desk.counter(),
            "said": f"{desk.customer()}?said=arrived", "unknown": "/nothing",
        }.items():  # fmt: skip
            page, told = opened(chromium, url + path, viewport=size, color_scheme=scheme)
            found = Axe().run(page, options={"runOnly": RULES})
            page.screenshot(path=tmp_path / f"{name}-{scheme}-{size['width']}.png", full_page=True)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert (width, told) == (size["width"], []) or name == "unknown"
            page.context.close()


def test_the_customer_and_the_counter_do_all_by_keyboard_and_without_scripts(chromium, desk):
    with desk.serving() as url:
        page, _ = opened(chromium, url + desk.customer(), viewport=PHONE, java_script_enabled=False)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**said=on_the_way")
        for _ in range(4):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**said=arrived")
        assert [one["kind"] for one in desk.reports] == ["on_the_way", "arrived"]
        page.goto(url + desk.counter())
        page.keyboard.press("Tab")
        page.keyboard.type(CODE)
        page.keyboard.press("Enter")
        page.wait_for_url("**said=handed_over")
        assert desk.reports[-1] | {"id": "", "at": ""} == {
            "id": "", "at": "", "kind": "handed_over", "order": "R-1043", "store": "mill", "code": CODE,
        }  # fmt: skip
        page.context.close()


def test_the_counter_hands_over_a_part_by_keyboard_and_the_open_form_is_accessible(chromium, desk):
    with desk.serving() as url:
        page, told = opened(chromium, url + desk.counter(), viewport=PHONE, java_script_enabled=False)
        page.focus("li:first-child summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type(CODE)
        page.keyboard.press("Enter")
        page.wait_for_url("**said=handed_over")
        assert desk.reports[-1] | {"id": "", "at": ""} == {
            "id": "", "at": "", "kind": "handed_over", "order": "R-1043", "store": "mill", "code": CODE,
            "lines": [{"line": "1", "quantity_milli": 1_000}, {"line": "2", "quantity_milli": 485}],
        }  # fmt: skip
        page.context.close()
        page, told = opened(chromium, url + desk.counter(), viewport=PHONE)
        page.click("li:first-child summary")
        found = Axe().run(page, options={"runOnly": RULES})
        assert found.violations_count == 0, found.generate_report()
        assert (page.evaluate("document.documentElement.scrollWidth"), told) == (PHONE["width"], [])
        page.context.close()


def test_the_counter_looks_again_by_itself_but_not_while_somebody_types_or_hands_over_a_part(chromium, desk):
    with desk.serving() as url:
        page, _ = opened(chromium, url + desk.counter(), viewport=DESKTOP)
        page.clock.install()
        page.goto(url + desk.counter())
        page.fill("#code-1", "K7")
        desk.put(message(order="R-2000"))
        page.clock.run_for(15_000)
        assert page.input_value("#code-1") == "K7"
        page.fill("#code-1", "")
        page.evaluate("document.activeElement.blur()")
        page.clock.run_for(15_000)
        page.wait_for_selector("text=R-2000")
        page.click("li:first-child summary")
        desk.put(message(order="R-2001"))
        page.clock.run_for(15_000)
        assert page.query_selector("text=R-2001") is None
        page.context.close()
