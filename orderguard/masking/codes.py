"""Catalogue codes (sku, category, methods of payment and shipping): kept, unless somebody put personal data into
one.
"""

import os
from hashlib import blake2b

from orderguard.masking.known import Known
from orderguard.masking.recognisers import (
    addresses,
    cards,
    emails,
    ibans,
    ip_addresses,
    names,
    national_ids,
    phones,
    urls,
)
from orderguard.masking.spans import masked_already, merged, replaced
from orderguard.masking.text import mask_with
from orderguard.masking.view import View, fold

ROOM = 8
"""A code of fewer letters and digits than this has no room for a value that names a person."""

LONGEST = 256
"""A longer text is no code, whatever it says: it is masked as a whole."""

_RECOGNISERS = (emails, urls, ibans, national_ids, ip_addresses, phones, addresses, names)
_LABEL = "sku "
_MOST_REMEMBERED = 100_000
"""Beyond it all is forgotten, and remembering starts anew."""
_LONGEST_REMEMBERED = 128
_ASCII_SEPARATORS = b" \t-_.,;:/|@+()#'\"*"
_SEPARATORS = {code: None for code in _ASCII_SEPARATORS}

_impersonal: dict[str, tuple[str, bool]] = {}
_personal: dict[bytes, str] = {}
_KEY = os.urandom(32)
"""Of a code that holds something personal a keyed digest is remembered, not the code."""


def mask_code(code: str) -> str:
    """A catalogue code with what is personal in it masked. What was made of a code is remembered."""
    if code in _impersonal:
        return code
    if len(code) > LONGEST:
        return "[ENCODED]"
    digest = blake2b(code.encode("utf-8", "surrogatepass"), digest_size=16, key=_KEY).digest()
    known = _personal.get(digest)
    if known is not None:
        return known
    masked = _masked(code)
    for remembered in (_personal, _impersonal):
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
    if masked != code:
        _personal[digest] = masked
    elif len(code) <= _LONGEST_REMEMBERED:
        compact = compact_code(code)
        _impersonal[code] = (compact if len(compact) >= ROOM else "", sum(map(str.isdigit, compact)) >= ROOM)
    return masked


def roomy(codes: list[str]) -> tuple[str, str]:
    """Of `codes`, in `compact_code`'s form: those with room for a name or a street, and those with room for a
    number.
    """
    letters, digits = "", ""
    for code in codes:
        if len(code) > LONGEST:
            continue
        known = _impersonal.get(code)
        compact, many_digits = known or (compact_code(code), True)
        if compact:
            letters += compact + " "
            if many_digits:
                digits += compact + " "
    return letters, digits


def compact_code(code: str) -> str:
    """Lower case, accents and separators gone."""
    if code.isascii():
        return code.lower().encode().translate(None, _ASCII_SEPARATORS).decode()
    # small letters first: a look-alike capital folds to another letter than its small one
    return fold(code.lower()).translate(_SEPARATORS)


def mask_own_code(code: str, known: Known) -> str:
    """As `mask_code`, and nothing of the order's own values is left in it."""
    if len(code) <= LONGEST and known.in_code(compact_code(code)):
        masked = mask_with(code, known)
        return masked if masked != code else "[NAME]"
    return mask_code(code)


def _masked(code: str) -> str:
    """A number in a code field is an article number unless its form says otherwise, so it is searched as one called
    sku.
    """
    view = View(_LABEL + code)
    spans = [span for module in _RECOGNISERS for span in module.find(view)]
    bare = View(code)
    found = [
        span._replace(start=max(0, span.start - len(_LABEL)), end=span.end - len(_LABEL))
        for span in spans
        if span.end > len(_LABEL)
    ]
    found += cards.find(bare)
    placed = [
        span._replace(start=bare.original(span.start, span.end)[0], end=bare.original(span.start, span.end)[1])
        for span in found
    ]
    pieces = list(merged(placed, masked_already(code)))
    return replaced(code, pieces) if pieces else code
