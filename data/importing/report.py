"""What an import did, counted, and in words."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Report:
    """Counts of an import. Nothing in it is a value of an order."""

    orders: int = 0
    lines: int = 0
    repaired_orders: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    without_zone: int = 0

    def add(self, other: "Report") -> None:
        """Add what was counted in another part of the same file."""
        self.orders += other.orders
        self.lines += other.lines
        self.repaired_orders += other.repaired_orders
        self.repairs.update(other.repairs)
        self.apart.update(other.apart)
        self.quarantined.update(other.quarantined)

    def told(self) -> list[str]:
        """The counts as lines."""
        lines = [f"{_orders(self.orders)} of {self.lines:,} line{'' if self.lines == 1 else 's'}"]
        if self.repaired_orders:
            lines.append(f"  repaired: {_orders(self.repaired_orders)}; by field and reason")
            lines += _listed(self.repairs)
        if self.without_zone:
            lines.append(
                f"  times without a zone, read as UTC: {self.without_zone:,}. Name the shop's own: values.zone"
            )
        if self.apart:
            kinds = ", ".join(
                f"{count:,} {kind if count == 1 else _PLURAL[kind]}" for kind, count in self.apart.most_common()
            )
            lines.append(f"  set apart, since they are not orders: {kinds}")
        if self.quarantined:
            lines.append(f"  quarantined: {_orders(self.quarantined.total())}; by field and reason")
            lines += _listed(self.quarantined)
        if self.left_out:
            lines.append(f"  rows left out: {self.left_out.total():,}")
            lines += _listed(self.left_out)
        return lines


_PLURAL = {"refund": "refunds", "cancellation": "cancellations", "exchange": "exchanges", "test order": "test orders"}


def _orders(count: int) -> str:
    return f"{count:,} order{'' if count == 1 else 's'}"


def _listed(counts: Counter[str]) -> list[str]:
    return [f"    {count:>9,}  {reason}" for reason, count in counts.most_common(20)]
