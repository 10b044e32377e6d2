"""The formulas as one straight-line function over floats, written by the formulas themselves.

Each formula is called once, when the module is loaded, with names in place of facts; every operation that it asks for
becomes a statement. Serving then runs those statements without a call or an attribute in between: the same operations
on the same floats, so the same bits. A computation that two formulas share is made once.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from orderguard.features.company import COMPANY, company
from orderguard.features.facts import Facts, add_amounts
from orderguard.features.lines import LINE_FACTS, LINE_USUAL, line_facts
from orderguard.features.table import FEATURES

Formulas = Callable[..., tuple[float, ...]]

LINE = ("quantity", "price", "discount", *LINE_USUAL)
"""What is told of a line: what the order says and what a catalogue does."""

AMOUNTS = ("taken_off", "net")

_BEGIN = {"sum": "0.0", "largest": "float('-inf')", "smallest": "float('inf')"}
_GO_ON = {
    "sum": "{total} += {value}",
    "largest": "{total} = {value} if {value} > {total} else {total}",
    "smallest": "{total} = {value} if {value} < {total} else {total}",
}


class Trace:
    """A namespace of formulas that writes down what they compute, a statement an operation."""

    def __init__(self, start: int = 0) -> None:
        self.statements: list[str] = []
        self._start = start
        self._known: dict[str, str] = {}

    def computed(self, expression: str) -> "Term":
        """The term for an expression, computed where it was not yet."""
        name = self._known.get(expression)
        if name is None:
            name = self._known[expression] = f"_{self._start + len(self._known)}"
            self.statements.append(f"{name} = {expression}")
        return Term(self, name)

    def sqrt(self, value: Any) -> "Term":
        """The square root, by the name that the function is given."""
        return self.computed(f"sqrt({value})")

    def maximum(self, one: Any, other: Any) -> "Term":
        """The larger."""
        return self.computed(f"{one} if {one} > {other} else {other}")

    def minimum(self, one: Any, other: Any) -> "Term":
        """The smaller."""
        return self.computed(f"{one} if {one} < {other} else {other}")

    def where(self, condition: Any, one: Any, other: Any) -> "Term":
        """`one` if the condition holds, else `other`."""
        return self.computed(f"{one} if {condition} else {other}")


class Term:
    """A name that stands for a float in a formula. It has the operators that formulas use, and no truth."""

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace = trace
        self._name = name

    def __str__(self) -> str:
        return self._name

    def __bool__(self) -> bool:
        raise TypeError("a formula has no `if`: use `where`, which columns know as well")

    def __add__(self, other: Any) -> "Term":
        return self._trace.computed(f"{self} + {other}")

    def __sub__(self, other: Any) -> "Term":
        return self._trace.computed(f"{self} - {other}")

    def __mul__(self, other: Any) -> "Term":
        return self._trace.computed(f"{self} * {other}")

    def __rmul__(self, other: float) -> "Term":
        return self._trace.computed(f"{other} * {self}")

    def __truediv__(self, other: Any) -> "Term":
        return self._trace.computed(f"{self} / {other}")

    def __gt__(self, other: Any) -> "Term":
        return self._trace.computed(f"{self} > {other}")

    def __ge__(self, other: Any) -> "Term":
        return self._trace.computed(f"{self} >= {other}")


def feature_formulas(facts: Sequence[str], scope: dict[str, Any]) -> Formulas:
    """A function of these facts that gives the values of all features, before `scale`."""
    trace = Trace()
    named = Facts({name: Term(trace, name) for name in facts})
    results = [feature.formula(named, trace) for feature in FEATURES]
    function: Formulas = _function("features", facts, trace.statements, results, scope)
    return function


def amount_formulas() -> Formulas:
    """A function of (lines, level, least_price, order_discount) that gives the facts `LINE_FACTS` and `AMOUNTS`; a
    line is the values of `LINE`.
    """
    line = Trace()
    told = [Term(line, f"its_{name}") for name in LINE]
    usual = Facts(dict(zip(LINE_USUAL, told[3:], strict=True)))
    per_line = line_facts(told[0], told[1], told[2], Term(line, "level"), Term(line, "least_price"), usual, line)
    totals = [name for name, _ in LINE_FACTS]
    body = [f"{name} = {_BEGIN[reduction]}" for name, reduction in LINE_FACTS]
    body += [f"for {', '.join(map(str, told))} in lines:", *(f"    {statement}" for statement in line.statements)]
    for (name, reduction), value in zip(LINE_FACTS, per_line, strict=True):
        body.append("    " + _GO_ON[reduction].format(total=name, value=value))
    order = Trace(len(line.statements))
    facts: dict[str, Any] = {name: Term(order, name) for name in totals}
    facts["discount"] = Term(order, "order_discount")
    add_amounts(facts, order)
    results = [*totals, *(facts[name] for name in AMOUNTS)]
    arguments = ("lines", "level", "least_price", "order_discount")
    function: Formulas = _function("amounts", arguments, [*body, *order.statements], results, {"sqrt": math.sqrt})
    return function


def company_formula() -> Callable[..., float]:
    """A function of what `COMPANY` names that gives `company`."""
    trace = Trace()
    result = company(Facts({name: Term(trace, name) for name in COMPANY}), trace)
    function: Callable[..., float] = _function("company", COMPANY, trace.statements, result, {})
    return function


def _function(name: str, arguments: Sequence[str], statements: list[str], results: Any, scope: dict[str, Any]) -> Any:
    returned = str(results) if isinstance(results, Term) else f"({', '.join(map(str, results))})"
    body = [*statements, f"return {returned}"]
    source = f"def {name}({', '.join(arguments)}):\n" + "".join(f"    {statement}\n" for statement in body)
    exec(compile(source, f"<the formulas of {name}>", "exec"), scope)  # nosec B102  # written above, from no input
    return scope[name]
