"""The query parameters of the scoring routes."""

from urllib.parse import parse_qsl

from app.problems import FieldError, Problem

RECORD, SOURCE = "record", "source"
_SAID = {"true": True, "false": False}


def asked(query: bytes) -> tuple[bool, str]:
    """Whether orders are to be counted (`record`, which is true unless a request says `record=false`), and whose form
    they have (`source`, empty for our own).

    Raises `Problem` for any other value of `record`, and where one of them stands twice.
    """
    if not query:
        return True, ""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    record, source = (_once(name, [value for found, value in pairs if found == name]) for name in (RECORD, SOURCE))
    if record is not None and record not in _SAID:
        raise _wrong(RECORD, "must be `true` or `false`")
    if source == "":
        raise _wrong(SOURCE, "must name a source")
    return record is None or _SAID[record], source or ""


def _once(name: str, values: list[str]) -> str | None:
    if len(values) > 1:
        raise _wrong(name, "may stand once")
    return values[0] if values else None


def _wrong(name: str, reason: str) -> Problem:
    return Problem("invalid-request", f"{name} {reason}", (FieldError(name, reason),))
