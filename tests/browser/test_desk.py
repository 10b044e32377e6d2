"""The analyst's desk in a real Chromium: the queue, an alert, closing and precision, by keyboard alone."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app.framework import STATIC
from tests.browser.chromium import opened
from tests.browser.seeing import FAINT, NAMELESS, SIDEWAYS, STRUCTURE, violations
from tests.serving import API_KEY, ODD, Service

MADE = 30
Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def made(service: Service) -> list[str]:
    """Alerts of odd orders, each worth more than the one before it, the last made after the others: the orders' ids."""
    orders = [order(f"D-{place:02}", quantity=4_000 + place) for place in range(MADE)]
    return make(service, orders[:-1]) + make(service, orders[-1:])


def order(name: str, quantity: int, country: str = "NG") -> dict[str, Any]:
    items = [{"sku": "CLO-0015", "category": "clothing", "quantity": quantity, "unit_price": 9_999.0}]
    return {
        **ODD,
        "order_id": name,
        "customer": {"id": f"C-{name}"},
        "items": items,
        "shipping_address": {"country": country},
    }


def make(service: Service, orders: list[dict[str, Any]]) -> list[str]:
    """Score orders, and wait until each has its alert."""
    answer = service.post("/v1/score/batch", orders).json()
    assert answer["anomalies"] == len(orders), answer
    names = [one["order_id"] for one in orders]
    service.until(lambda: all(found(service, name) for name in names), "an alert for each order")
    return names


def found(service: Service, name: str) -> list[dict[str, Any]]:
    """The alerts of an order."""
    alerts: list[dict[str, Any]] = service.get(f"/v1/alerts?state=all&q={name}").json()["alerts"]
    return alerts


@pytest.fixture
def enter(browser: Browser, service: Service) -> Iterator[Enter]:
    """Comes to the desk in a new tab, with the key, as somebody."""
    tabs: list[Iterator[Page]] = []

    def come(name: str, view: str = "#/queue", **context: Any) -> Page:
        tab = opened(browser, f"{service.url}/{view}", known_as(name), reduced_motion="reduce", **context)
        tabs.append(tab)
        page = next(tab)
        if name:
            expect(page.locator("#page-text")).not_to_be_empty()
        return page

    yield come
    for tab in tabs:
        assert list(tab) == []


def known_as(name: str) -> str:
    """What a browser has kept of somebody who was here before."""
    kept = f"sessionStorage.setItem('orderguard-api-key', {json.dumps(API_KEY)})"
    return f"{kept}; localStorage.setItem('orderguard-analyst', {json.dumps(name)})" if name else kept


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def rows(page: Page) -> Locator:
    return page.locator("#alerts tbody tr")


