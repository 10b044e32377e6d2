"""What a gate says: figures against limits, and what is worth a table on the card."""

from typing import Literal

import msgspec

Bound = Literal["at least", "at most", "exactly"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value and its limit."""

    name: str
    value: float
    bound: Bound
    limit: float

    @property
    def passed(self) -> bool:
        """A value that is not a number passes nothing."""
        match self.bound:
            case "at least":
                return self.value >= self.limit
            case "at most":
                return self.value <= self.limit
            case "exactly":
                return self.value == self.limit

    def __str__(self) -> str:
        by = abs(self.value - self.limit)
        missed = "" if self.passed else f", missed by {by:.4g}"
        return f"{self.name} is {self.value:.4g}, must be {self.bound} {self.limit:.4g}{missed}"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows behind the figures, for the card."""

    title: str
    columns: list[str]
    rows: list[list[str | float]]


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one gate. A gate that is switched off passes, and says so in `note`."""

    name: str
    meaning: str
    passed: bool
    figures: list[Figure]
    tables: list[Table] = []
    note: str = ""


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """What all the gates said, and the orders that were read for it."""

    passed: bool
    gates: list[Gate]
    data: dict[str, int]

    def failures(self) -> list[str]:
        """One line for each figure outside its limit."""
        return [f"{gate.name}: {figure}" for gate in self.gates for figure in gate.figures if not figure.passed]

    def gate(self, name: str) -> Gate:
        """The gate of that name."""
        return next(gate for gate in self.gates if gate.name == name)


def gate(name: str, meaning: str, figures: list[Figure], tables: list[Table] | None = None, note: str = "") -> Gate:
    """A gate that passes when each of its figures keeps to its limit."""
    passed = all(figure.passed for figure in figures)
    return Gate(name=name, meaning=meaning, passed=passed, figures=figures, tables=tables or [], note=note)
