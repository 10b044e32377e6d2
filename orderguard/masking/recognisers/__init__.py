"""The recognisers: each module finds one kind of personal data by its form, its check digits and the words around it.

`find(view)` yields spans of the view; it looks for a cheap sign first, so that a text without one costs next to
nothing.
"""

from collections.abc import Callable, Iterator

from orderguard.masking.recognisers import (
    addresses,
    birth_dates,
    called,
    cards,
    emails,
    ibans,
    ip_addresses,
    labelled,
    names,
    national_ids,
    phones,
    urls,
    vat_numbers,
)
from orderguard.masking.spans import Span
from orderguard.masking.view import View

RECOGNISERS: tuple[Callable[[View], Iterator[Span]], ...] = (
    emails.find,
    urls.find,
    ibans.find,
    cards.find,
    national_ids.find,
    vat_numbers.find,
    ip_addresses.find,
    phones.find,
    called.find,
    addresses.find,
    birth_dates.find,
    labelled.find,
    names.find,
)
"""Everything that is looked for in a text; base64 and hexadecimal runs are decoded and then searched by all of
these.
"""


def recognise(view: View) -> Iterator[Span]:
    """What any recogniser finds in the view."""
    for find in RECOGNISERS:
        yield from find(view)
