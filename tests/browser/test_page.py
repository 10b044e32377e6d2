"""The page in a real Chromium: what an analyst does, by mouse and by keyboard, in light and dark, wide and narrow."""

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from app.edge import LARGEST_FILE
from orderguard.masking import Keyring
from orderguard.retrieval import PastCases
from tests.browser.chromium import PATIENCE, opened
from tests.browser.seeing import FAINT, NAMELESS, SIDEWAYS, STRUCTURE, seen_at_all_widths, violations
from tests.serving import API_KEY, MASKING_KEY, ODD, USUAL, Service, histories_of

EXPORTS = Path(__file__).resolve().parents[2] / "data" / "examples"
BACK = {**USUAL, "order_id": "R-1", "items": [{**USUAL["items"][0], "quantity": -1}]}
ORDERS = "\n".join(json.dumps(order) for order in (USUAL, ODD, {"order_id": 5}))


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    yield from opened(browser, f"{service.url}/#/score")


def enter(page: Page, key: str = API_KEY) -> None:
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Use the key").click()


def score(page: Page, orders: str = ORDERS) -> None:
    if page.get_by_label("API key", exact=True).is_visible():
        enter(page)
    page.get_by_label("One order, a JSON array").fill(orders)
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_role("heading", name="Scores", exact=True)).to_be_focused()


def test_orders_are_scored_and_explained_in_words_beside_the_order(page: Page) -> None:
    score(page)
    rows = page.locator("#scores tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("#summary")).to_have_text("2 orders scored, 1 anomaly, 1 line left out.")
    expect(page.locator("#unusable-lines li")).to_have_text("line 3: items is missing")
    expect(rows.first).to_contain_text("CLO-0015 costs 9,999.00 EUR")
    page.get_by_role("button", name="T-2").click()
    expect(page.get_by_role("heading", name="Why T-2 scored")).to_be_focused()
    expect(page.locator("#reasons li").first).to_contain_text("its usual")
    expect(page.locator("#detail-text")).to_contain_text(re.compile("at the top|above all"))
    expect(page.locator("#place svg")).to_contain_text("threshold")
    expect(page.locator("#order")).to_contain_text("Tuesday, 2026-05-05, 03:41 local time (UTC+02:00)")
    expect(page.locator("#order")).to_contain_text("DE-10")
    expect(page.locator("#order tbody tr")).to_contain_text(
        re.compile(r"CLO-0015.*9,999.00 EUR[0-9,]+ times its usual")
    )
    expect(page.locator("#order")).not_to_contain_text("Mustermann")
    expect(page.locator("#lineage")).to_contain_text("first")
    expect(page.locator("#drift tbody tr")).to_have_count(12)
    expect(page.locator("#lineage")).to_contain_text("Planted anomalies that are found")
    assert "_" not in "".join(page.locator("#drift th, #lineage dt").all_inner_texts())


def test_orders_are_only_looked_at_unless_the_switch_says_otherwise(page: Page, service: Service) -> None:
    def counted() -> int:
        found = re.search(
            r'^orderguard_orders_scored_total{route="/v1/score/stream"} (\d+)',
            service.get("/metrics").text,
            re.MULTILINE,
        )
        return int(found[1]) if found else 0

    burst = [
        {**ODD, "order_id": f"B-{place}", "created_at": f"2026-05-05T03:{place:02}:00+02:00"} for place in range(9)
    ]
    orders = "\n".join(json.dumps(order) for order in burst)
    before = counted()
    said = []
    for _ in range(2):
        score(page, orders)
        expect(page.locator("#counted")).to_have_text("They were only looked at: nothing of them is kept or counted.")
        said.append(page.locator("#summary").inner_text())
    assert said[0] == said[1] and counted() == before
    page.get_by_label("Count these orders").check()
    score(page, orders)
    expect(page.locator("#counted")).to_have_text("They count into the customers’ histories and drift.")
    assert counted() == before + len(burst)


def test_a_shops_export_is_read_and_scored(page: Page) -> None:
    enter(page)
    page.locator("#file").set_input_files(EXPORTS / "shopify-orders.csv")
    expect(page.locator("#taken-for")).to_contain_text("Taken for Shopify's CSV export of orders")
    expect(page.locator("#taken-for")).to_contain_text("2 orders. Set apart: 1 × refund, 1 × cancellation.")
    expect(page.get_by_label("One order, a JSON array")).to_have_value(re.compile('"order_id":"7410991464"'))
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.locator("#summary")).to_contain_text("2 orders scored")
    page.evaluate("""() => { const data = new DataTransfer(); data.items.add(new File(["a,b\\n1,2\\n"], "x.csv"));
        const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true });
        document.getElementById("orders-form").dispatchEvent(drop); }""")
    expect(page.locator("#message")).to_contain_text("every order needs")


