"""The page in a real Chromium: what an analyst does, by mouse and by keyboard, in light and dark, wide and narrow."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import PATIENCE, chromium
from tests.serving import API_KEY, ODD, USUAL, Service, serving

ORDERS = "\n".join(json.dumps(order) for order in (USUAL, ODD, {"order_id": 5}))


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(models_dir, tmp_path_factory.mktemp("page") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    yield from opened(browser, service)


def opened(browser: Browser, service: Service, **context: Any) -> Iterator[Page]:
    """The page in a tab of its own, which fails the test for any error, foreign request or breach of the policy."""
    tab = browser.new_context(**context).new_page()
    tab.set_default_timeout(PATIENCE)
    troubles: list[str] = []
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("console", lambda message: troubles.append(message.text) if "Content Security" in message.text else None)
    tab.on("request", lambda request: None if request.url.startswith(service.url) else troubles.append(request.url))
    tab.goto(service.url)
    yield tab
    assert troubles == []
    tab.context.close()


def score(page: Page) -> None:
    page.get_by_label("API key").fill(API_KEY)
    page.get_by_label("One order, a JSON array").fill(ORDERS)
    page.get_by_role("button", name="Score").click()
    expect(page.get_by_role("heading", name="Scores", exact=True)).to_be_focused()


def test_orders_are_scored_and_explained(page: Page) -> None:
    score(page)
    rows = page.locator("#scores tbody tr")
    expect(rows).to_have_count(3)
    expect(page.locator("#summary")).to_have_text("2 orders scored, 1 anomaly, 1 that can't be used.")
    expect(rows.nth(1)).to_contain_text("anomaly")
    page.get_by_role("button", name="T-2").click()
    expect(page.get_by_role("heading", name="Why T-2 scored")).to_be_focused()
    assert page.locator("#reasons svg rect").count() == 5
    expect(page.locator("#place svg")).to_contain_text("threshold")
    expect(page.locator("#lineage")).to_contain_text("first")
    expect(page.locator("#drift tbody tr")).to_have_count(12)


def test_an_order_that_is_chosen_before_the_model_is_known_gets_its_place_when_it_is(page: Page) -> None:
    held: list[Route] = []
    known = False
    page.route("**/v1/model", lambda route: route.continue_() if known else held.append(route))
    score(page)
    page.get_by_role("button", name="T-2").click()
    expect(page.locator("#place")).to_have_text("The distribution is on its way.")
    known = True
    for route in held:
        route.continue_()
    expect(page.locator("#place svg")).to_contain_text("threshold")
    expect(page.locator("#detail-text")).to_contain_text("of the reference orders")


def test_it_can_be_used_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_label("API key").focus()
    page.keyboard.type(API_KEY)
    page.keyboard.press("Tab")
    page.keyboard.insert_text(ORDERS)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Score")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Scores", exact=True)).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.locator(".row-button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_be_focused()


def test_a_wrong_key_and_broken_input_are_said_in_words(page: Page) -> None:
    page.get_by_label("API key").fill("a-key-that-nobody-made")
    page.get_by_label("One order, a JSON array").fill(ORDERS)
    page.get_by_role("button", name="Score").click()
    expect(page.get_by_role("alert")).to_have_text("The service does not accept this API key.")
    page.get_by_label("One order, a JSON array").fill("order 5, please")
    page.get_by_role("button", name="Score").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not JSON")


def test_a_file_can_be_opened_and_an_example_inserted(page: Page, tmp_path: Path) -> None:
    (tmp_path / "orders.ndjson").write_text(ORDERS)
    page.get_by_label("Open a file").set_input_files(tmp_path / "orders.ndjson")
    expect(page.get_by_label("One order, a JSON array")).to_have_value(ORDERS)
    page.get_by_role("button", name="Insert an example").click()
    expect(page.get_by_label("One order, a JSON array")).to_have_value(re.compile("A-1001"))


def test_markup_in_an_order_is_only_text(page: Page) -> None:
    page.get_by_label("API key").fill(API_KEY)
    nasty = {**USUAL, "order_id": "<img src=x onerror=alert(1)>"}
    page.get_by_label("One order, a JSON array").fill(json.dumps(nasty))
    page.get_by_role("button", name="Score").click()
    expect(page.locator(".row-button")).to_have_text(str(nasty["order_id"]))
    assert page.locator("#scores img").count() == 0


def test_the_key_stays_in_the_tab(page: Page) -> None:
    score(page)
    assert page.evaluate("localStorage.length") == 0
    assert page.evaluate("document.cookie") == ""
    assert API_KEY not in page.content()


def test_a_refused_key_is_not_sent_again_and_again(page: Page) -> None:
    page.clock.install()
    with page.expect_response(re.compile("/v1/model$")):
        page.reload()
    page.get_by_label("API key").fill("a-wrong-key-0123456789")
    page.get_by_label("API key").press("Tab")
    expect(page.get_by_text("does not accept this API key").first).to_be_visible()
    refused: list[str] = []
    page.on("response", lambda response: refused.append(response.url) if response.status == 401 else None)
    for _ in range(8):
        with page.expect_response(re.compile("/readyz$")):
            page.clock.run_for(15_000)
    assert refused == []
    score(page)
    expect(page.get_by_text("Trained on")).to_be_visible()


def test_an_example_that_can_t_be_had_is_said_in_words(page: Page) -> None:
    page.route("**/openapi.json", lambda route: route.abort())
    page.get_by_role("button", name="Insert an example").click()
    expect(page.get_by_role("alert")).to_have_text("The service does not answer. Is it running?")


NAMELESS = """() => [...document.querySelectorAll(
    "a, button, input:not([type=file]), select, textarea, svg[role=img], [role]")]
  .filter((e) => e.offsetParent !== null || e.tagName === "svg")
  .filter((e) => {
    const labelled = (e.getAttribute("aria-labelledby") ?? "").split(" ")
      .map((id) => document.getElementById(id)?.textContent ?? "");
    const label = e.id ? document.querySelector(`label[for="${e.id}"]`)?.textContent : "";
    return ["status", "alert"].includes(e.getAttribute("role")) ? false
      : !(e.textContent + labelled.join("") + (label ?? "") + (e.getAttribute("aria-label") ?? "")).trim();
  }).map((e) => e.outerHTML.slice(0, 80))"""

STRUCTURE = """() => ({
  language: document.documentElement.lang, title: document.title, mains: document.querySelectorAll("main").length,
  headings: [...document.querySelectorAll("h1, h2, h3")].filter((e) => e.offsetParent).map((e) => Number(e.tagName[1])),
  twice: [...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i),
  cells: [...document.querySelectorAll("thead th")].every((e) => e.scope === "col"),
})"""

# The contrast of each piece of visible text with the nearest background behind it, after WCAG 2.
FAINT = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const faint = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || box.width < 2 || box.right < 0 || getComputedStyle(e).visibility === "hidden") continue;
    const style = getComputedStyle(e);
    const ink = parts(e instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${e.outerHTML.slice(0, 90)}`);
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_it_is_accessible_in(
    scheme: Literal["light", "dark"], width: int, browser: Browser, service: Service, tmp_path: Path
) -> None:
    looks: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    # Without motion: a colour on its way from one to another is nobody's reading matter.
    tabs = opened(browser, service, reduced_motion="reduce", **looks)
    page = next(tabs)
    score(page)
    page.get_by_role("button", name="T-2").click()
    expect(page.locator("#place svg")).to_be_visible()
    expect(page.locator("#drift tbody tr")).to_have_count(12)
    drawn = page.evaluate(
        "[...document.querySelectorAll('figure svg')].map((e) => e.clientWidth / e.viewBox.baseVal.width)"
    )
    assert len(drawn) == 2 and min(drawn) > 0.99, "the words in a chart are not made smaller"
    for path in ("", "/docs"):
        if path:
            page.goto(service.url + path)
        structure = page.evaluate(STRUCTURE)
        assert structure["language"] == "en" and structure["title"] and structure["mains"] == 1
        levels = structure["headings"]
        assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
        assert structure["twice"] == [] and structure["cells"]
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(FAINT) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out sideways"
    assert list(tabs) == []
