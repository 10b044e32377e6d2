"""The model card (Markdown), its plots (SVG) and the report (one HTML file) of a version."""

from pathlib import Path

from ml.reporting.card import card
from ml.reporting.content import content
from ml.reporting.html import report
from ml.reporting.plots import draw
from ml.validation.run import Evidence
from ml.version_files import Training
from orderguard.model_version import Manifest


def describe(manifest: Manifest, training: Training, evidence: Evidence, folder: Path) -> None:
    """Write `card.md`, `report.html` and `plots/` into a version's folder; equal inputs give equal bytes."""
    plots = draw(training, evidence, folder)
    (folder / "plots").mkdir(exist_ok=True)
    for plot in plots:
        (folder / "plots" / f"{plot.name}.svg").write_text(plot.svg, "utf-8")
    sections = content(manifest, training, evidence)
    (folder / "card.md").write_text(card(manifest, evidence.validation, sections, plots), "utf-8")
    (folder / "report.html").write_text(report(manifest, evidence.validation, sections, plots), "utf-8")
