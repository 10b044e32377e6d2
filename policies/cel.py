"""What a condition in CEL (the Common Expression Language) lets in.

A condition is read into alternatives, each a set of demands that hold together: `a == '1' && (b == '2' || c == '3')`
has two. Whatever is no comparison of a claim with a text counts as if anything could fulfil it, so the alternatives
never say less than the condition lets in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policies.patterns import lazy

MAXIMUM_LENGTH = 4_096
"""Characters of a condition; Google Cloud takes no longer one."""
_MAXIMUM_ALTERNATIVES = 256
_MAXIMUM_DEPTH = 60

_TOKEN = lazy(
    r"""(?P<space>(?:\s|//[^\n]*)+)
    |(?P<raw>[rR](?:\"\"\".*?\"\"\"|'''.*?'''|"[^"\n]*"|'[^'\n]*'))
    |(?P<text>\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>[0-9][0-9a-zA-Z_.]*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_BINDING: Final[tuple[tuple[str, ...], ...]] = (
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Operators with two sides, from those that bind least."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ASKING = {"startsWith": "starts", "endsWith": "ends", "contains": "holds"}
_WITHOUT_COLON = frozenset({"ref", "ref_type"})
"""Claims that can't hold a colon: git allows none in a ref."""
_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


class Unreadable(ValueError):
    """The text is no CEL that this reader knows, or one that is too long or has too many alternatives."""


@dataclass(frozen=True)
class Node:
    """A part of an expression. `kind` is `literal`, `name`, an operator, `list`, or `call`; `value` the literal, the
    dotted name or the function's name.
    """

    kind: str
    value: object = None
    parts: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Demand:
    """What has to be true of one claim: it `is`, `starts` with, `ends` with or `holds` a text; `has` one among its
    elements.
    """

    claim: str
    kind: str
    text: str


Alternative = frozenset[Demand]


def alternatives(condition: str, mapping: Mapping[str, str] | None = None) -> list[Alternative]:
    """All that a condition lets in; an empty alternative lets in everybody, no alternative lets in nobody.

    `mapping` says what attributes of the pool (`attribute.x`, `google.subject`) are made of. Claims are named without
    `assertion.` before them. Raises `Unreadable`.
    """
    mapped = {name: parse(text) for name, text in (mapping or {}).items()}
    return _let_in(_resolved(parse(condition), mapped, 0), True)


def names(condition: str) -> set[str]:
    """Every dotted name that a condition speaks of. Raises `Unreadable`."""
    return _names(parse(condition))


def literals(condition: str) -> list[str]:
    """The texts of a condition, but for patterns of `matches`. Raises `Unreadable`."""
    return _literals(parse(condition))


def parse(text: str) -> Node:
    """The expression as a tree. Raises `Unreadable`."""
    if len(text) > MAXIMUM_LENGTH:
        raise Unreadable("is too long")
    reader = _Reader(_tokens(text))
    node = reader.choice(0)
    if reader.peek()[0] != "end":
        raise Unreadable("goes on after its end")
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unreadable("has a sign that is not CEL's")
        if match.lastgroup != "space":
            found.append((str(match.lastgroup), match.group()))
        position = match.end()
    return [*found, ("end", "")]


class _Reader:
    """Reads an expression by the precedence of its operators."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._next]

    def take(self) -> tuple[str, str]:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def takes(self, *signs: str) -> bool:
        if self.peek()[0] not in {"text", "raw"} and self.peek()[1] in signs:
            self.take()
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.takes(sign):
            raise Unreadable(f"lacks a {sign}")

    def choice(self, depth: int) -> Node:
        if depth > _MAXIMUM_DEPTH:
            raise Unreadable("is nested too deep")
        condition = self.binary(0, depth)
        if not self.takes("?"):
            return condition
        first = self.choice(depth + 1)
        self.expect(":")
        return Node("?", parts=(condition, first, self.choice(depth + 1)))

    def binary(self, level: int, depth: int) -> Node:
        if level == len(_BINDING):
            return self.unary(depth)
        node = self.binary(level + 1, depth)
        while self.peek()[0] in {"sign", "name"} and self.peek()[1] in _BINDING[level]:
            operator = self.take()[1]
            node = Node(operator, parts=(node, self.binary(level + 1, depth)))
        return node

    def unary(self, depth: int) -> Node:
        if depth > _MAXIMUM_DEPTH:
            raise Unreadable("is nested too deep")
        if self.takes("!"):
            return Node("!", parts=(self.unary(depth + 1),))
        if self.takes("-"):
            return Node("opaque", parts=(self.unary(depth + 1),))
        return self.member(self.primary(depth + 1), depth + 1)

    def member(self, node: Node, depth: int) -> Node:
        while True:
            if self.takes("."):
                kind, name = self.take()
                if kind != "name":
                    raise Unreadable("lacks a name after a point")
                if self.takes("("):
                    node = Node("call", name, (node, *self.listed(")", depth)))
                elif node.kind == "name":
                    node = Node("name", f"{node.value}.{name}")
                else:
                    node = Node("opaque", parts=(node,))
            elif self.takes("["):
                index = self.choice(depth + 1)
                self.expect("]")
                named = node.kind == "name" and index.kind == "literal" and isinstance(index.value, str)
                node = Node("name", f"{node.value}.{index.value}") if named else Node("opaque", parts=(node, index))
            else:
                return node

    def primary(self, depth: int) -> Node:
        kind, text = self.take()
        if kind == "text":
            return Node("literal", _unquoted(text))
        if kind == "raw":
            return Node("literal", _bare(text[1:]))
        if kind == "number":
            return Node("literal", _number(text))
        if kind == "name":
            if self.takes("("):
                return Node("call", text, tuple(self.listed(")", depth)))
            return Node("literal", _CONSTANTS[text]) if text in _CONSTANTS else Node("name", text)
        if text == "(":
            node = self.choice(depth + 1)
            self.expect(")")
            return node
        if text == "[":
            return Node("list", parts=tuple(self.listed("]", depth)))
        raise Unreadable("has a sign where a value belongs")

    def listed(self, closing: str, depth: int) -> list[Node]:
        found: list[Node] = []
        while not self.takes(closing):
            found.append(self.choice(depth + 1))
            if not self.takes(","):
                self.expect(closing)
                break
        return found


def _bare(text: str) -> str:
    return text[3:-3] if text[:3] in {"'''", '"""'} and len(text) >= 6 else text[1:-1]


def _unquoted(text: str) -> str:
    bare = _bare(text)
    if re.search(r"\\[xXuU0-7]", bare):
        raise Unreadable("writes signs by their number")
    return re.sub(r"\\(.)", lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), bare, flags=re.DOTALL)


def _number(text: str) -> object:
    try:
        return int(text.rstrip("uU"))
    except ValueError:
        return Ellipsis  # A number that equals none of ours.


def _resolved(node: Node, mapped: Mapping[str, Node], depth: int) -> Node:
    """The expression in terms of the token's own claims."""
    if node.kind == "name" and str(node.value) in mapped and depth < 4:
        return _resolved(mapped[str(node.value)], mapped, depth + 1)
    return Node(node.kind, node.value, tuple(_resolved(part, mapped, depth) for part in node.parts))


def _names(node: Node) -> set[str]:
    own = {str(node.value)} if node.kind == "name" else set()
    return own.union(*(_names(part) for part in node.parts))


def _literals(node: Node) -> list[str]:
    if node.kind == "literal":
        return [node.value] if isinstance(node.value, str) else []
    parts = node.parts[:1] if node.kind == "call" and node.value == "matches" else node.parts
    return [text for part in parts for text in _literals(part)]


def _let_in(node: Node, truth: bool) -> list[Alternative]:
    """The alternatives in which an expression can be `truth`."""
    if node.kind == "literal" and isinstance(node.value, bool):
        return [frozenset()] if node.value is truth else []
    if node.kind == "!":
        return _let_in(node.parts[0], not truth)
    if node.kind in {"&&", "||"}:
        left, right = (_let_in(part, truth) for part in node.parts)
        return _both(left, right) if (node.kind == "&&") is truth else _either(left, right)
    if node.kind == "?":
        condition, first, second = node.parts
        return _either(
            _both(_let_in(condition, True), _let_in(first, truth)),
            _both(_let_in(condition, False), _let_in(second, truth)),
        )
    if node.kind in {"==", "!="}:
        return _compared(node.parts[0], node.parts[1], (node.kind == "==") is truth)
    if node.kind == "in" and truth:
        return _among(*node.parts)
    if node.kind == "call" and truth:
        return _called(node)
    return [frozenset()]


def _both(left: list[Alternative], right: list[Alternative]) -> list[Alternative]:
    if len(left) * len(right) > _MAXIMUM_ALTERNATIVES:
        raise Unreadable("has too many alternatives")
    return [one | other for one in left for other in right if _possible(one | other)]


def _either(left: list[Alternative], right: list[Alternative]) -> list[Alternative]:
    if len(left) + len(right) > _MAXIMUM_ALTERNATIVES:
        raise Unreadable("has too many alternatives")
    return list(dict.fromkeys([*left, *right]))


def _possible(alternative: Alternative) -> bool:
    """Whether no claim has to be two texts at once."""
    exact = [demand.claim for demand in alternative if demand.kind == "is"]
    return len(exact) == len(set(exact))


def _compared(left: Node, right: Node, equal: bool) -> list[Alternative]:
    if left == right and left.kind != "opaque":
        return [frozenset()] if equal else []
    if left.kind == "literal" and right.kind == "literal":
        return [frozenset()] if (left.value == right.value) is equal else []
    if left.kind == "literal":
        left, right = right, left
    if right.kind == "literal" and isinstance(right.value, bool) and left.kind != "name":
        return _let_in(left, right.value is equal)
    if _is_truth(left) and _is_truth(right):
        same = _either(_both(_let_in(left, True), _let_in(right, equal)), [])
        return _either(same, _both(_let_in(left, False), _let_in(right, not equal)))
    if equal and right.kind == "literal":
        return _equal_to(left, right.value)
    return [frozenset()]


def _is_truth(node: Node) -> bool:
    return node.kind in {"&&", "||", "!", "==", "!=", "in"}


def _equal_to(node: Node, value: object) -> list[Alternative]:
    if node.kind == "name":
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return [frozenset({Demand(_claim(node), "is", text)})]
    if node.kind == "+" and isinstance(value, str):
        return [_joined(_summands(node), value)]
    return [frozenset()]


def _summands(node: Node) -> list[Node]:
    return [part for side in node.parts for part in _summands(side)] if node.kind == "+" else [node]


def _joined(parts: list[Node], text: str) -> Alternative:
    """`repository_id + ':' + ref == '1:main'` asks for each claim; numbers hold no colon, so the first parts them."""
    found: set[Demand] = set()
    while parts:
        first, *rest = parts
        if first.kind == "literal" and isinstance(first.value, str) and text.startswith(first.value):
            text, parts = text[len(first.value) :], rest
        elif first.kind == "name" and not rest:
            return frozenset({*found, Demand(_claim(first), "is", text)})
        elif first.kind == "name" and rest[0].kind == "literal" and rest[0].value and str(rest[0].value) in text:
            own, _, text = text.partition(str(rest[0].value))
            found.add(Demand(_claim(first), "is", own))
            parts = rest[1:]
        else:
            break
    # From the end, too: what is joined in between may be no claim, but a ref holds no separator.
    while len(parts) > 1 and parts[-1].kind == "name" and _claim(parts[-1]) in _WITHOUT_COLON:
        separator = parts[-2].value if parts[-2].kind == "literal" else None
        if separator != ":" or separator not in text:
            break
        text, _, own = text.rpartition(separator)
        found.add(Demand(_claim(parts[-1]), "is", own))
        parts = parts[:-2]
    return frozenset(found)


def _among(value: Node, container: Node) -> list[Alternative]:
    if container.kind == "list":
        found: list[Alternative] = []
        for element in container.parts:
            found = _either(found, _compared(value, element, True))
        return found
    if value.kind == "literal" and isinstance(value.value, str) and container.kind == "name":
        return [frozenset({Demand(_claim(container), "has", value.value)})]
    return [frozenset()]


def _called(node: Node) -> list[Alternative]:
    if len(node.parts) == 2 and node.parts[0].kind == "name" and node.parts[1].kind == "literal":
        claim, text = _claim(node.parts[0]), node.parts[1].value
        if isinstance(text, str) and node.value in _ASKING:
            return [frozenset({Demand(claim, _ASKING[str(node.value)], text)})] if text else [frozenset()]
        if isinstance(text, str) and node.value == "matches":
            return [
                frozenset({Demand(claim, "is" if whole else "starts", prefix)}) if prefix or whole else frozenset()
                for prefix, whole in _begins(text)
            ]
    return [frozenset()]


def _claim(node: Node) -> str:
    return str(node.value).removeprefix("assertion.")


_SIGNS = r"(?:\\[^\w\s]|[^\\.^$*+?{}\[\]|()])"
_PIECE = lazy(rf"(?P<plain>{_SIGNS})(?![*?+{{])|\((?:\?:)?(?P<choice>{_SIGNS}*(?:\|{_SIGNS}*)*)\)(?![*?+{{])")
_GROUPED = lazy(r"\\.|\[[^\]]*\]|\([^()]*\)", re.DOTALL)


def _begins(pattern: str) -> list[tuple[str, bool]]:
    """What a text has to begin with to match a pattern, and whether that is all of it; one for each choice.

    What can't be followed ends the beginning, since anything may come after it.
    """
    flat = pattern
    while (flatter := _GROUPED.sub("", flat)) != flat:
        flat = flatter
    if not pattern.startswith("^") or "|" in flat:
        return [("", False)]
    found, position = [""], 1
    while (piece := _PIECE.match(pattern, position)) and len(found) <= _MAXIMUM_ALTERNATIVES:
        choices = [piece["plain"]] if piece["plain"] else piece["choice"].split("|")
        found = [text + re.sub(r"\\(.)", r"\1", choice) for text in found for choice in choices]
        position = piece.end()
    if len(found) > _MAXIMUM_ALTERNATIVES:
        raise Unreadable("has too many alternatives")
    return [(text, pattern[position:] == "$") for text in found]
