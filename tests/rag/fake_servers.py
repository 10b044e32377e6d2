"""Language-model servers for tests: real HTTP servers that record what they were sent and answer as they are told."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """One answer: text in pieces, or a status. `breaks` ends the stream before its end; `holds` never ends it."""

    pieces: tuple[str, ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    breaks: bool = False
    holds: bool = False


class FakeServer:
    """Answers with its replies in turn; the last one is repeated."""

    def __init__(self, dialect: "type[OpenAiDialect] | type[VertexDialect]", replies: list[Reply]) -> None:
        self.replies = replies
        self.dialect = dialect
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.released = threading.Event()
        self.url = ""

    def sent(self) -> str:
        """Everything that was sent here, as one text."""
        return json.dumps(self.requests, ensure_ascii=False)


class OpenAiDialect:
    """OpenAI's server-sent chunks."""

    @staticmethod
    def piece(text: str) -> bytes:
        return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() + b"\n\n"

    end = b"data: [DONE]\n\n"


class VertexDialect:
    """Vertex AI's streamGenerateContent with alt=sse."""

    @staticmethod
    def piece(text: str) -> bytes:
        content = {"role": "model", "parts": [{"text": text}]}
        return b"data: " + json.dumps({"candidates": [{"content": content}]}).encode() + b"\r\n\r\n"

    end = b""


@contextmanager
def serving(server: FakeServer) -> Iterator[FakeServer]:
    """Run a server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            reply = server.replies[min(len(server.requests), len(server.replies)) - 1]
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/event-stream" if reply.status == 200 else "application/json")
            self.send_header("Connection", "close")
            self.end_headers()
            if reply.status != 200:
                self.wfile.write(b'{"error": {"code": %d, "message": "no"}}' % reply.status)
                return
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                return
            for piece in reply.pieces:
                self.wfile.write(server.dialect.piece(piece))
                self.wfile.flush()
            if reply.holds:
                server.released.wait()
            elif not reply.breaks:
                self.wfile.write(server.dialect.end)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield server
    finally:
        server.released.set()
        http.shutdown()
        thread.join()
        http.server_close()


RESET = b"reset"
"""In place of bytes: break the connection off without a word."""


class BytesServer:
    """Sends to each request the bytes that `answer` gives, however many they are. What it sends may end its answer or
    not: then it closes the connection.
    """

    def __init__(self) -> None:
        self.answer: Callable[[], Iterable[bytes]] = list
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        """Part from all clients."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for client in self._clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._accepting.join()

    def _accept(self) -> None:
        threads = []
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                break
            self._clients.append(client)
            threads.append(threading.Thread(target=self._serve, args=(client,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                head, _, body = client.recv(65_536).partition(b"\r\n\r\n")
                left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0) - len(body)
                while left > 0 and (part := client.recv(65_536)):
                    left -= len(part)
                for piece in self.answer():
                    if piece is RESET:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65_536):
                    pass
            except OSError:
                pass  # the client has had enough