def test_what_is_no_order_is_set_apart_beside_the_scores(page: Page) -> None:
    one_back = {**USUAL, "order_id": "R-3", "items": [*USUAL["items"], *BACK["items"]]}
    score(page, json.dumps([USUAL, BACK, {**BACK, "order_id": "R-2"}, one_back]))
    expect(page.locator("#summary")).to_have_text("1 order scored, 0 anomalies, 3 set apart.")
    expect(page.locator("#apart")).to_have_text(
        "Set apart, since they are not orders to score: 2 × refund, 1 × exchange."
    )
    expect(page.locator("#scores tbody tr")).to_have_count(1)


def test_a_file_that_is_too_large_is_not_sent(page: Page, tmp_path: Path) -> None:
    (tmp_path / "large.csv").write_bytes(b"a,b\n" * (LARGEST_FILE // 4 + 1))
    page.locator("#file").set_input_files(tmp_path / "large.csv")
    expect(page.locator("#message")).to_contain_text("larger than 8 MiB")
    expect(page.locator("#message")).to_contain_text("make import FILE=")


def test_a_usual_order_is_explained_too(page: Page) -> None:
    score(page)
    expect(page.locator("#scores tbody tr").nth(1).locator("td").last).to_be_empty()
    page.get_by_role("button", name="T-1").click()
    expect(page.locator("#detail-text")).to_contain_text("As usual, not an anomaly")
    expect(page.locator("#reasons li").first).to_be_visible()


def test_an_order_that_is_chosen_before_the_model_is_known_gets_its_place_when_it_is(page: Page) -> None:
    held: list[Route] = []
    known = False
    page.route("**/v1/model", lambda route: route.continue_() if known else held.append(route))
    page.evaluate(f"sessionStorage.setItem('orderguard-api-key', '{API_KEY}')")
    page.reload()
    score(page)
    page.get_by_role("button", name="T-2").click()
    expect(page.locator("#place")).to_have_text("The distribution is on its way.")
    known = True
    for route in held:
        route.continue_()
    expect(page.locator("#place svg")).to_contain_text("threshold")


def test_before_the_key_is_there_nothing_that_needs_it_is_asked(browser: Browser, service: Service) -> None:
    tab = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{service.url}/#/score")
    expect(tab.locator("#door")).to_contain_text(".local/api-key.header")
    expect(tab.locator("#state-text")).to_contain_text("Ready")
    tab.get_by_role("button", name="Insert an example").click()
    expect(tab.get_by_label("One order, a JSON array")).to_have_value(re.compile("A-1001"))
    tab.get_by_role("button", name="Score", exact=True).click()
    expect(tab.locator("#door-message")).to_have_text("Paste the API key first.")
    expect(tab.get_by_label("API key", exact=True)).to_be_focused()
    assert said == [] and not [url for url in asked if "/v1/" in url]
    assert tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") < PATIENCE
    tab.context.close()


def test_a_link_opens_the_page_once_and_leaves_no_code_behind(browser: Browser, service: Service) -> None:
    code = service.post("/v1/door", b"").json()["code"]
    tab = browser.new_page()
    tab.goto(f"{service.url}/#code={code}")
    expect(tab.get_by_label("Who is at the desk?")).to_be_visible()
    expect(tab.locator("#door")).to_be_hidden()
    expect(tab).to_have_url(f"{service.url}/")
    assert tab.evaluate("history.length") <= 2 and code not in tab.content()
    assert code not in service.log.read_text() and API_KEY not in service.log.read_text()
    other = browser.new_context().new_page()
    other.goto(f"{service.url}/#code={code}")
    expect(other.locator("#door-message")).to_contain_text("This link was used")
    expect(other.get_by_label("API key", exact=True)).to_be_visible()
    expect(other).to_have_url(f"{service.url}/")
    other.context.close()
    tab.get_by_role("button", name="Forget the key").click()
    expect(tab.get_by_label("API key", exact=True)).to_be_focused()
    assert tab.evaluate("sessionStorage.length") == 0
    tab.context.close()


@pytest.mark.parametrize(
    "pasted", ["X-API-Key: {}", "  {}\n", "Authorization: Bearer {}", "-H 'x-api-key: {}'", '"{}"']
)
def test_the_whole_header_line_is_taken_for_the_key(pasted: str, page: Page) -> None:
    enter(page, pasted.format(API_KEY).replace("\n", ""))
    expect(page.get_by_text("Trained on")).to_be_visible()


def test_similar_cases_are_shown_with_the_reasons_that_they_share(
    page: Page, service: Service, models_dir: Path
) -> None:
    """The order of a past case comes again, under another id."""
    keyring = Keyring.from_text(MASKING_KEY)
    known = PastCases.read(histories_of(models_dir), "first", keyring)
    assert known
    (file,) = (models_dir.parent / "raw").glob("*.ndjson")
    orders = {}
    for line in file.read_bytes().splitlines():
        with suppress(ValueError, KeyError, TypeError):
            order = json.loads(line)
            orders[keyring.token("order", order["order_id"])] = order
    question = "Why was this order flagged?"
    past = ({**orders[case.order_token], "order_id": "again"} for case in known.cases if case.order_token in orders)
    again = next(one for one in past if service.post("/v1/ask", {"question": question, "order": one}).json()["similar"])
    score(page, json.dumps(again))
    page.get_by_role("button", name="again").click()
    page.get_by_role("button", name=question).click()
    table = page.locator(".ask-panel table")
    expect(table.locator("th[scope=col]")).to_have_count(4)
    told = table.locator("tbody tr").first
    expect(told.locator("td").first).to_have_text(re.compile(r"0\.[789]\d|1\.00"))
    expect(told.locator("td").last).to_have_text(re.compile(r"^[A-Z0-9].*\.$"))
    expect(told.locator("td").last).not_to_contain_text("_")
    for width in (390, 1024):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(SIDEWAYS) == 0 and violations(page) == []


def test_it_can_be_used_by_keyboard_alone(page: Page) -> None:
    def tab_to(what: Locator, most: int = 20) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if what.evaluate("e => e === document.activeElement"):
                return
        expect(what).to_be_focused()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page.get_by_label("API key", exact=True))
    page.keyboard.type(f"X-API-Key: {API_KEY}")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Trained on")).to_be_visible()
    tab_to(page.get_by_label("One order, a JSON array"))
    page.keyboard.insert_text(ORDERS)
    tab_to(page.get_by_role("button", name="Score", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Scores", exact=True)).to_be_focused()
    tab_to(page.locator("#unusable summary"))
    page.keyboard.press("Enter")
    expect(page.locator("#unusable-lines")).to_be_hidden()
    tab_to(page.get_by_label("Show"))
    page.keyboard.press("a")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#scores tbody tr")).to_have_count(1)
    tab_to(page.locator(".row-button").first)
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_be_focused()
    tab_to(page.get_by_label("Question", exact=True))
    page.keyboard.type("Why was this order flagged?")
    page.keyboard.press("Enter")
    expect(page.locator(".ask-answer")).not_to_be_empty()
    tab_to(page.get_by_role("button", name="Who may cancel it?"))
    page.keyboard.press("Space")
    expect(page.get_by_label("Question", exact=True)).to_have_value("Who may cancel it?")


def test_a_wrong_key_and_broken_input_are_said_in_words(page: Page) -> None:
    enter(page, "a-key-that-nobody-made")
    expect(page.locator("#door-message")).to_contain_text("The service does not accept this API key.")
    score(page)
    page.get_by_label("One order, a JSON array").fill("order 5, please")
    page.get_by_role("button", name="Score", exact=True).click()
    message = page.locator("#message")
    expect(message).to_contain_text("This is not JSON")
    expect(page.locator("#results")).to_be_hidden()
    page.get_by_label("One order, a JSON array").fill('{\n"order_id": 5,\n}')
    page.get_by_role("button", name="Score", exact=True).click()
    expect(message).to_contain_text("something is wrong in line 3, at character 1")
    page.get_by_label("One order, a JSON array").fill("  ")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(message).to_contain_text("There is no order yet")


def test_a_bad_line_is_listed_with_its_number_and_the_others_are_scored(page: Page) -> None:
    score(page)
    page.get_by_role("button", name="T-2").click()
    lines = ["", json.dumps(USUAL), "{oh no", "", json.dumps({**ODD, "currency": None}), json.dumps([ODD])]
    score(page, "\n".join(lines))
    expect(page.locator("#summary")).to_have_text("1 order scored, 0 anomalies, 3 lines left out.")
    said = page.locator("#unusable-lines li")
    expect(said).to_have_text(
        ["line 3: not valid JSON", "line 5: currency is missing", "line 6: must be an object"], use_inner_text=True
    )
    expect(page.locator("#detail")).to_be_hidden()
    score(page, json.dumps([USUAL, 5]))
    expect(said).to_have_text("order 2: must be an object")


def test_long_work_shows_how_far_it_is_and_can_be_cancelled(page: Page, tmp_path: Path) -> None:
    enter(page)
    name = tmp_path / "orders.ndjson.gz"
    name.write_bytes(
        gzip.compress("\n".join(json.dumps({**USUAL, "order_id": f"T-{i}"}) for i in range(1_001)).encode())
    )
    page.get_by_label("Open a file").set_input_files(name)
    expect(page.locator("#file-name")).to_have_text(re.compile(r"orders.ndjson.gz, 1,001 lines, 0\.\d MB\."))
    held: list[Route] = []
    first = True
    stream = re.compile("/v1/score/stream")

    def hold(route: Route) -> None:
        nonlocal first
        if not first:
            held.append(route)
            return
        first = False
        route.continue_()

    page.route(stream, hold)
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.locator("#progress-text")).to_have_text("Scoring: 500 of 1,001 orders")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#message")).to_contain_text("Cancelled")
    expect(page.locator("#results")).to_be_hidden()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    page.unroute(stream)
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.locator("#summary")).to_contain_text("1,001 orders scored")
    expect(page.locator("#more")).to_have_text("The first 500 of 1,001 are shown.")
    page.get_by_role("button", name="Take it away").click()
    expect(page.get_by_label("One order, a JSON array")).to_be_focused()


def test_the_example_is_a_usual_order_and_an_anomaly(page: Page) -> None:
    enter(page)
    page.get_by_role("button", name="Insert an example").click()
    expect(page.get_by_label("One order, a JSON array")).to_have_value(re.compile("example-usual"))
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.locator("#scores tbody tr")).to_contain_text(["example-anomaly", "example-usual"])
    expect(page.locator("#summary")).to_have_text("2 orders scored, 1 anomaly.")


