"""The model card in Markdown."""

from ml.pages import Section, number
from ml.reporting.plots import Plot
from ml.validation.gates import Figure, Validation
from orderguard.model_version import Manifest


def card(manifest: Manifest, validation: Validation, sections: list[Section], plots: list[Plot]) -> str:
    """The card's text."""
    parts = [f"# Order-anomaly model {manifest.version}", _VERDICTS[validation.verdict]]
    if undecided := validation.undecided():
        parts.append("\n".join(f"- {one.gate}: {one.figure} is {number(one.value)}; {one.needs}." for one in undecided))
    parts.append("## Gates")
    for gate in validation.gates:
        parts.append(f"### {_ANSWERS[gate.verdict]}: {gate.name}\n\n{gate.meaning} {gate.note}".rstrip())
        if gate.figures:
            figures: list[list[str | float]] = [
                [figure.name, figure.value, f"{figure.bound} {number(figure.limit)}", kept(figure)]
                for figure in gate.figures
            ]
            parts.append(markdown_table(["figure", "value", "limit", "kept"], figures))
        parts += [figure.advice for figure in gate.figures if figure.advice]
        parts += [f"{table.title}:\n\n{markdown_table(table.columns, table.rows)}" for table in gate.tables]
    parts.append("## Plots")
    parts += [f"### {plot.title}\n\n{plot.meaning}\n\n![{plot.title}](plots/{plot.name}.svg)" for plot in plots]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += section.paragraphs
        if section.rows:
            parts.append(markdown_table(["", ""], [list(row) for row in section.rows]))
        parts += [f"{table.title}:\n\n{markdown_table(table.columns, table.rows)}" for table in section.tables]
    return "\n\n".join(parts) + "\n"


_VERDICTS = {
    "passed": "All gates passed.",
    "undecided": "No gate failed. Some are **undecided**: there were too few orders to tell.",
    "failed": "**Gates failed**: this version must not be promoted.",
}
_ANSWERS = {"passed": "Passed", "undecided": "Undecided", "failed": "FAILED"}


def kept(figure: Figure) -> str:
    """Whether a figure keeps to its limit, in a word, and what would decide it."""
    return {"passed": "yes", "failed": "NO", "undecided": f"undecided: {figure.needs}"}[figure.verdict]


def markdown_table(columns: list[str], rows: list[list[str | float]]) -> str:
    """A Markdown table; numbers are rounded to four digits."""
    lines = [columns, ["---"] * len(columns), *([number(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '∣') for cell in line)} |" for line in lines)
