"""Rules about inputs, as values: each looks at a resource's inputs and yields what is wrong, as the real provider or
Google Cloud would say it.

An unknown value passes: it is looked at again when it is known, in `up`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infra.local.provider.values import Unknown, at

Inputs = Mapping[str, Any]
Problem = tuple[str, str]
"""Property path, what is wrong with it."""
Rule = Callable[[Inputs], Iterator[Problem]]


def terraform_name(path: str) -> str:
    """A path as the real provider's messages write it: `template.executionEnvironment` →
    `template.0.execution_environment`.
    """
    parts = []
    for part in re.sub(r"\[(\d+)\]", r".\1", path).split("."):
        parts.append(part if part.isdigit() else re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", part).lower())
    named = [parts[0]]
    for before, part in zip(parts, parts[1:]):
        if not part.isdigit() and not before.isdigit():
            named.append("0")
        named.append(part)
    return ".".join(named)


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


def one_of(path: str, *allowed: str) -> Rule:
    """The provider's own enumerations."""
    listed = " ".join(f'"{one}"' for one in allowed)

    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, value in found(inputs, path):
            if value not in allowed:
                yield where, f"expected {terraform_name(where)} to be one of [{listed}], got {value}"

    return rule


def matches(path: str, pattern: str, says: str) -> Rule:
    """`says` may use {name} (the provider's name of the property), {value} and {pattern}."""
    compiled = re.compile(pattern)

    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, value in found(inputs, path):
            if not isinstance(value, str) or not compiled.fullmatch(value):
                yield where, says.format(name=terraform_name(where), value=value, pattern=pattern)

    return rule


def exactly_one(*paths: str) -> Rule:
    """Exactly one of these is to be given."""
    names = ",".join(sorted(terraform_name(path) for path in paths))

    def rule(inputs: Inputs) -> Iterator[Problem]:
        if "." in paths[0] and not isinstance(at(inputs, paths[0].rpartition(".")[0]), Mapping):
            return
        given = [path for path in paths if at(inputs, path) is not None]
        if not given:
            for path in paths:
                name = terraform_name(path)
                yield path, f'Invalid combination of arguments. "{name}": one of `{names}` must be specified'
        elif len(given) > 1:
            yield from _too_many(given, names)

    return rule


def _too_many(given: Sequence[str], names: str) -> Iterator[Problem]:
    specified = ",".join(sorted(terraform_name(path) for path in given))
    for path in given:
        yield (
            path,
            (
                f'Invalid combination of arguments. "{terraform_name(path)}": only one of `{names}` can be specified, '
                f"but `{specified}` were specified."
            ),
        )


def between(path: str, least: float, most: float, says: str) -> Rule:
    """A number or a text of digits in a range."""

    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, value in found(inputs, path):
            try:
                number = float(value)
            except (TypeError, ValueError):
                continue
            if not least <= number <= most:
                yield where, says.format(name=terraform_name(where), value=value)

    return rule
