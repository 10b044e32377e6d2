"""Catalogue codes (sku, category, methods of payment and shipping): kept, unless somebody put personal data into
one. Such a code is masked as a whole: what is left of it would tell nothing of the article, and might of the person.
"""

import os
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

from orderguard.masking.judging import judged
from orderguard.masking.known import Known
from orderguard.masking.steps import Steps
from orderguard.masking.view import fold

ROOM = 8
"""A code of fewer letters and digits than this has no room for a value that names a person."""

LONGEST = 256
"""A longer text is no code, whatever it says: it is masked."""


class Room(NamedTuple):
    """Codes in `compact_code`'s form with a blank behind each: those with room for a name or a street (`words`), and
    those with room for a number (`digits`). `starts` has the characters that such a value in them can begin with.
    """

    words: str
    digits: str
    starts: str


_NO_ROOM = Room("", "", "")


Doubt = Callable[[str, str], str]
"""What stands for a code that a catalogue may prove to be an article's, given the code and its placeholder."""

_MOST_REMEMBERED = 100_000
"""Beyond it all is forgotten, and remembering starts over."""
_LONGEST_REMEMBERED = 128
_ASCII_SEPARATORS = b" \t-_.,;:/|@+()#'\"*"
_SEPARATORS = {code: None for code in _ASCII_SEPARATORS}
_UNDECIDED = "\0"

_impersonal: dict[str, Room] = {}
_personal: dict[bytes, tuple[str, bool]] = {}
_KEY = os.urandom(32)
"""Of a code that holds something personal a keyed digest is remembered, not the code."""


def masked(_: str, placeholder: str) -> str:
    """In doubt, a code is masked."""
    return placeholder


def kept(code: str, _: str) -> str:
    """In doubt, a code is kept."""
    return code


def known_articles(articles: Iterable[str]) -> Doubt:
    """In doubt, a code is kept if it is one of these."""
    known = frozenset(articles)
    return lambda code, placeholder: code if code in known else placeholder


def undecided(code: str, placeholder: str) -> str:
    """For a pipeline that has seen no catalogue yet: both, to be told apart by `decided` before anything is written."""
    return f"{_UNDECIDED}{placeholder}{_UNDECIDED}{code}"


def is_undecided(value: str) -> bool:
    """Whether `undecided` gave this."""
    return value.startswith(_UNDECIDED)


def decided(value: str, doubt: Doubt) -> str:
    """What a code is once `doubt` is told of it, where `undecided` left that open."""
    if not is_undecided(value):
        return value
    _, placeholder, code = value.split(_UNDECIDED, 2)
    return doubt(code, placeholder)


def mask_code(code: str, doubt: Doubt = masked) -> str:
    """A catalogue code, or a placeholder where it holds something personal. What was found is remembered."""
    if code in _impersonal:
        return code
    if len(code) > LONGEST:
        return "[ENCODED]"
    digest = blake2b(code.encode("utf-8", "surrogatepass"), digest_size=16, key=_KEY).digest()
    known = _personal.get(digest) or _judged(code, digest)
    if known is None:
        return code
    placeholder, doubtful = known
    return doubt(code, placeholder) if doubtful else placeholder


def _judged(code: str, digest: bytes) -> tuple[str, bool] | None:
    """The placeholder for a code and whether that is in doubt; None for a code that holds nothing personal."""
    for remembered in (_personal, _impersonal):
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
    kind, doubtful = judged(code)
    if kind:
        result = _personal[digest] = f"[{kind}]", doubtful
        return result
    if len(code) <= _LONGEST_REMEMBERED:
        _impersonal[code] = _room(code)
    return None


def remembered_room(codes: Iterable[str]) -> Room | None:
    """The room in some codes together, if it is known of each already that it holds nothing personal by itself."""
    words, digits, starts = "", "", ""
    try:
        for code in codes:
            room = _impersonal[code]
            if room is not _NO_ROOM:
                words += room.words
                digits += room.digits
                starts += room.starts
    except KeyError:
        return None
    return Room(words, digits, starts)


def rooming(codes: Iterable[str]) -> Steps[Room]:
    """The room in any codes together; what is masked whatever it says has none."""
    words, digits, starts = "", "", ""
    for code in codes:
        known = _impersonal.get(code)
        if known is None:
            known = _room(code) if len(code) <= LONGEST else _NO_ROOM
            yield
        words += known.words
        digits += known.digits
        starts += known.starts
    return Room(words, digits, starts)


def _room(code: str) -> Room:
    compact = compact_code(code) + " "
    if len(compact) <= ROOM:
        return _NO_ROOM
    return Room(compact, compact if sum(map(str.isdigit, compact)) >= ROOM else "", compact[:-ROOM])


def compact_code(code: str) -> str:
    """Lower case, accents and separators gone."""
    if code.isascii():
        return code.lower().encode().translate(None, _ASCII_SEPARATORS).decode()
    # small letters first: a look-alike capital folds to another letter than its small one
    return fold(code.lower()).translate(_SEPARATORS)


def mask_own_code(code: str, known: Known, doubt: Doubt = masked) -> str:
    """As `mask_code`, and none of the order's own values is left in it."""
    kind = known.in_code(compact_code(code)) if len(code) <= LONGEST else None
    return f"[{kind}]" if kind else mask_code(code, doubt)
