"""What a shop's own orders prove of codes that look like a person's number: whether they are its articles'.

Such a code is one where many of the shop's codes are written alike, and several customers bought it. A customer's
number in a code's place has one buyer; a stranger's, in a shop that does not number its articles so, has nothing like
it. What is not proven is masked. The model version's catalogue keeps what is, so that serving decides as training did.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from orderguard.features.columns import Coded, Columns, Indices
from orderguard.masking.codes import decided, is_undecided, kept, known_articles

FEWEST_CUSTOMERS = 3
FEWEST_ALIKE = 20
SMALLEST_SHARE = 0.05
"""Of a shop's codes, so many are written alike: at least this share, and `FEWEST_ALIKE`."""

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")


def settled(columns: Columns, articles: Iterable[str] | None = None) -> tuple[Columns, list[str]]:
    """The columns with what masking left undecided decided, and the codes that were kept: those of `articles` (an older
    model's), or those that these orders prove.
    """
    if not any(map(is_undecided, (*columns.skus.values, *columns.categories.values))):
        return columns, sorted(articles or ())
    if articles is None:
        buyers = columns.customers.index[columns.line_order]
        articles = proven(columns.skus, buyers) | proven(columns.categories, buyers)
    skus, categories = (_decided(codes, articles) for codes in (columns.skus, columns.categories))
    return replace(columns, skus=skus, categories=categories), sorted(articles)


def proven(codes: Coded, buyers: Indices) -> set[str]:
    """The undecided codes that are articles'. `buyers` are the customers of the lines."""
    pairs = np.unique(np.stack([codes.index, buyers]), axis=1)
    return proven_of(codes.values, np.bincount(pairs[0], minlength=len(codes.values)).tolist())


def proven_of(values: Sequence[str], customers: Sequence[int]) -> set[str]:
    """The undecided codes among a shop's `values`, each once, that are articles'. `customers` says how many bought
    each; beyond `FEWEST_CUSTOMERS` nobody needs to have counted.
    """
    codes = [decided(value, kept) for value in values]
    alike = Counter(map(shape, codes))
    enough = max(FEWEST_ALIKE, SMALLEST_SHARE * len(codes))
    return {
        code
        for code, value, count in zip(codes, values, customers, strict=True)
        if is_undecided(value) and count >= FEWEST_CUSTOMERS and alike[shape(code)] >= enough
    }


def shape(code: str) -> str:
    """How a code is written: `a-9999` for `CLO-0060`."""
    return _DIGIT.sub("9", _LETTERS.sub("a", code))


def _decided(codes: Coded, articles: Iterable[str]) -> Coded:
    doubt = known_articles(articles)
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(decided(value, doubt), len(numbers)) for value in codes.values]
    return Coded(np.array(places, dtype=np.int64)[codes.index], list(numbers))