def test_a_file_can_be_opened(page: Page, tmp_path: Path) -> None:
    (tmp_path / "orders.ndjson").write_text(ORDERS)
    page.get_by_label("Open a file").set_input_files(tmp_path / "orders.ndjson")
    expect(page.get_by_label("One order, a JSON array")).to_have_value(ORDERS)
    (tmp_path / "broken.gz").write_text(ORDERS)
    page.get_by_label("Open a file").set_input_files(tmp_path / "broken.gz")
    expect(page.locator("#message")).to_have_text("The file broken.gz can’t be read.")


def test_markup_in_an_order_is_only_text(page: Page) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    items = [{"sku": nasty, "category": nasty, "quantity": 900, "unit_price": 99_999}]
    score(page, json.dumps({**ODD, "order_id": nasty, "items": items}))
    expect(page.locator(".row-button")).to_have_text(nasty)
    page.locator(".row-button").click()
    expect(page.locator("#order tbody th")).to_have_text(nasty)
    assert page.locator("#scores img, #order img, #reasons img").count() == 0


def test_the_key_stays_in_the_tab(page: Page) -> None:
    score(page)
    assert page.evaluate("localStorage.length") == 0
    assert page.evaluate("document.cookie") == ""
    assert API_KEY not in page.content()


def test_a_refused_key_is_not_sent_again_and_again(page: Page) -> None:
    page.clock.install()
    page.reload()
    enter(page, "a-wrong-key-0123456789")
    expect(page.get_by_text("does not accept this API key")).to_be_visible()
    refused: list[str] = []
    page.on("response", lambda response: refused.append(response.url) if response.status == 401 else None)
    for _ in range(4):
        with page.expect_response(re.compile("/readyz$")):
            page.clock.run_for(15_000)
    assert refused == []
    score(page)
    expect(page.get_by_text("Trained on")).to_be_visible()


