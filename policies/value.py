"""Reading the properties of a resource when some of them can't be known yet.

The SDK hands a rule proxies that raise as soon as an unknown is touched, even by `"key" in props`, and one raise ends
the whole rule. A `Value` never raises for that: it is known, unknown or absent, and what is below an unknown is
unknown. `require` and `forbid` turn one value and one predicate into a finding, so an unknown in one place never hides
a violation in another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

Predicate = Callable[[Any], bool]


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


UNKNOWN: Final = _Mark("UNKNOWN")
"""Stands for a value that only the update will know."""
ABSENT: Final = _Mark("ABSENT")
"""Stands for a property that is not set."""
ASSET: Final = _Mark("ASSET")
"""Stands for a file or an archive, whose content no rule reads."""


@dataclass(frozen=True)
class Secret:
    """Marks what the program, or the provider, made a secret. Its content is in clear, or `UNKNOWN`."""

    content: Any


@dataclass(frozen=True)
class Violation:
    """A rule is broken at `path`. `message` never repeats a value. `urn` names another resource than the one under
    test (stack rules).
    """

    path: str
    message: str
    urn: str | None = None


@dataclass(frozen=True)
class Undecided:
    """Whether the rule holds depends on the value at `path`, which is not known yet."""

    path: str
    urn: str | None = None


Finding = Violation | Undecided | None
Findings = Iterator[Finding]


class UnknownHere(Exception):
    """A rule asked for the plain content of an unknown value. The evaluation turns it into `Undecided`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known yet")
        self.path = path


class Value:
    """One property, or what lies below it, as JSON has it. `path` reads like `template.containers[0].image`."""

    __slots__ = ("_content", "path", "secret")

    def __init__(self, content: Any, path: str = "", secret: bool = False) -> None:
        while isinstance(content, Secret):
            content, secret = content.content, True
        self._content: Any = ABSENT if content is None else content
        self.path = path
        self.secret = secret
        """Whether it, or something that it is in, is marked as a secret."""

    @property
    def unknown(self) -> bool:
        return self._content is UNKNOWN

    @property
    def absent(self) -> bool:
        return self._content is ABSENT

    @property
    def known(self) -> bool:
        return not self.unknown and not self.absent

    @property
    def raw(self) -> Any:
        """What was decoded, with `UNKNOWN`, `ASSET` and `Secret` in it. None where absent."""
        return None if self.absent else self._content

    @property
    def content(self) -> Any:
        """The plain content, None where absent. Raises `UnknownHere` where unknown."""
        if self.unknown:
            raise UnknownHere(self.path)
        return None if self.absent else self._content

    @property
    def text(self) -> str:
        """The content as text, empty where absent. Raises `UnknownHere` where unknown."""
        content = self.content
        return "" if content is None else str(content)

    def __getitem__(self, key: str) -> Value:
        """The property `key` of a map. Absent when this is no map."""
        path = f"{self.path}.{key}" if self.path else key
        if isinstance(self._content, dict):
            return Value(self._content.get(key), path, self.secret)
        return Value(UNKNOWN, path, self.secret) if self.unknown else Value(ABSENT, path)

    def at(self, dotted: str) -> Value:
        """The value at a dotted path of property names: `at("template.serviceAccount")`."""
        found = self
        for key in dotted.split("."):
            found = found[key]
        return found

    def each(self, dotted: str = "") -> list[Value]:
        """The elements of the list at `dotted`. An unknown list is one unknown element, so what is required of each
        stays undecided.
        """
        target = self.at(dotted) if dotted else self
        if target.unknown:
            return [Value(UNKNOWN, f"{target.path}[*]", target.secret)]
        if not isinstance(target._content, list):
            return []
        return [
            Value(content, f"{target.path}[{index}]", target.secret) for index, content in enumerate(target._content)
        ]

    def entries(self) -> list[tuple[str, Value]]:
        """The keys and values of a map. An unknown map is one unknown value under the key `*`."""
        if self.unknown:
            return [("*", Value(UNKNOWN, f"{self.path}.*", self.secret))]
        if not isinstance(self._content, dict):
            return []
        return [(key, self[key]) for key in self._content]

    def among(self, contents: Collection[str]) -> bool | None:
        """Whether the text is one of these. None where it is unknown."""
        return None if self.unknown else self.text in contents

    def contains(self, content: str) -> bool | None:
        """Whether one of the elements is this text. None where only an unknown element could be it."""
        answers = [element.among((content,)) for element in self.each()]
        return True if True in answers else None if None in answers else False

    def strings(self) -> Iterator[Value]:
        """Every string and every unknown in this value and below it, deepest first in document order."""
        if self.unknown or isinstance(self._content, str):
            yield self
        elif isinstance(self._content, dict):
            for _, value in self.entries():
                yield from value.strings()
        else:
            for value in self.each():
                yield from value.strings()


def find(elements: list[Value], key: str, content: str) -> Value:
    """The element whose property `key` equals `content`: absent when there is none, unknown when one that is not
    known yet could be it.
    """
    unknown: Value | None = None
    for element in elements:
        candidate = element[key]
        if candidate.unknown:
            unknown = candidate
        elif candidate.known and candidate.content == content:
            return element
    return Value(UNKNOWN, unknown.path) if unknown is not None else Value(ABSENT, "")


def require(value: Value, predicate: Predicate, message: str, *, default: Any = ABSENT) -> Finding:
    """A violation unless the value is there and fulfils the predicate. `default` is what Google Cloud takes for a
    value that is not set.
    """
    if value.unknown:
        return Undecided(value.path)
    content = default if value.absent else value.content
    if content is ABSENT or not predicate(content):
        return Violation(value.path, message)
    return None


def forbid(value: Value, predicate: Predicate, message: str) -> Finding:
    """A violation when the value is there and fulfils the predicate."""
    if value.unknown:
        return Undecided(value.path)
    return Violation(value.path, message) if value.known and predicate(value.content) else None


def worst(findings: Iterable[Finding]) -> Finding:
    """A violation if there is one, else what is undecided, else nothing."""
    found = [finding for finding in findings if finding is not None]
    return next((finding for finding in found if isinstance(finding, Violation)), found[0] if found else None)


def equals(expected: Any) -> Predicate:
    """Holds for exactly this content. True is not 1: a flag has to be a flag."""
    return lambda content: content == expected and isinstance(content, bool) == isinstance(expected, bool)


def is_set(content: Any) -> bool:
    """Holds for anything but an empty string, list or map and False."""
    return bool(content)


def about(finding: Finding, urn: str) -> Finding:
    """The same finding, on another resource than the one under test."""
    return None if finding is None else replace(finding, urn=urn)
