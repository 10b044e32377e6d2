"""Rules about inputs, as values: each looks at a resource's inputs and yields what is wrong, as Google Cloud would say
it.

An unknown value passes: it is looked at again when it is known, in `up`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.local.provider.values import Unknown, at

Inputs = Mapping[str, Any]
Problem = tuple[str, str]
"""Property path, what is wrong with it."""
Rule = Callable[[Inputs], Iterator[Problem]]


def found(inputs: Inputs, path: str) -> Iterator[tuple[str, Any]]:
    """Known, present values at a path, in which `[]` stands for every element of a list."""
    head, has_list, rest = path.partition("[]")
    value = at(inputs, head) if head else inputs
    if value is None or isinstance(value, Unknown):
        return
    if not has_list:
        yield path, value
        return
    if not isinstance(value, list):
        return
    for index, one in enumerate(value):
        prefix = f"{head}[{index}]"
        if not rest:
            if one is not None and not isinstance(one, Unknown):
                yield prefix, one
            continue
        if isinstance(one, Mapping):
            for inner, leaf in found(one, rest.removeprefix(".")):
                yield f"{prefix}.{inner}", leaf


def matches(path: str, pattern: str, says: str) -> Rule:
    """`says` may use {value} and {pattern}."""
    compiled = re.compile(pattern)

    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, value in found(inputs, path):
            if not isinstance(value, str) or not compiled.fullmatch(value):
                yield where, says.format(value=value, pattern=pattern)

    return rule


def between(path: str, least: float, most: float, says: str) -> Rule:
    """A number or a text of digits in a range."""

    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, value in found(inputs, path):
            try:
                number = float(value)
            except (TypeError, ValueError):
                continue
            if not least <= number <= most:
                yield where, says.format(value=value)

    return rule