def test_an_example_that_can_t_be_had_is_said_in_words(page: Page) -> None:
    page.route("**/openapi.json", lambda route: route.abort())
    page.get_by_role("button", name="Insert an example").click()
    expect(page.locator("#message")).to_have_text("The service does not answer. Is it running?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_api_and_report_are_accessible_and_never_scroll_sideways(
    scheme: Literal["light", "dark"], browser: Browser, service: Service, models_dir: Path, tmp_path: Path
) -> None:
    looks: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": 320, "height": 900}}
    # Without motion: a colour on its way from one to another is nobody's reading matter.
    tabs = opened(browser, f"{service.url}/#/score", reduced_motion="reduce", **looks)
    page = next(tabs)
    assert violations(page) == [], "the door"
    score(page, "\n".join([ORDERS, json.dumps(BACK)]))
    expect(page.locator("#apart")).to_be_visible()
    page.get_by_role("button", name="T-2").click()
    expect(page.locator("#place svg")).to_be_visible()
    expect(page.locator("#order table")).to_be_visible()
    expect(page.locator("#drift tbody tr")).to_have_count(12)
    page.get_by_role("button", name="Why was this order flagged?").click()
    expect(page.locator(".ask-answer")).not_to_be_empty()
    charts = "[...document.querySelectorAll('#place svg')].map((e) => e.clientWidth / e.viewBox.baseVal.width)"
    assert page.evaluate(charts)[0] > 0.99, "the words in a chart are not made smaller"
    for path in ("", "/docs"):
        if path:
            page.goto(service.url + path)
        structure = page.evaluate(STRUCTURE)
        assert structure["language"] == "en" and structure["title"] and structure["mains"] == 1
        levels = structure["headings"]
        assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
        assert structure["twice"] == [] and structure["cells"]
        assert page.evaluate(NAMELESS) == [] and page.evaluate(FAINT) == []
        # The API page is so long that axe takes half a minute for it.
        assert seen_at_all_widths(page, axe=not path) == []
    assert list(tabs) == []
    report = browser.new_context(**looks).new_page()
    report.goto((models_dir / "first" / "report.html").as_uri())
    assert seen_at_all_widths(report) == []
    lineage = "Math.min(...[...document.querySelectorAll('.pairs td:last-child')].map((e) => e.clientWidth))"
    report.set_viewport_size({"width": 320, "height": 900})
    assert report.evaluate(lineage) > 200, "a line of the lineage has room for more than a few characters"
    report.context.close()
