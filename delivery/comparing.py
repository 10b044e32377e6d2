"""Whether two revisions answer their callers alike: counts, and the test that they are put to.

Fisher's exact test (R. A. Fisher, Statistical Methods for Research Workers, 1934, section 21.02) on the answers of both
revisions to real callers, for three figures: answers with a 5xx, slow answers (slower than 95 % of the stable
revision's), anomalies among scored orders. It holds at any number of answers, however few. A false alarm may stop one
deployment in a hundred: the level of a single look is 0.01 divided by the figures and the looks (Bonferroni).
"""

from dataclasses import dataclass, field
from math import exp, lgamma, log

LEVEL = 0.01
"""The share of good revisions that may be refused, over a whole deployment."""
FIGURES = 3
SEEN = 0.05
"""A revision is undecided by a figure until a share that is higher by this much would be seen."""
LEAST_TIMED = 30
"""Answers below which nothing is said of how long they took: the first ones of an instance, and those of one busy
second, are slow together, which the test takes for chance of its own.
"""
QUICK = 0.95
"""The share of the stable revision's answers below the bound above which an answer counts as slow."""


@dataclass(frozen=True)
class Counts:
    """Answers to real callers. `seconds` is how many of them took at most so long (and longer than the bound
    before)."""

    requests: int = 0
    failed: int = 0
    orders: int = 0
    anomalies: int = 0
    seconds: dict[float, int] = field(default_factory=dict)

    def slower(self, bound: float) -> int:
        """How many answers took longer than a bound."""
        return sum(count for upper, count in self.seconds.items() if upper > bound)


@dataclass(frozen=True)
class Figure:
    """What a figure says of the new revision: `p` is how often chance alone would bring as much, `limit` what it must
    not fall below; `undecided` where there are too few answers to see anything."""

    name: str
    stable: str
    candidate: str
    p: float
    limit: float
    undecided: bool

    @property
    def refused(self) -> bool:
        return self.p < self.limit

    def __str__(self) -> str:
        said = "undecided, too few answers" if self.undecided else f"p = {self.p:.2g}, limit {self.limit:.2g}"
        return f"{self.name}: {self.candidate}, the stable revision {self.stable} ({said})"


def compared(stable: Counts, candidate: Counts, looks: int) -> list[Figure]:
    """The three figures, for one of so many `looks`."""
    limit = LEVEL / FIGURES / looks
    bound = quick_bound(stable)
    timed = [sum(counts.seconds.values()) for counts in (stable, candidate)]
    shown = f"slower than {bound * 1000:.0f} ms" if bound < float("inf") else "slow answers"
    return [
        _figure("5xx", (stable.failed, stable.requests), (candidate.failed, candidate.requests), limit),
        _figure(shown, (stable.slower(bound), timed[0]), (candidate.slower(bound), timed[1]), limit, least=LEAST_TIMED),
        _figure(
            "anomalies", (stable.anomalies, stable.orders), (candidate.anomalies, candidate.orders), limit, both=True
        ),
    ]


def _figure(
    name: str,
    stable: tuple[int, int],
    candidate: tuple[int, int],
    limit: float,
    *,
    both: bool = False,
    least: int = 1,
) -> Figure:
    (a, n), (b, m) = stable, candidate
    if m < least:
        return Figure(name, f"{a} of {n}", f"{b} of {m}", 1.0, limit, undecided=True)
    p = tail(a, n, b, m)
    if both:
        p = min(1.0, 2 * min(p, tail(n - a, n, m - b, m)))
    worse = min(m, b + 1 if m == 0 else int((a / n if n else 0.0) * m + SEEN * m))
    undecided = p >= limit and (not n or not m or tail(a, n, worse, m) * (2 if both else 1) >= limit)
    return Figure(name, f"{a} of {n}", f"{b} of {m}", p, limit, undecided)


def tail(a: int, n: int, b: int, m: int) -> float:
    """The probability that `m` answers hold `b` or more of the `a + b` that stand out among all `n + m`: Fisher's
    one-sided test."""
    hits, whole = a + b, n + m
    if not n or not m or not hits:
        return 1.0
    total = _log_choose(whole, m)
    return min(
        1.0,
        sum(
            exp(_log_choose(hits, k) + _log_choose(whole - hits, m - k) - total)
            for k in range(b, min(hits, m) + 1)
            if m - k <= whole - hits
        ),
    )


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def quick_bound(stable: Counts) -> float:
    """The smallest bound below which `QUICK` of the stable revision's answers lie; infinite without any."""
    whole, sofar = sum(stable.seconds.values()), 0
    for upper, count in sorted(stable.seconds.items()):
        sofar += count
        if whole and sofar >= QUICK * whole:
            return upper
    return float("inf")


def sign_test(more: int, fewer: int) -> float:
    """The probability that of `more + fewer` decisions that changed at least so many change one way, by chance alone:
    the exact form of McNemar's test (Psychometrika 12, 1947), two-sided."""
    n = more + fewer
    share = sum(exp(_log_choose(n, k) - n * log(2.0)) for k in range(max(more, fewer), n + 1))
    return min(1.0, 2.0 * share)