def search(page: Page, words: str, count: int) -> None:
    press(page, "/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(words)
    expect(rows(page)).to_have_count(count)
    press(page, "Enter")


def counted(page: Page, state: str) -> int:
    return int(page.locator(f"[data-state={state}] .count").inner_text().replace(",", ""))


def test_a_day_s_work_needs_the_keyboard_alone(enter: Enter, made: list[str]) -> None:
    page = enter("")
    expect(page.get_by_role("heading", name="Who is at the desk?")).to_be_visible()
    expect(rows(page).first).to_be_visible()
    press(page, "t")
    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Zoë")
    press(page, "Enter")
    expect(rows(page).first).to_be_focused()
    press(page, "j", "j", "k")
    expect(rows(page).nth(1)).to_be_focused()
    first, second, third = (rows(page).nth(place).locator("th").inner_text() for place in range(3))
    press(page, "o")
    title = page.locator("#alert-title")
    expect(title).to_have_text(re.compile(rf"^{second} scored 0\.\d+|1\.000$"))
    expect(title).to_be_focused()
    press(page, "j")
    expect(title).to_contain_text(third)
    press(page, "k")
    expect(title).to_contain_text(second)
    press(page, "t")
    expect(page.locator("#desk-said")).to_have_text(f"You have taken {second}.")
    expect(page.locator("[data-state=mine] .count")).to_have_text("1")
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    press(page, "r")
    expect(page.locator("[data-state=mine] .count")).to_have_text("0")
    expect(page.get_by_role("button", name="Take", exact=True)).to_be_visible()
    press(page, "c")
    expect(page.get_by_role("radio", name="Genuine")).to_be_focused()
    press(page, "f")
    expect(page.get_by_role("radio", name="Fraud")).to_be_checked()
    press(page, "Tab")
    page.keyboard.type("jock wrote to erika.mustermann@example.org")
    press(page, "Control+Enter")
    expect(page.locator("#desk-said")).to_have_text(f"{second} is closed as fraud.")
    expect(title).to_contain_text(third)
    press(page, "Escape")
    expect(page.locator("#alert")).to_be_hidden()
    expect(rows(page).filter(has_text=third)).to_be_focused()
    press(page, "4")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("fraud, by Zoë")
    press(page, "o")
    expect(page.locator(".events li")).to_have_count(4)
    expect(page.locator(".events li").last).to_contain_text("closed as fraud by Zoë")
    expect(page.locator("#alert")).to_contain_text("jock wrote to")
    expect(page.locator("#alert")).not_to_contain_text("example.org")
    press(page, "r")
    expect(page.locator("#desk-said")).to_have_text(f"{second} is open again, and yours.")
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    press(page, "r")
    expect(page.get_by_role("button", name="Take", exact=True)).to_be_visible()
    press(page, "Escape", "1", "?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    press(page, "Shift+Tab", "Space", "Escape")
    expect(page.get_by_role("heading", name="Keys")).to_be_hidden()
    expect(rows(page).first).to_be_visible()
    press(page, "o")
    expect(page.locator("#alert")).to_be_hidden()
    assert first in rows(page).all_inner_texts()[0]


def test_an_alert_shows_its_order_beside_its_reasons(enter: Enter, made: list[str]) -> None:
    page = enter("Zoë")
    search(page, made[3], 1)
    press(page, "o")
    alert = page.locator("#alert")
    expect(alert).to_contain_text("at risk. Waits. Made ")
    expect(alert).to_contain_text("decided by model first")
    expect(alert.locator(".reasons li").first).to_contain_text("its usual")
    expect(alert.locator(".lines tbody tr").first).to_contain_text(re.compile(r"CLO-0015.*9,999.00 EUR[0-9,]+ times"))
    expect(alert).to_contain_text("Tuesday, 2026-05-05, 03:41 local time (UTC+02:00)")
    expect(alert.locator(".facts")).to_contain_text("DE-10")
    for title in ("Recent orders of this customer", "Recent orders with this device", "Similar cases"):
        expect(alert.get_by_role("heading", name=title)).to_be_visible()
    expect(alert.locator(".events li").first).to_contain_text("made")
    expect(page).to_have_url(re.compile("/#/queue/"))
    page.reload()
    expect(page.locator("#alert-title")).to_contain_text(made[3])
    page.go_back()
    expect(page.locator("#alert")).to_be_hidden()


def test_the_queue_is_sorted_narrowed_and_searched(enter: Enter, made: list[str]) -> None:
    page = enter("Zoë")
    page.get_by_label("In the order of", exact=True).select_option("value")
    expect(rows(page).first).to_contain_text(made[-1])
    page.get_by_label("In the order of", exact=True).select_option("age")
    expect(rows(page).last).to_contain_text(made[-1])
    press(page, "/")
    page.keyboard.type("jock")
    expect(page.locator("#queue-empty")).to_have_text("No alert matches.")
    expect(page.locator("#closing")).to_be_hidden()
    search(page, made[5], 1)
    search(page, "", min(MADE, 50))
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Country").select_option(index=1)
    expect(rows(page).first).to_be_visible()
    page.get_by_label("Outcome").select_option("fraud")
    expect(page.locator("#queue-empty")).to_be_visible()
    page.get_by_label("Outcome").select_option("any")
    expect(rows(page).first).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export as CSV").click()
    assert made[7] in saved.value.path().read_text() and saved.value.suggested_filename == "alerts-new.csv"


def test_two_people_never_close_one_twice(enter: Enter, service: Service, made: list[str]) -> None:
    zoe, ben = enter("Zoë"), enter("Ben")
    for page in (zoe, ben):
        search(page, made[9], 1)
    press(zoe, "c", "m", "Enter")
    expect(zoe.locator("#desk-said")).to_have_text(f"{made[9]} is closed as mistake.")
    press(ben, "c", "g", "Enter")
    expect(ben.locator("#desk-message")).to_have_text(re.compile(rf"^Zoë closed {made[9]} as mistake, 20\d\d-.*\d\.$"))
    expect(rows(ben)).to_have_count(0)
    (alert,) = found(service, made[9])
    events = service.get(f"/v1/alerts/{alert['id']}").json()["events"]
    assert [event["what"] for event in events].count("closed") == 1
    for page in (zoe, ben):
        search(page, made[10], 1)
    press(zoe, "t")
    expect(zoe.locator("#desk-said")).to_have_text(f"You have taken {made[10]}.")
    press(ben, "o", "t")
    expect(ben.locator("#desk-message")).to_contain_text(f"Zoë took {made[10]}, 20")
    expect(ben.get_by_role("button", name="Take over")).to_be_visible()
    press(ben, "Shift+T")
    expect(ben.locator("#desk-said")).to_have_text(f"You have taken over {made[10]}.")
    press(ben, "r")
    expect(ben.locator("#desk-said")).to_have_text(f"You have given {made[10]} back.")


def test_who_forgets_the_key_leaves_no_alert_on_the_screen(enter: Enter, made: list[str]) -> None:
    page = enter("Zoë")
    press(page, "o")
    expect(page.locator(".events li").first).to_be_visible()
    page.get_by_role("button", name="Forget the key").click()
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#alert")).to_be_hidden()
    page.get_by_label("API key", exact=True).fill(API_KEY)
    press(page, "Enter")
    expect(page.locator(".events li").first).to_be_visible()


def test_a_service_that_is_away_is_told_of_until_it_is_back(enter: Enter, made: list[str]) -> None:
    page = enter("Zoë")
    page.route("**/v1/alerts?**", lambda route: route.abort())
    press(page, "u")
    expect(page.locator("#desk-message")).to_have_text("The service does not answer. Is it running?")
    expect(rows(page).first).to_be_visible()
    page.unroute("**/v1/alerts?**")
    press(page, "u")
    expect(page.locator("#desk-message")).to_be_empty()


def test_many_are_closed_at_once_and_precision_counts_them(enter: Enter, service: Service) -> None:
    make(service, [order(f"M-{place}", 5_000, country="ZA") for place in range(4)])
    page = enter("Zoë")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Country").select_option("ZA")
    expect(rows(page)).to_have_count(4)
    rows(page).first.focus()
    press(page, "x", "j", "x")
    expect(page.locator("#chosen-count")).to_have_text("2 selected")
    press(page, "c", "o", "Enter")
    expect(page.locator("#desk-said")).to_have_text("2 closed as other.")
    expect(rows(page)).to_have_count(2)
    press(page, "a", "c", "m", "Enter")
    expect(page.locator("#desk-said")).to_have_text("2 closed as mistake.")
    page.get_by_role("link", name="Precision").click()
    expect(page.locator(".weeks svg")).to_be_visible()
    by_week = page.locator(".card", has=page.get_by_role("heading", name="By week"))
    expect(by_week.locator("tbody tr").last).to_contain_text(re.compile(r"20\d\d-W\d\d\d+ %"))
    for title in ("Main reason", "Model version", "Decided by"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1440)])
