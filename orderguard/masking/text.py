"""Masking free text: the values known from the same order first, then what can be recognised by its form."""

from collections.abc import Iterable, Iterator

from orderguard.masking.known import Known, known_strings
from orderguard.masking.recognisers import RECOGNISERS, encoded, recognise
from orderguard.masking.spans import Span, masked_already, merged, replaced
from orderguard.masking.steps import Steps, finished
from orderguard.masking.view import View

_SEAM = 64
_SHORT = 256
"""A text of so many characters is searched in one step."""
_MOST_LOOKS = 8
"""A text that shows something new each time that something was masked is masked as a whole."""
_SHORTEST_STRANGER = 8
"""What is decoded from a shorter run, which any code may be, is looked through for the order's own values alone."""


def mask_text(text: str, known: Iterable[str] = ()) -> str:
    """`text` with what is personal in it replaced by placeholders such as `[EMAIL]`.

    `known` are personal values, found wherever and however they are written. Masking what is masked changes nothing.
    """
    return mask_with(text, known_strings(known))


def mask_with(text: str, known: Known | None) -> str:
    """As `mask_text`, with known values that are prepared already."""
    return finished(masking_text(text, known))


def masking_text(text: str, known: Known | None) -> Steps[str]:
    """`mask_with` in steps."""
    for _ in range(_MOST_LOOKS):
        spans = yield from _finding(text, known)
        if not spans:
            return text
        text = replaced(text, spans)
        # what is gone may have kept its neighbour from being recognised: look again until nothing is found. Known
        # values need no second look, since they are found whatever stands beside them.
        known = None
    return "[ENCODED]"


def mask_parts(first: str, second: str, known: Known | None) -> tuple[str, str]:
    """Two texts masked, each alone and then where the end of one and the start of the other make up a value
    together.
    """
    return finished(masking_parts(first, second, known))


def masking_parts(first: str, second: str, known: Known | None) -> Steps[tuple[str, str]]:
    """`mask_parts` in steps."""
    first, second = (yield from masking_text(first, known)), (yield from masking_text(second, known))
    for seam in ("", " "):
        before, after = _settled_cut(first, -_SEAM), _settled_cut(second, _SEAM)
        head, tail = first[before:], second[:after]
        cut = len(head)
        spans = yield from _finding(head + seam + tail, known)
        crossing = [span for span in spans if span.start < cut and span.end > cut + len(seam)]
        for span in reversed(crossing):
            first = first[:before] + head[: span.start] + span.replacement
            second = span.replacement + tail[span.end - len(seam) - cut :] + second[after:]
    return first, second


def find_personal(text: str, known: Known | None = None) -> list[Span]:
    """What a first look at `text` finds, in order and without overlaps."""
    return finished(_finding(text, known))


def _finding(text: str, known: Known | None) -> Steps[list[Span]]:
    view = View(text)
    found: list[Span] = []
    long = len(view.text) > _SHORT
    yield
    for spans in _searches(view, known):
        for start, end, kind, token in spans:
            first, last = view.original(start, end)
            found.append(Span(first, last, kind, token))
            if long:
                yield
        if long:
            yield
    return list(merged(found, masked_already(text)))


def _searches(view: View, known: Known | None) -> Iterator[Iterator[Span]]:
    if known is not None:
        yield known.find(view)
    for find in RECOGNISERS:
        yield find(view)
    yield encoded.find(view, lambda decoded: _decoded_is_personal(decoded, known))


def _decoded_is_personal(decoded: str, known: Known | None) -> bool:
    view = View(decoded)
    if known is not None and next(known.find(view), None) is not None:
        return True
    return len(decoded) >= _SHORTEST_STRANGER and next(recognise(view), None) is not None


def _settled_cut(text: str, at: int) -> int:
    """A place near `at` (from the end if negative) that does not cut a placeholder or a pseudonym in two."""
    place = max(0, len(text) + at) if at < 0 else min(len(text), at)
    for start, end in masked_already(text):
        if start < place < end:
            return start if at < 0 else end
    return place
