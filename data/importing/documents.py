"""JSON files: one document, a list that is read piece by piece, or a document a line."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TextIO

from data.importing.errors import InputError
from data.importing.texts import reading
from orderguard.sources.documents import decoded

LARGEST = 64 * 2**20
"""The longest document that is read in one piece, in characters."""
_PIECE = 1 << 18
_NOT_JSON = "not valid JSON"
_TOO_LONG = f"a JSON document of more than {LARGEST // 2**20} MiB. Export a list, or an order a line (NDJSON)."
_BROKEN = object()


def documents(
    text: TextIO, is_list: bool, records: Callable[[object], list[object]], left_out: Counter[str]
) -> Iterator[object]:
    """The documents of a JSON file; a line that is no JSON is counted. `records` are those in one that stands alone.

    Raises `InputError`.
    """
    with reading():
        if is_list:
            for part in _list(text):
                document = _decoded(part)
                if document is _BROKEN:
                    left_out[_NOT_JSON] += 1
                else:
                    yield document
            return
        lines = _lines(text)
        first = next(lines, "")
        whole, second = _decoded(first), next(lines, None)
        if whole is not _BROKEN and second is not None:
            for line in chain((first, second), lines):
                document = _decoded(line)
                if document is _BROKEN:
                    left_out[_NOT_JSON] += 1
                else:
                    yield document
            return
        if whole is _BROKEN:
            whole = _decoded(_rest(first, second, lines))
        if whole is _BROKEN:
            raise InputError("the file is not JSON, nor a document a line. Export it again.")
        yield from records(whole)


def _lines(text: TextIO) -> Iterator[str]:
    while line := text.readline(LARGEST + 1):
        if len(line) > LARGEST:
            raise InputError(_TOO_LONG)
        if line.strip():
            yield line


def _decoded(text: str) -> object:
    try:
        return decoded(text)
    except ValueError:
        return _BROKEN


def _rest(first: str, second: str | None, lines: Iterator[str]) -> str:
    parts, length = [first, second or ""], 0
    for line in lines:
        parts.append(line)
        length += len(line)
        if length > LARGEST:
            raise InputError(_TOO_LONG)
    return "".join(parts)


def _list(text: TextIO) -> Iterator[str]:
    """The elements of a list, one after the other, as JSON; memory holds one at a time, and a piece of text."""
    decode = json.JSONDecoder().raw_decode
    buffer = text.read(_PIECE)
    place, more = buffer.index("[") + 1, True
    while True:
        while place < len(buffer) and buffer[place] in " \t\r\n,":
            place += 1
        if buffer[place : place + 1] == "]":
            return
        try:
            _, end = decode(buffer, place)
            if end >= len(buffer) and more:
                raise ValueError
        except RecursionError:
            raise InputError("the JSON is nested too deeply.") from None
        except ValueError:
            if not more or len(buffer) - place > LARGEST:
                raise InputError("the JSON breaks off, or something in its list is no JSON. Export it again.") from None
            piece = text.read(max(_PIECE, len(buffer) - place))
            buffer, place, more = buffer[place:] + piece, 0, bool(piece)
            continue
        yield buffer[place:end]
        place = end