def test_every_view_is_accessible(enter: Enter, made: list[str], scheme: Literal["light", "dark"], width: int) -> None:
    page = enter("Zoë", color_scheme=scheme, viewport={"width": width, "height": 900})
    expect(rows(page).first).to_be_visible()
    page.get_by_text("Filters", exact=True).click()
    press(page, "Escape", "x")
    seen(page, "the queue")
    press(page, "x", "o")
    expect(page.locator(".events li").first).to_be_visible()
    seen(page, "an alert")
    press(page, "c")
    expect(page.locator("#closing")).to_be_visible()
    seen(page, "closing")
    press(page, "Escape", "?")
    expect(page.locator("#keys")).to_be_visible()
    seen(page, "the keys")
    press(page, "Escape")
    page.get_by_role("link", name="Precision").click()
    expect(page.locator(".weeks svg")).to_be_visible()
    seen(page, "precision")


def seen(page: Page, what: str) -> None:
    structure = page.evaluate(STRUCTURE)
    levels = structure["headings"]
    assert structure["mains"] == 1 and structure["twice"] == [] and structure["cells"], what
    assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), what
    assert page.evaluate(NAMELESS) == [] and page.evaluate(FAINT) == [], what
    assert page.evaluate(SIDEWAYS) == 0 and violations(page) == [], what


SHIFTED = """() => new Promise((done) => new PerformanceObserver((list) => done(
  list.getEntries().filter((one) => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0)))
  .observe({ type: "layout-shift", buffered: true }))"""


def test_nothing_moves_while_the_queue_comes(enter: Enter, made: list[str]) -> None:
    page = enter("Zoë")
    expect(rows(page).first).to_be_visible()
    page.evaluate("document.body.style.paddingTop = '1px'")  # so that there is one shift to be told of
    assert page.evaluate(SHIFTED) < 0.1


def test_every_module_is_asked_for_with_the_page() -> None:
    """What one module imports would be asked for only once that is there."""
    page = (STATIC / "index.html").read_text()
    asked = re.findall(r'<(?:link rel="modulepreload" href|script type="module" src)="/static/([a-z]+\.js)"', page)
    assert sorted(asked) == sorted(path.name for path in STATIC.glob("*.js"))
