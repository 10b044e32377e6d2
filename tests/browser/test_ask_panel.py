"""The panel "ask about this order" in real Chromium."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import PATIENCE
from tests.rag.fake_servers import FakeServer, OpenAiDialect, Reply
from tests.rag.fake_servers import serving as serving_model
from tests.serving import API_KEY, ODD, Service, serving


@pytest.fixture(scope="module")
def browser_page(browser: Browser) -> Iterator[Page]:
    """A tab that knows the key, as after an earlier visit: without it, a page complains while it loads."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(f"sessionStorage.setItem('orderguard-api-key', '{API_KEY}')")
    yield page
    page.context.close()


def score_and_open(page: Page, url: str) -> list[str]:
    """Score the odd order and open its detail; gives the list that the browser's complaints go to."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{url}/#/score")
    page.fill("#orders", json.dumps(ODD))
    page.click("#score")
    page.click("#scores tbody .row-button")
    return complaints


def test_an_answer_shows_its_sources(browser_page: Page, service: Service) -> None:
    complaints = score_and_open(browser_page, service.url)
    browser_page.get_by_label("Question", exact=True).fill("Why was this order flagged?")
    browser_page.keyboard.press("Enter")
    answer = browser_page.locator(".ask-answer")
    expect(answer).to_contain_text("This order is an anomaly: its score of")
    sources = browser_page.locator(".ask-sources li")
    expect(sources.first).to_contain_text("The order asked about (line 1)")
    excerpts = browser_page.locator(".ask-sources blockquote").all_inner_texts()
    assert all(excerpt in answer.inner_text() for excerpt in excerpts)
    answer.get_by_role("link", name="[2]").click()
    expect(browser_page).to_have_url(f"{service.url}/#source-2")
    assert complaints == []


def test_an_abstention_shows_no_sources(browser_page: Page, service: Service) -> None:
    score_and_open(browser_page, service.url)
    browser_page.get_by_role("button", name="What should I check first?").click()
    expect(browser_page.locator(".ask-sources li").first).to_be_visible()
    browser_page.get_by_label("Question", exact=True).fill("zebrafinch")
    browser_page.get_by_role("button", name="Ask", exact=True).click()
    expect(browser_page.locator(".ask-answer")).to_contain_text("nothing in the knowledge supports an answer")
    expect(browser_page.locator(".ask-sources li")).to_have_count(0)


def test_a_source_that_is_an_example_says_so(browser_page: Page, service: Service) -> None:
    score_and_open(browser_page, service.url)
    browser_page.get_by_role("button", name="Who may cancel it?").click()
    expect(browser_page.locator(".ask-sources li").first).to_contain_text("an example")
    browser_page.get_by_label("Question", exact=True).fill("What does new_device mean?")
    browser_page.get_by_role("button", name="Ask", exact=True).click()
    expect(browser_page.locator(".ask-sources li").first).to_contain_text("features.md")
    expect(browser_page.locator(".ask-sources li").first).not_to_contain_text("an example")


def test_an_error_is_shown_as_a_sentence(browser_page: Page, models_dir: Path, tmp_path: Path) -> None:
    with serving(models_dir, tmp_path / "service.log", RAG_PROVIDER="off") as switched_off:
        score_and_open(browser_page, switched_off.url)
        browser_page.get_by_role("button", name="Who may cancel it?").click()
        expect(browser_page.locator(".ask-panel [role=alert]")).to_contain_text("RAG_PROVIDER=off")


def test_a_provider_s_words_are_text_and_never_markup(browser_page: Page, models_dir: Path, tmp_path: Path) -> None:
    words = "Hold the order <img src=x onerror=document.title='broken'> [1]. <b>Score</b> with a threshold of [1]."
    with serving_model(FakeServer(OpenAiDialect, [Reply((words,))])) as model:
        settings = {"RAG_PROVIDER": "openai", "RAG_MODEL": "m", "RAG_BASE_URL": f"{model.url}/v1"}
        with serving(models_dir, tmp_path / "service.log", wait=True, **settings) as service:
            score_and_open(browser_page, service.url)
            browser_page.get_by_role("button", name="Why was this order flagged?").click()
            expect(browser_page.locator(".ask-panel .note").first).to_contain_text("Worded by the local provider")
            assert "broken" not in browser_page.title()
            assert browser_page.locator(".ask-answer img, .ask-answer b").count() == 0
