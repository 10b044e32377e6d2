"""What people do at the desk, by keyboard alone: a day's reviews, and two who close the same alerts."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect

OUTCOMES = {"g": "genuine", "m": "mistake", "f": "fraud", "o": "other"}


def as_analyst(browser: Browser, client: httpx.Client, key: str, name: str, patience: float) -> Page:
    """The desk in a fresh browser that knows the key and the name from an earlier visit."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(patience)
    kept = {"sessionStorage": ("orderguard-api-key", key), "localStorage": ("orderguard-analyst", name)}
    page.add_init_script("".join(f"{where}.setItem(...{json.dumps(pair)});" for where, pair in kept.items()))
    page.goto(f"{client.base_url}")
    expect(page.locator("#page-text")).not_to_be_empty(timeout=patience)
    return page


def review(page: Page, count: int) -> dict[str, Any]:
    """Open the first alert, and take, judge and close one after the other; every third with a note."""
    began, keys = time.monotonic(), 0

    def press(*names: str) -> None:
        nonlocal keys
        for name in names:
            page.keyboard.press(name)
            keys += 1

    press("j", "k", "o")
    for number in range(count):
        expect(page.locator("#alert .events li").first).to_be_visible()
        order = page.locator("#alert-title").inner_text().split(" scored ")[0]
        press("t")
        expect(page.locator("#desk-said")).to_have_text(f"You have taken {order}.")
        expect(page.locator("#alert .events li")).to_have_count(2)
        outcome = "gmfo"[number % 4]
        press("c", outcome)
        if number % 3 == 0:
            press("Tab")
            page.keyboard.type("the customer confirmed it by phone")
            press("Control+Enter")
        else:
            press("Enter")
        expect(page.locator("#desk-said")).to_have_text(f"{order} is closed as {OUTCOMES[outcome]}.")
        expect(page.locator("#alert-title")).not_to_contain_text(order)
    press("Escape")
    expect(page.locator("#alert")).to_be_hidden()
    return {"reviewed": count, "seconds": round(time.monotonic() - began, 1), "keys": keys}


def both_close(one: Page, other: Page, count: int) -> int:
    """Both close the alert at the top at the same moment. Gives how often one of them was told who came first."""
    told = 0
    for page in (one, other):
        page.keyboard.press("u")
        page.keyboard.press("1")
    for _ in range(count):
        top = one.locator("#alerts tbody tr").first
        order, place = top.locator("th").inner_text(), top.get_attribute("data-id")
        for page in (one, other):
            mine = page.locator(f'#alerts tbody tr[data-id="{place}"]')
            mine.focus()
            page.keyboard.press("c")
            page.keyboard.press("f")
            expect(page.get_by_role("radio", name="Fraud")).to_be_checked()
        for page in (one, other):
            page.keyboard.press("Enter")
        for page in (one, other):
            expect(page.locator(f'#alerts tbody tr[data-id="{place}"]')).to_have_count(0)
        said = [page.locator("#desk-message").inner_text() for page in (one, other)]
        told += sum(f"closed {order} as fraud" in text for text in said)
    return told


def pictures(page: Page, folder: Path) -> None:
    """The views of the desk, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / "queue.png")
    page.keyboard.press("o")
    expect(page.locator("#alert .events li").first).to_be_visible()
    page.screenshot(path=folder / "order.png")
    page.keyboard.press("c")
    page.screenshot(path=folder / "closing.png")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Precision").click()
    expect(page.locator(".weeks svg")).to_be_visible()
    page.screenshot(path=folder / "precision.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.get_by_role("link", name="Alerts").click()
    expect(page.locator("#alerts tbody tr").first).to_be_visible()
    page.screenshot(path=folder / "queue-390-dark.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
