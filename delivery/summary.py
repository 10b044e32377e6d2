"""Reports for a run's page: tests from JUnit XML, a model version from its card and its gates."""

import xml.etree.ElementTree as ElementTree  # nosec B405  # only files that pytest wrote a moment ago are read
from pathlib import Path

from delivery.commands import REPOSITORY
from delivery.errors import DeliveryError


def tests(reports: Path) -> str:
    """How many tests ran, how long, and what failed. Raises `DeliveryError` where there is no report."""
    files = sorted(reports.glob("tests*.xml"))
    if not files:
        raise DeliveryError(f"{reports} holds no test report (tests*.xml): run the tests first.")
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


def model(models: Path) -> str:
    """The newest version's card, which states each gate with its figure and its limit."""
    cards = sorted(models.glob("*/card.md"), key=lambda path: path.stat().st_mtime)
    if not cards:
        raise DeliveryError(f"{models} holds no model version with a card: training did not get that far.")
    text = cards[-1].read_text(encoding="utf-8")
    report = REPOSITORY / "reports" / "model-summary.md"
    report.parent.mkdir(exist_ok=True)
    report.write_text(text, encoding="utf-8")
    return text
