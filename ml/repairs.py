"""What was repaired and what was set apart while reading orders, in words."""

from collections import Counter
from collections.abc import Sequence

from ml.feature_engineering import Found, ReadingReport

_MOST = 5
_WAY_OUT = (
    "Look whether one field is behind most of it: fix it in the feed or in its mapping, set `input.zone` where times "
    "have no time zone, or raise `input.maximum_repaired_share` if the feed is simply so."
)


def repaired_in_words(report: ReadingReport) -> list[str]:
    """What was repaired and what was set apart, a line each, the most frequent first."""
    lines = []
    if report.repaired:
        lines.append(f"{report.repaired:,} orders ({repaired_share(report):.1%}) were repaired, and go on")
        counts = _over_files(report.repairs).most_common()
        lines += [f"  {count:>7,}  {field}: {reason}" for (field, reason), count in counts[:_MOST]]
        lines += [f"  and {len(counts) - _MOST} other kinds of repair"] if len(counts) > _MOST else []
    apart = _over_files(report.apart).most_common()
    if apart:
        lines.append(f"{sum(count for _, count in apart):,} lines were set apart: they hold no order to judge")
        lines += [f"  {count:>7,}  {kind}" for (_, kind), count in apart]
    return lines


def warning(report: ReadingReport, ceiling: float) -> list[str]:
    """A warning where a greater share of the orders was repaired than the ceiling."""
    if repaired_share(report) <= ceiling:
        return []
    return [f"warning: {repaired_share(report):.1%} of the orders were repaired, more than {ceiling:.1%}. {_WAY_OUT}"]


def _over_files(found: Sequence[Found]) -> Counter[tuple[str, str]]:
    counts = Counter[tuple[str, str]]()
    for one in found:
        counts[one.field, one.reason] += one.orders
    return counts


def repaired_share(report: ReadingReport) -> float:
    """The share of orders that were repaired. A repeat counts where it was read."""
    return report.repaired / max(report.orders + report.duplicates, 1)
