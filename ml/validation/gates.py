"""What a gate says: figures against limits, and what is worth a table on the card.

A gate has three answers. It has **passed** or **failed** where its figures tell, and is **undecided** where there is
too little to tell: a figure misses its limit by no more than chance alone can do at so many orders, or keeps to it
and could be on either side. Undecided stops no promotion. So no size decides by itself: with more orders a figure that
misses its limit goes from undecided to failed, and one that keeps to it from undecided to passed.
"""

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from orderguard.model_version import Undecided

Bound = Literal["at least", "at most", "exactly"]
Verdict = Literal["passed", "failed", "undecided"]

ONE_IN_A_HUNDRED = 2.576
"""The normal distribution's 99.5th percentile: what chance exceeds, to either side, once in a hundred times."""

ENOUGH = 0.1
"""A figure that chance moves by no more than this is taken at its word where it keeps to its limit."""

MOST_ORDERS = 1_000_000
"""A figure that more orders than this would have to decide stands at its limit."""

ROUNDING = 1e-14
"""Figures are sums of many rounded numbers: what is closer to a limit than this keeps to it."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value and its limit.

    `margin` is how far chance alone takes a value that stands at the limit, 99 of 100 times, at this number of
    `orders` (later orders that it was measured on); 0 where chance has no part. `more` is how many more would decide,
    where that doesn't follow from the margin. `advice` says what the orders look like where the limit is missed, and
    what to do.
    """

    name: str
    value: float
    bound: Bound
    limit: float
    margin: float = 0.0
    orders: int = 0
    more: int = 0
    advice: str = ""

    @property
    def keeps(self) -> bool:
        """Whether the value keeps to its limit, rounding errors allowed for. What is not a number keeps to nothing."""
        if math.isclose(self.value, self.limit, rel_tol=1e-9, abs_tol=ROUNDING):
            return True
        match self.bound:
            case "at least":
                return self.value > self.limit
            case "at most":
                return self.value < self.limit
            case "exactly":
                return False

    @property
    def verdict(self) -> Verdict:
        """What the value tells. One that is not a number, or `exactly` another one, has failed."""
        apart = abs(self.value - self.limit)
        if self.keeps:
            return "passed" if self.margin <= ENOUGH or apart > self.margin else "undecided"
        return "undecided" if apart <= self.margin else "failed"

    @property
    def passed(self) -> bool:
        return self.verdict == "passed"

    @property
    def needs(self) -> str:
        """What would decide it: chance shrinks with the square root of the number of orders."""
        if self.verdict != "undecided":
            return ""
        if not self.orders and self.margin >= 1:
            return "no order here tells what it is about"
        if self.more:
            return f"about {self.more:,} more later orders would decide"
        apart = abs(self.value - self.limit)
        enough = max(apart, ENOUGH) if self.keeps else apart
        times = (self.margin / enough) ** 2 if enough else math.inf
        more = (times - 1) * self.orders
        if not more <= MOST_ORDERS:
            return "it stands at its limit; no number of orders at hand would decide"
        return f"about {max(1, math.ceil(more)):,} more later orders would decide"

    def __str__(self) -> str:
        said = f"{self.name} is {self.value:.4g}, must be {self.bound} {self.limit:.4g}"
        match self.verdict:
            case "passed":
                return said
            case "failed":
                return f"{said}, missed by {abs(self.value - self.limit):.4g}"
            case "undecided":
                return f"{said}; chance alone moves it by {self.margin:.2g} here: {self.needs}"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows behind the figures, for the card."""

    title: str
    columns: list[str]
    rows: list[list[str | float]]


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one gate. A gate that is switched off passes, and says so in `note`."""

    name: str
    meaning: str
    verdict: Verdict
    figures: list[Figure]
    tables: list[Table] = []
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.verdict == "passed"

    @property
    def failed(self) -> bool:
        return self.verdict == "failed"


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """What all the gates said, and the orders that were read for it."""

    verdict: Verdict
    gates: list[Gate]
    data: dict[str, int]

    @property
    def passed(self) -> bool:
        return self.verdict == "passed"

    @property
    def failed(self) -> bool:
        return self.verdict == "failed"

    def failures(self) -> list[str]:
        """One line for each figure clearly outside its limit."""
        return [f"{gate.name}: {figure}" for gate, figure in self._figures("failed")]

    def undecided(self) -> list[Undecided]:
        """What there were too few orders for."""
        return [
            Undecided(
                gate=gate.name,
                figure=figure.name,
                value=figure.value,
                limit=f"{figure.bound} {figure.limit:.4g}",
                needs=figure.needs,
            )
            for gate, figure in self._figures("undecided")
        ]

    def _figures(self, verdict: Verdict) -> list[tuple[Gate, Figure]]:
        return [(gate, figure) for gate in self.gates for figure in gate.figures if figure.verdict == verdict]

    def gate(self, name: str) -> Gate:
        """The gate of that name."""
        return next(gate for gate in self.gates if gate.name == name)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Failed if any has failed, else undecided if any is, else passed."""
    found = set(verdicts)
    return "failed" if "failed" in found else "undecided" if "undecided" in found else "passed"


def gate(name: str, meaning: str, figures: list[Figure], tables: list[Table] | None = None, note: str = "") -> Gate:
    """A gate that passes when each of its figures does. Advice is kept where it is wanted."""
    figures = [f if f.verdict == "failed" else msgspec.structs.replace(f, advice="") for f in figures]
    verdict = worst(figure.verdict for figure in figures)
    return Gate(name=name, meaning=meaning, verdict=verdict, figures=figures, tables=tables or [], note=note)


def margin_of_share(share: float, count: int) -> float:
    """How far chance takes the share of `count` (at least 1) that stands at `share`: Wilson's score test (1927)."""
    return ONE_IN_A_HUNDRED * math.sqrt(share * (1 - share) / count)


def margin_of_roc_auc(area: float, positives: int, negatives: int) -> float:
    """How far chance takes a ROC-AUC that stands at `area`, with so many rows of either kind.

    The standard error of Hanley and McNeil (1982, "The meaning and use of the area under a ROC curve"), taken at the
    limit as in Newcombe (2006, method 5), so that a perfect area of two rows doesn't count as certain.
    """
    both = area * (1 - area)
    first, second = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
    variance = (both + (positives - 1) * first + (negatives - 1) * second) / (positives * negatives)
    return ONE_IN_A_HUNDRED * math.sqrt(max(variance, 0.0))
