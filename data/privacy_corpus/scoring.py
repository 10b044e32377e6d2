"""How well a masker finds what is labelled."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from data.privacy_corpus.samples import Label, Sample

Finder = Callable[[str], Iterable[tuple[int, int, str]]]
"""Finds `(start, end, kind)` in a text."""


class Score(NamedTuple):
    """Of one kind: how many were labelled, found whole, and how many findings were right and wrong."""

    labelled: int
    found: int
    right: int
    wrong: int

    @property
    def recall(self) -> float:
        """The share of labelled values of which not one letter or digit is left; 1 where there is none."""
        return self.found / self.labelled if self.labelled else 1.0

    @property
    def precision(self) -> float:
        """The share of findings that touch something labelled, of whatever kind; 1 where there is no finding."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def f2(self) -> float:
        """F-measure in which recall weighs twice as much as precision."""
        both = 4 * self.precision + self.recall
        return 5 * self.precision * self.recall / both if both else 0.0


class Result(NamedTuple):
    """Scores by kind, and the samples in which something was missed or was found by mistake."""

    scores: dict[str, Score]
    missed: list[tuple[Sample, Label]]
    mistaken: list[tuple[Sample, tuple[int, int, str]]]


def score(samples: Sequence[Sample], find: Finder) -> Result:
    """Hold what `find` finds in each sample against its labels."""
    counts: dict[str, list[int]] = {}
    missed: list[tuple[Sample, Label]] = []
    mistaken: list[tuple[Sample, tuple[int, int, str]]] = []
    for sample in samples:
        spans = list(find(sample.text))
        for label in sample.labels:
            count = counts.setdefault(label.kind, [0, 0, 0, 0])
            count[0] += 1
            if covered(sample.text, label, spans):
                count[1] += 1
            else:
                missed.append((sample, label))
        for span in spans:
            right = any(span[0] < label.end and label.start < span[1] for label in sample.labels)
            counts.setdefault(span[2], [0, 0, 0, 0])[2 if right else 3] += 1
            if not right:
                mistaken.append((sample, span))
    return Result({kind: Score(*count) for kind, count in sorted(counts.items())}, missed, mistaken)


def covered(text: str, label: Label, spans: Sequence[tuple[int, int, str]]) -> bool:
    """Whether every letter and digit of the label lies in a span."""
    return all(
        any(start <= place < end for start, end, _ in spans)
        for place in range(label.start, label.end)
        if text[place].isalnum()
    )
