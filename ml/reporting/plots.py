"""The card's plots as SVG: the same bytes for the same figures, and legible on a light and on a dark page."""

import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml.validation.run import Evidence
from ml.version_files import Training
from orderguard.features import FEATURE_NAMES
from orderguard.scorer import GRAPH, explain_rows, session

_INK, _GRID = "#010203", "#020304"
_SERIES = ("#0b0c01", "#0b0c02", "#0b0c03", "#0b0c04")
_THEME = {
    _INK: ("--ink", "#1f2430", "#e6e8ee"),
    _GRID: ("--grid", "#d5d9e2", "#3a4152"),
    _SERIES[0]: ("--series-1", "#1c6dd0", "#6ba6f5"),
    _SERIES[1]: ("--series-2", "#d9730d", "#f0a35e"),
    _SERIES[2]: ("--series-3", "#2e8b57", "#6fce9a"),
    _SERIES[3]: ("--series-4", "#8a8f9c", "#9aa1b1"),
}
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    "svg.hashsalt": "orderguard",
    "text.color": _INK,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _GRID,
    "legend.frameon": False,
}
_IMPORTANCE_ROWS = 600


class Plot(NamedTuple):
    """One plot; `svg` is the whole file."""

    name: str
    title: str
    meaning: str
    svg: str


def draw(training: Training, evidence: Evidence, folder: Path) -> list[Plot]:
    """All plots of a version whose attribution graph is in `folder`."""
    with matplotlib.rc_context(_STYLE):
        return [
            _scores(evidence, training.trained.threshold),
            _kinds(evidence),
            _drift(evidence),
            _importance(training, evidence, folder / GRAPH),
        ]


def _scores(evidence: Evidence, threshold: float) -> Plot:
    figure, axes = _axes(7.6, 3.4)
    groups = (
        ("reference slice", evidence.reference),
        ("injected anomalies", evidence.injected),
        ("later orders", evidence.later),
    )
    edges = np.linspace(min(float(values.min()) for _, values in groups), 1.0, 61)
    for (label, values), colour in zip(groups, (_SERIES[3], _SERIES[1], _SERIES[0]), strict=True):
        shares = np.histogram(values, edges)[0] / len(values)
        axes.stairs(shares, edges, color=colour, label=label, linewidth=1.6, fill=False)
    axes.axvline(threshold, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(f"threshold {threshold:.3f}", (threshold, 1), (5, -4), "data", textcoords="offset points", va="top")
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 2)
    axes.set_xlabel("score")
    axes.set_ylabel("share of the orders")
    figure.legend(loc="outside upper left", ncols=3)
    return Plot(
        "scores",
        "Distribution of scores",
        "Normal orders, earlier and later, against injected anomalies. What lies right of the threshold is flagged.",
        _svg(figure),
    )


def _kinds(evidence: Evidence) -> Plot:
    names = list(evidence.evaluation.found)
    kinds = [kind for kind in evidence.evaluation.found[names[0]]]
    figure, axes = _axes(7.6, 0.62 * len(kinds) + 1)
    places = np.arange(len(kinds))[::-1]
    for number, (name, colour) in enumerate(zip(names, _SERIES, strict=True)):
        values = [evidence.evaluation.found[name][kind].recall for kind in kinds]
        axes.barh(places + (1.5 - number) * 0.2, values, 0.18, color=colour, label=name)
    axes.set_yticks(places, [kind.replace("_", " ") for kind in kinds])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1)
    axes.set_xlabel("recall at the same share of flagged normal orders")
    axes.grid(axis="x", linewidth=0.6)
    figure.legend(loc="outside upper left", ncols=4)
    return Plot(
        "anomalies",
        "Anomalies found, by kind",
        "How many of the injected anomalies the model flags (both), and the forest, the guard and a plain largest "
        "|z| at as many false alarms.",
        _svg(figure),
    )


def _drift(evidence: Evidence) -> Plot:
    figure, axes = _axes(7.6, 0.3 * len(evidence.drift) + 1)
    places = np.arange(len(evidence.drift))[::-1]
    for place, run in zip(places, evidence.drift, strict=True):
        effects = np.array([variable.effect for variable in run.report.variables])
        told = np.array([variable.drifted for variable in run.report.variables])
        axes.plot(effects[~told], np.full((~told).sum(), place), "o", color=_SERIES[3], markersize=3.5, alpha=0.8)
        axes.plot(effects[told], np.full(told.sum(), place), "o", color=_SERIES[1], markersize=4.5)
    axes.set_yticks(places, [run.name for run in evidence.drift])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the orders that changed bin; a dot is a feature or the score")
    axes.grid(axis="x", linewidth=0.6)
    handles = [
        axes.plot([], [], "o", color=_SERIES[1], markersize=4.5, label="drifted")[0],
        axes.plot([], [], "o", color=_SERIES[3], markersize=3.5, label="not drifted")[0],
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return Plot(
        "drift",
        "Drift sets",
        "Normal later orders must show no drift, and each synthetic shift must. A feature has drifted when its PSI "
        "is above the "
        "noise of so many orders and enough orders changed bin.",
        _svg(figure),
    )


def _importance(training: Training, evidence: Evidence, graph: Path) -> Plot:
    parts = training.trained.slices
    normal = _spread(training.table.X[parts.train : parts.reference], _IMPORTANCE_ROWS)
    anomalous = _spread(evidence.injected_rows, _IMPORTANCE_ROWS)
    explainer = session(graph.read_bytes())
    means = [np.abs(explain_rows(explainer, rows)[1]).mean(axis=0) for rows in (normal, anomalous)]
    top = np.argsort(-(means[0] + means[1]), kind="stable")[:18]
    figure, axes = _axes(7.6, 0.32 * len(top) + 1)
    places = np.arange(len(top))[::-1]
    for offset, values, colour, label in (
        (0.19, means[1], _SERIES[1], "injected anomalies"),
        (-0.19, means[0], _SERIES[0], "reference slice"),
    ):
        axes.barh(places + offset, values[top], 0.36, color=colour, label=label)
    axes.set_yticks(places, [FEATURE_NAMES[index] for index in top])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("mean size of the contribution to the score")
    axes.grid(axis="x", linewidth=0.6)
    figure.legend(loc="outside upper left", ncols=2)
    return Plot(
        "importance",
        "What moves scores",
        "The features that contribute most, on normal orders and on injected anomalies.",
        _svg(figure),
    )


def _spread(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    return rows[:: 1 + len(rows) // count]


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Figure) -> str:
    """The figure with its colours as variables of the page, which follow its light or dark scheme."""
    buffer = io.StringIO()
    for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
        patch.set(facecolor="none", edgecolor="none")
    # `savefig` would draw twice, first for the layout alone, which the canvas's own drawing settles as well.
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    for colour, (variable, light, _) in _THEME.items():
        svg = svg.replace(colour, f"var({variable}, {light})")
    light = "".join(f"{variable}: {value};" for variable, value, _ in _THEME.values())
    dark = "".join(f"{variable}: {value};" for variable, _, value in _THEME.values())
    style = f"<style>:root {{ {light} }} @media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}</style>"
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + style, svg, count=1)
