"""Expressions in CEL, compiled once and evaluated many times, by Google's own library (`cel-expr-python`, a wrapper of
its C++ implementation): types are checked when an expression is compiled, patterns are RE2's, nesting is at most 32
deep and an evaluation ends after 10,000 rounds of `exists` and its like.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cel_expr_python import cel

from orderguard.rules.cost import TooMuch, cost_of, names_in, words_of
from orderguard.rules.fields import FIELDS, Kind

TYPES: dict[Kind, cel.Type] = {
    "text": cel.Type.STRING,
    "number": cel.Type.DOUBLE,
    "whole number": cel.Type.INT,
    "yes or no": cel.Type.BOOL,
    "moment": cel.Type.TIMESTAMP,
    "texts": cel.Type.List(cel.Type.STRING),
    "numbers": cel.Type.List(cel.Type.DOUBLE),
    "whole numbers": cel.Type.List(cel.Type.INT),
}
ENVIRONMENT = cel.NewEnv(variables={field.name: TYPES[field.kind] for field in FIELDS.values()})

_PLACE = re.compile(r"<input>:(\d+):(\d+): ([^\n]*)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '_?([^']*?)_?' applied to '\(?(.*?)\)?'$")


class ExpressionError(ValueError):
    """An expression that can't be a rule. `line` is counted from 0, within the expression."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def fields_of(expression: str) -> list[str]:
    """The fields that an expression names, each once."""
    return list(dict.fromkeys(name for name in names_in(expression) if name in FIELDS))


def check(expression: str) -> int:
    """See that an expression is a rule, and give its cost. Raises `ExpressionError`."""
    try:
        cost = cost_of(expression)
    except TooMuch as error:
        raise ExpressionError(str(error)) from None
    compiled = _compiled(expression)
    if compiled.return_type() != cel.Type.BOOL:
        kind = next((told for told, one in TYPES.items() if one == compiled.return_type()), "something else")
        raise ExpressionError(f"gives {kind}, and not yes or no: compare it, such as `… > 1.0`")
    if not fields_of(expression):
        raise ExpressionError("names no field, so it says the same of every order: name one")
    for pattern in _patterns(expression):
        told = ENVIRONMENT.compile(f'"".matches({pattern})').eval(data={})
        if told.type() != cel.Type.BOOL:
            raise ExpressionError(f"the pattern {pattern} is no regular expression as RE2 reads them")
    return cost


def _compiled(expression: str) -> cel.Expression:
    try:
        return ENVIRONMENT.compile(expression)
    except RuntimeError as error:
        raise _explained(str(error), expression) from None


def _patterns(expression: str) -> list[str]:
    words = words_of(expression)
    called = (place for place, (_, word) in enumerate(words) if word.rpartition(".")[2] == "matches")
    return [words[place + 2][1] for place in called if place + 2 < len(words) and words[place + 2][0] == "text"]


def _explained(message: str, expression: str) -> ExpressionError:
    """The library's message in the words of rules."""
    found = _PLACE.search(message)
    if not found:
        return ExpressionError("is nested too deeply or too long: make two rules of it")
    line, column, told = int(found[1]), int(found[2]), found[3]
    at = f"column {column} of the expression"
    if unknown := _UNKNOWN.search(told):
        name = unknown[1]
        # CEL reads `order.sku.exists` as one name first.
        known = next((one for one in names_in(expression) if one.startswith(name)), name)
        near = difflib.get_close_matches(known, FIELDS, 1)
        meant = f": did you mean `{near[0]}`?" if near else ""
        return ExpressionError(
            f"there is no field `{known[:60]}`, {at}{meant} (python -m orderguard.rules --fields lists them)", line - 1
        )
    if mixed := _OVERLOAD.search(told):
        kinds = mixed[2]
        hint = ": write numbers with a point, such as 500.0" if "double" in kinds and "int" in kinds else ""
        return ExpressionError(f"`{mixed[1].strip('_')}` can't be done with ({kinds}), {at}{hint}", line - 1)
    return ExpressionError(f"{told[:200]}, {at}", max(0, line - 1))


class Expressions:
    """Expressions that were checked, evaluated together: one call into the library costs as much as several rules."""

    def __init__(self, expressions: Sequence[str]) -> None:
        """Raise `ExpressionError`."""
        self._each = [_compiled(expression) for expression in expressions]
        # On lines of their own, since a comment ends with its line.
        self._all = _compiled("[" + ",".join(f"(\n{expression}\n)" for expression in expressions) + "]")

    def of(self, values: Mapping[str, Any]) -> tuple[list[bool], list[int]]:
        """What each gives for an order's values, and the places of those that failed, such as a division by 0: these
        hold not.
        """
        try:
            together = self._all.eval(data=values)
            if together.type() != cel.Type.ERROR:
                return together.plain_value(), []
        except RuntimeError:
            pass  # the bound on rounds, which all of them share here
        activation = ENVIRONMENT.Activation(values)
        held, failed = [], []
        for place, expression in enumerate(self._each):
            one = self._evaluated(expression, activation)
            held.append(one is True)
            if one is None:
                failed.append(place)
        return held, failed

    @staticmethod
    def _evaluated(expression: cel.Expression, activation: cel.Activation) -> bool | None:
        try:
            value = expression.eval(activation).value()
        except RuntimeError:
            return None
        return value if isinstance(value, bool) else None
