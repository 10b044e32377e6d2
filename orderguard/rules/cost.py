"""How much work an expression can be at most, told from its text before anything runs.

CEL always ends, but an expression over all lines within an expression over all lines is no small work, nor is a
pattern that counts. So: one level of `exists`, `all`, `map` and their like, patterns that are short texts, and a bound
on what is left. A unit is about what the evaluation of one word or sign takes: 0.03 µs where docs/technical/rules.md
measures.
"""

import re

from orderguard.rules.fields import LINE_NAMES, MOST_LINES

MOST_OF_RULE = 100_000
"""The most units of one expression: about 3 ms, for an order of a hundred lines or more."""
MOST_OF_ALL = 400_000
OF_PATTERN, OF_PATTERN_CHARACTER = 100, 20
LONGEST_PATTERN = 64
COMPREHENSIONS = frozenset(("all", "exists", "exists_one", "map", "filter"))
REFUSED = {"dyn": "`dyn` hides what a field is: write it without"}
JOINED = 300
"""What naming all of a line field costs by itself: a list may be copied."""

_WORDS = re.compile(
    r"\s+|//[^\n]*"
    r"|(?P<text>[rRbB]{0,2}(?:\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))"
    r"|(?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)|(?P<number>\d[\w.]*)|(?P<sign>.)",
    re.ASCII,
)
_COUNTED = re.compile(r"\{\s*\d")


class TooMuch(ValueError):
    """An expression whose work has no bound, or one that is too high; the message says what to write instead."""


def words_of(expression: str) -> list[tuple[str, str]]:
    """Its words with their kinds: `text`, `name` (with its dots), `number` or `sign`."""
    found = []
    for match in _WORDS.finditer(expression):
        if match.lastgroup:
            word = match[0]
            found.append((match.lastgroup, re.sub(r"\s", "", word) if match.lastgroup == "name" else word))
    return found


def names_in(expression: str) -> list[str]:
    """What it may name, the longest first in each chain: `order.sku.exists` names `order.sku.exists` and
    `order.sku`.
    """
    chains = (word.split(".") for kind, word in words_of(expression) if kind == "name")
    return [".".join(parts[:length]) for parts in chains for length in range(len(parts), 0, -1)]


def cost_of(expression: str) -> int:
    """The most units that it takes. Raises `TooMuch`."""
    words = words_of(expression)
    outside = inside = patterns = lists = 0
    depth, body_at = 0, 0
    for place, (kind, word) in enumerate(words):
        following = words[place + 1][1] if place + 1 < len(words) else ""
        cost, within = 1, bool(body_at)
        if kind == "sign":
            depth += (word in "([{") - (word in ")]}")
            if body_at and depth < body_at:
                body_at = 0
        elif kind == "name":
            last = word.rpartition(".")[2]
            if word in REFUSED:
                raise TooMuch(REFUSED[word])
            if last in COMPREHENSIONS and following == "(":
                if body_at:
                    raise TooMuch(f"`{last}` within another: one level of {', '.join(sorted(COMPREHENSIONS))}")
                body_at = depth + 1
            elif last == "matches" and following == "(":
                cost += _pattern_cost(words, place)
                patterns += 1
            if any(word == name or word.startswith(f"{name}.") for name in LINE_NAMES) and following != "[":
                lists += 1
                cost += JOINED
        if within:
            inside += cost
        else:
            outside += cost
    total = outside + inside * MOST_LINES * max(1, lists)
    if total > MOST_OF_RULE:
        raise TooMuch(
            f"is up to {total:,} units of work for an order of {MOST_LINES} lines, {MOST_OF_RULE:,} are allowed: "
            "make what stands within `exists`, `all`, `map` shorter, or two rules of it"
        )
    return total


def _pattern_cost(words: list[tuple[str, str]], place: int) -> int:
    arguments = words[place + 2 : place + 4]
    if len(arguments) != 2 or arguments[0][0] != "text" or arguments[1][1] not in "),":
        raise TooMuch('the pattern of `matches` must be a text in quotes, such as "^GIFT"')
    pattern = arguments[0][1]
    if len(pattern) > LONGEST_PATTERN or _COUNTED.search(pattern):
        raise TooMuch(f"a pattern has at most {LONGEST_PATTERN} characters and no counts such as {{2,30}}")
    return OF_PATTERN + OF_PATTERN_CHARACTER * len(pattern)
