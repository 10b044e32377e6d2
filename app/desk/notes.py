"""Notes about an order, masked before they are kept.

Of the order's own values only pseudonyms are known here: words of a note are turned into pseudonyms, too, and go where
they are the order's. So its customer's id and e-mail address are found, and the names that it told, whole or in words.
"""

import re
from collections.abc import Iterator

from app.desk.alert import Document
from orderguard.masking import Keyring, mask_text

MOST_WORDS = 6
_WORD = re.compile(r"\S+")
_MARKS = ".,;:!?()[]{}<>\"'“”„‘’«»"


def masked_note(note: str, document: Document, keyring: Keyring) -> str:
    """The note as it may be kept."""
    text = note.replace("\0", " ").strip()
    for start, end, placeholder in sorted(_own(text, document, keyring), reverse=True):
        text = text[:start] + placeholder + text[end:]
    return mask_text(text)


def _own(text: str, document: Document, keyring: Keyring) -> Iterator[tuple[int, int, str]]:
    """Where the order's own values stand, none in another."""
    order = document.masked
    names = set(document.names)
    names |= {address.name_token for address in (order.billing, order.shipping) if address and address.name_token}
    kinds = (
        ("name", names, MOST_WORDS, "[NAME]"),
        ("customer", {order.customer_token}, 1, "[CUSTOMER]"),
        ("email", {order.email_token} - {None}, 1, "[EMAIL]"),
    )
    words = [(found.start(), found.end()) for found in _WORD.finditer(text)]
    place = 0
    while place < len(words):
        found = None
        for namespace, tokens, most, placeholder in kinds:
            for last in range(min(place + most, len(words)) - 1, place - 1, -1) if tokens else ():
                start, end = _bare(text, words[place][0], words[last][1])
                if start < end and not tokens.isdisjoint(keyring.tokens(namespace, text[start:end])):
                    found = start, end, placeholder, last
                    break
            if found:
                break
        if found:
            yield found[:3]
            place = found[3]
        place += 1


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """The same piece without the marks around it."""
    while start < end and text[start] in _MARKS:
        start += 1
    while end > start and text[end - 1] in _MARKS:
        end -= 1
    return start, end
