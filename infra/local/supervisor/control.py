"""The supervisor's control socket: one JSON document a line, one answer for each.

Requests are `{"do": "deploy" | "delete" | "move" | "route" | "standing" | "deploy_store" | "delete_store" | "status" |
"stop", …}`; answers `{"ok": true, …}` or `{"ok": false, "error": "…"}`.
"""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAME = "supervisor.sock"


def code_version() -> str:
    """Names the local cloud's own code: a supervisor that runs older code is told from one that runs this."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """The socket's path by way of an open folder: the kernel takes no more than 108 bytes, and homes can be deep."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def ask(folder: Path, request: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
    """Sends a request to the supervisor that serves `folder`. Raises OSError where none does."""
    with short_path(folder) as path, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline()
    if not line:
        raise ConnectionResetError("the supervisor ended before it answered")
    answer: dict[str, Any] = json.loads(line)
    return answer
