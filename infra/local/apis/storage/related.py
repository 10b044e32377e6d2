"""A body of the kind multipart/related as it arrives: metadata in JSON, then the content."""

import email.parser
import re
from email.message import Message

from infra.local.objects.failure import Failure, invalid

_MOST_BEFORE = 1 << 20
"""Bytes that may come before the content."""


def boundary_of(content_type: str) -> bytes:
    """The boundary that a header names. Raises Failure."""
    message = Message()
    message["Content-Type"] = content_type
    found = message.get_param("boundary")
    if not isinstance(found, str) or not re.fullmatch(r"[ -~]{1,200}", found):
        raise invalid("The Content-Type of a multipart upload has to be multipart/related with a boundary.")
    return found.encode()


class Related:
    """Takes the body a piece at a time, and gives the content's bytes as soon as they are known to be that."""

    def __init__(self, boundary: bytes) -> None:
        self._line = b"--" + boundary
        self._buffer = b""
        self._ended = False
        self.metadata: bytes | None = None
        self.content_type: str | None = None

    def feed(self, data: bytes) -> bytes:
        """What of the content is sure after another piece. Raises Failure."""
        if self._ended:
            return b""
        self._buffer += data
        if self.content_type is None and not self._begin():
            if len(self._buffer) > _MOST_BEFORE:
                raise invalid("The metadata of a multipart upload are too long.")
            return b""
        end = self._buffer.find(b"\r\n" + self._line)
        if end >= 0:
            content, self._buffer, self._ended = self._buffer[:end], b"", True
            return content
        keep = len(self._line) + 2
        content, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
        return content

    def finish(self) -> None:
        """Raise Failure where the body ended before the content did."""
        if not self._ended:
            raise Failure(400, "badRequest", "The body of the multipart upload ends before its content does.")

    def _begin(self) -> bool:
        """Read the metadata and the head of the content, once they are there."""
        first = self._part(self._buffer)
        if first is None:
            return False
        _, rest = first
        end = rest.find(b"\r\n" + self._line)
        second = self._part(rest[end + 2 :]) if end >= 0 else None
        if second is None:
            return False
        head, content = second
        self.metadata = rest[:end]
        self.content_type = str(email.parser.BytesHeaderParser().parsebytes(head).get("Content-Type") or "")
        self._buffer = content
        return True

    def _part(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Head and rest of a part; None where they aren't there yet. Raises Failure for what is no part."""
        data = data.removeprefix(b"\r\n")
        if len(data) > len(self._line) and not data.startswith(self._line):
            raise invalid("The body of the multipart upload does not begin with its boundary.")
        line_end = data.find(b"\r\n")
        if line_end < 0:
            return None
        head_end = data.find(b"\r\n\r\n", line_end)
        if head_end < 0:
            return None
        return data[line_end + 2 : head_end + 2] if head_end > line_end else b"", data[head_end + 4 :]
