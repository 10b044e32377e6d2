"""The query parameters of the scoring routes."""

from urllib.parse import parse_qsl

from app.problems import FieldError, Problem

RECORD = "record"
_SAID = {"true": True, "false": False}


def asked_to_record(query: bytes) -> bool:
    """Whether orders are to be counted: `record`, which is true unless a request says `record=false`.

    Raises `Problem` for any other value, and where it stands twice.
    """
    if not query:
        return True
    values = [value for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name == RECORD]
    if not values:
        return True
    if len(values) > 1 or values[0] not in _SAID:
        reason = "may stand once" if len(values) > 1 else "must be `true` or `false`"
        raise Problem("invalid-request", f"{RECORD} {reason}", (FieldError(RECORD, reason),))
    return _SAID[values[0]]
