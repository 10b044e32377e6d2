"""The compliance report of a foreign program's state in a real Chromium: readable at every width, with its evidence."""

import json
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from policies.commands import VIOLATED, main

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_RESOURCES: dict[str, dict[str, dict[str, object]]] = {
    "gcp:storage/bucket:Bucket": {
        "uploads": {"uniformBucketLevelAccess": _UNKNOWN, "publicAccessPrevention": "enforced"},
        "open": {"uniformBucketLevelAccess": True, "publicAccessPrevention": "inherited"},
        "known": {"uniformBucketLevelAccess": True, "publicAccessPrevention": "inherited"},
        "a-bucket-with-a-name-that-is-as-long-as-a-name-may-be-and-never-breaks-63": {
            "website": {"mainPageSuffix": "x"}
        },
    },
    "aws:s3/bucket:Bucket": {"mirror": {}},
}
_EXCEPTION = {"resource": "known", "reason": "Holds the public price list alone", "until": "2999-12-31"}


def test_an_auditor_can_read_the_report(browser: Browser, tmp_path: Path) -> None:
    page_file, state, config = (tmp_path / name for name in ("report.html", "state.json", "config.json"))
    resources = [
        {"urn": f"urn:pulumi:dev::shop::{kind}::{name}", "type": kind, "inputs": inputs}
        for kind, named in _RESOURCES.items()
        for name, inputs in named.items()
    ]
    state.write_text(json.dumps({"deployment": {"resources": resources}}))
    config.write_text(json.dumps({"bucket-public-access-prevention": {"exceptions": [_EXCEPTION]}}))
    options = ["--state", str(state), "--config", str(config), "--html", str(page_file)]
    assert main(["check", *options]) == VIOLATED

    page = browser.new_context(viewport={"width": 390, "height": 800}, offline=True).new_page()
    page.goto(page_file.as_uri())
    for element in page.locator("details").all():
        element.evaluate("element => element.open = true")
    for width in (390, 700, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [violation["id"] for violation in Axe().run(page).response["violations"]] == []

    expect(page.get_by_role("heading", name="Compliance of shop/dev")).to_be_visible()
    expect(page.locator("dl").first).to_contain_text("5, of which rules looked at 4")
    expect(page.locator("section", has=page.locator("#undecided"))).to_contain_text("uniformBucketLevelAccess")
    passed = page.locator("section", has=page.locator("#passed"))
    expect(passed).to_contain_text("exception until 2999-12-31: Holds the public price list alone")
    cis = page.locator("section", has=page.locator("#f-cis-google-cloud-foundations-5\\.0\\.0"))
    broken = cis.locator("tr.broken", has=page.get_by_role("rowheader", name="5.1"))
    expect(broken).to_contain_text("bucket-public-access-prevention: 4 resources, 2 broken, 1 let pass")
    page.locator("#findings ~ article a", has_text="bucket-public-access-prevention").first.click()
    expect(page.locator("#rule-bucket-public-access-prevention")).to_be_in_viewport()
    page.context.close()
