"""The service inside this process, asked without a network: for many requests in little time."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from app.edge import Edge
from app.logs import LogWriter
from app.main import create_app
from app.settings import read_settings


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    body: bytes


class Inside:
    """`log` is what it has written."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._stream = io.BytesIO()
        self._logs = LogWriter("INFO", self._stream)
        self.app: Edge = create_app(read_settings(environment), logs=self._logs)

    @property
    def log(self) -> str:
        """All lines."""
        self._logs.flush(1.0)
        return self._stream.getvalue().decode()

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = {}, query: str = ""
    ) -> Answer:
        """One request, as a server hands it on."""
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"shop.example"), *pairs],
        }
        status, parts = 0, list[bytes]()

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answer(status, b"".join(parts))


@asynccontextmanager
async def running(environment: Mapping[str, str]) -> AsyncIterator[Inside]:
    """A service that has its model. Raises `TimeoutError` where it never gets one."""
    service = Inside(environment)
    told: asyncio.Queue[Any] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.create_task(service.app({"type": "lifespan"}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    await said.get()
    try:
        async with asyncio.timeout(120):
            while (await service.ask("GET", "/readyz")).status != 200:
                await asyncio.sleep(0.02)
        yield service
    finally:
        await told.put({"type": "lifespan.shutdown"})
        await life
