"""Reports for a run's page: tests from JUnit XML, a model version from its card and its gates."""

import json
import xml.etree.ElementTree as ElementTree  # nosec B405  # only files that pytest wrote a moment ago are read
from pathlib import Path

from delivery.commands import REPOSITORY
from delivery.errors import DeliveryError


def tests(reports: Path) -> str:
    """How many tests ran, how long, and what failed. Raises `DeliveryError` where there is no report."""
    files = sorted(reports.glob("tests*.xml"))
    if not files:
        raise DeliveryError(f"{reports} contains no test report (tests*.xml): run the tests first.")
    lines = ["| suite | tests | failed | skipped | seconds |", "|---|---|---|---|---|"]
    failures = []
    for file in files:
        for suite in ElementTree.parse(file).getroot().iter("testsuite"):  # nosec B314
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            name = file.stem.removeprefix("tests").strip("-") or "all"
            seconds = float(suite.get("time", 0))
            lines.append(f"| {name} | {suite.get('tests')} | {failed} | {suite.get('skipped')} | {seconds:.0f} |")
            failures += [
                f"- `{case.get('classname')}.{case.get('name')}`"
                for case in suite.iter("testcase")
                if case.find("failure") is not None or case.find("error") is not None
            ]
    return "\n".join(["## Tests", "", *lines, *(["", "Failed:", "", *failures] if failures else [])])


def model(models: Path, rival: str | None = None) -> str:
    """The newest version's card, which states each gate with its figure and its limit, and how the version stands
    against the champion. `rival` is a version that was fetched to be compared with, not trained here.

    Raises `DeliveryError` where no other version has a card.
    """
    cards = [path for path in models.glob("*/card.md") if path.parent.name != rival]
    if not cards:
        raise DeliveryError(f"{models} contains no model version with a card: training did not get that far.")
    card = max(cards, key=lambda path: path.stat().st_mtime)
    text = card.read_text(encoding="utf-8") + _challenge(card.with_name("challenge.json"))
    report = REPOSITORY / "reports" / "model-summary.md"
    report.parent.mkdir(exist_ok=True)
    report.write_text(text, encoding="utf-8")
    return text


def _challenge(path: Path) -> str:
    """The gate that is no part of the card, because it depends on who is champion."""
    if not path.exists():
        return ""
    gate = json.loads(path.read_text(encoding="utf-8"))
    told = " ".join(filter(None, (gate["meaning"], gate["note"])))
    figures = [
        f"- {one['name']} is {one['value']:.4g}, must be {one['bound']} {one['limit']:.4g}" for one in gate["figures"]
    ]
    answer = "FAILED" if gate["verdict"] == "failed" else gate["verdict"].capitalize()
    advice = [one["advice"] for one in gate["figures"] if one.get("advice")]
    lines = ["", f"## {answer}: {gate['name']}", "", told, "", *figures, "", *advice]
    return "\n".join(lines) + "\n"
