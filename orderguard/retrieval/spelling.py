"""Slips of the keyboard: an unknown word becomes the known one that is a letter away."""

from collections.abc import Iterable, Mapping

SHORTEST = 4
LONG = 9
"""From this length on two letters may be wrong."""


class Spelling:
    """Corrects towards words that are known. Deterministic: of equally near words the first in the alphabet wins."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._by_start: Mapping[str, list[str]] = _by_start(self._known)

    def __contains__(self, word: str) -> bool:
        return word in self._known

    def corrected(self, word: str) -> str:
        """The word itself where it is known, short or far from all others; else the nearest that begins alike."""
        if word in self._known or len(word) < SHORTEST or not word.isalpha():
            return word
        most = 2 if len(word) >= LONG else 1
        near = [
            (steps, other)
            for other in self._by_start.get(word[0], ())
            if abs(len(other) - len(word)) <= most and len(other) >= SHORTEST
            for steps in [distance(word, other, most)]
            if steps <= most and (len(word) > SHORTEST or sorted(word) == sorted(other))
        ]
        return min(near)[1] if near else word


def distance(one: str, other: str, most: int) -> int:
    """Letters to add, leave out, change or swap with their neighbour (Damerau and Levenshtein, restricted); more than
    `most` is `most` + 1."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i] + [0] * len(other)
        for j, b in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], last[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _by_start(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in sorted(words):
        if word:
            found.setdefault(word[0], []).append(word)
    return found
