"""The report: one HTML file with everything in it, for a person to open."""

from html import escape

from ml.pages import Section, number, section_of, table_of, whole
from ml.reporting.plots import Plot
from ml.validation.gates import Figure, Gate, Validation
from orderguard.model_version import Manifest


def report(manifest: Manifest, validation: Validation, sections: list[Section], plots: list[Plot]) -> str:
    """The whole page."""
    body = [
        f"<h1>Order-anomaly model {escape(manifest.version)}</h1>",
        _verdict(validation),
        _facts(manifest, validation),
        "<h2>Plots</h2>",
        *(
            f'<section class="panel"><h3>{escape(p.title)}</h3><p class="soft">{escape(p.meaning)}</p>{p.svg}</section>'
            for p in plots
        ),
        "<h2>Gates</h2>",
        *(_gate(gate) for gate in validation.gates),
        *(section_of(section) for section in sections),
    ]
    return whole(f"Model {manifest.version}", body)


def _verdict(validation: Validation) -> str:
    if validation.passed:
        return f'<p class="verdict passed">✓ All {len(validation.gates)} gates passed</p>'
    said = ""
    if failures := validation.failures():
        said += f'<p class="verdict failed">✗ Not to be promoted: gates failed</p>{_list("failed", failures)}'
    if undecided := validation.undecided():
        said += '<p class="verdict undecided">? Undecided: too few orders to tell. It stops no promotion.</p>'
        lines = [
            f"{one.gate}: {one.figure} is {number(one.value)}, must be {one.limit}; {one.needs}" for one in undecided
        ]
        said += _list("undecided", lines)
    return said


def _list(kind: str, lines: list[str]) -> str:
    return f'<ul class="{kind}">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def _facts(manifest: Manifest, validation: Validation) -> str:
    orders = sum(file.orders for file in manifest.data)
    facts = [
        ("orders", f"{orders:,}"),
        ("threshold", f"{manifest.threshold:.4f}"),
        ("commit", (manifest.commit or "unknown")[:7]),
    ]
    facts += [(figure.name, f"{figure.value:.3f}") for figure in validation.gate("anomalies").figures[:3]]
    cells = "".join(
        f'<div class="fact"><span class="soft">{escape(name)}</span><b>{escape(value)}</b></div>'
        for name, value in facts
    )
    return f'<div class="facts">{cells}</div>'


def _gate(gate: Gate) -> str:
    rows: list[list[str | float]] = [
        [figure.name, figure.value, f"{figure.bound} {number(figure.limit)}", _mark(figure)] for figure in gate.figures
    ]
    figures = table_of(["figure", "value", "limit", "verdict"], rows) if rows else ""
    tables = "".join(
        f"<details><summary>{escape(table.title)}</summary>{table_of(table.columns, table.rows)}</details>"
        for table in gate.tables
    )
    words = [gate.note, *(figure.advice for figure in gate.figures)]
    note = "".join(f"<p>{escape(text)}</p>" for text in words if text)
    name = escape(gate.name.replace("_", " "))
    return (
        f'<section class="panel"><h3 class="{gate.verdict}">{_MARKS[gate.verdict]} {name}</h3>'
        f'<p class="soft">{escape(gate.meaning)}</p>{note}{figures}{tables}</section>'
    )


_MARKS = {"passed": "✓", "undecided": "?", "failed": "✗"}


def _mark(figure: Figure) -> str:
    return f"? {figure.needs}" if figure.verdict == "undecided" else _MARKS[figure.verdict]
