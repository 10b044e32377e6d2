"""Log lines as Cloud Logging reads them: one JSON object a line on standard output.

Masked by construction: a line is one of the structures below. They have no field for a body, a header, a query, a
client's address or an error's text, so there is nowhere to put raw data. A path is logged as the route it matched.
"""

import asyncio
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import IO, Any

import msgspec
from msgspec import field

from app.log_output import LogOutput

SEVERITIES = {"DEBUG": 10, "INFO": 20, "NOTICE": 25, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
FLUSH_SECONDS = 0.05
RETRY_SECONDS = 0.25
LAST_FLUSH_SECONDS = 1.0
FLUSH_BYTES = 65_536


class HttpRequest(msgspec.Struct, frozen=True, rename="camel"):
    """Cloud Logging's HttpRequest, without the parts that could hold personal data."""

    request_method: str
    request_url: str
    status: int
    latency: str
    request_size: str
    response_size: str


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every line has. `message` is a sentence of this program's own."""

    severity: str = field(default="")
    time: str
    message: str
    event: str
    trace: str | None = field(default=None, name="logging.googleapis.com/trace")
    span: str | None = field(default=None, name="logging.googleapis.com/spanId")
    request_id: str | None = None


class RequestLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """A request that was answered."""

    http_request: HttpRequest = field(name="httpRequest")
    problem: str | None = None
    orders: int | None = None
    bad_orders: int | None = None
    anomalies: int | None = None
    model_version: str | None = None


class ScoreLine(Line, frozen=True, kw_only=True):
    """An order that was scored."""

    score: float
    anomaly: bool
    latency_ms: float
    model_version: str
    order_token: str
    history: str
    decided_by: str
    http_request: HttpRequest | None = field(default=None, name="httpRequest")


class HookLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook that was delivered, and what became of it: one line each, which the team's metric counts."""

    vendor: str
    outcome: str
    reason: str | None = None
    http_request: HttpRequest | None = field(name="httpRequest", default=None)


class TellLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """An anomaly that was to be told back, and what became of that."""

    target: str
    outcome: str
    reason: str | None = None


class DriftLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """The state of the drift watch: how far what moved has moved, and the cause of what was expected to."""

    drifted: bool
    psi: dict[str, float]
    expected: dict[str, str]
    orders: int
    model_version: str


class ShadowLine(Line, frozen=True, kw_only=True):
    """An order on which champion and challenger disagree."""

    order_token: str
    model_version: str
    shadow_model_version: str
    score: float
    shadow_score: float


class AskLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """A question that was answered. It has no field for a word of either."""

    provider: str
    outcome: str
    fallback: str | None
    citations: int
    seconds: float


class GapLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """What stands in place of lines that could not be written."""

    lost: int


class ServiceLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """Something about the service itself."""

    model_version: str | None = None
    reason: str | None = None
    where: list[str] | None = None


class LogWriter:
    """Writes lines in the order in which they come, several at a time while the event loop runs. It never fails, and
    never waits: a line that can't be written is lost and counted (app/log_output.py), and `on_lost` is told.
    """

    def __init__(self, level: str = "INFO", stream: IO[bytes] | None = None) -> None:
        self._least = SEVERITIES[level]
        # Without a standard output its descriptor may be anything, a client's connection too.
        standard = sys.stdout.buffer if sys.stdout else open(os.devnull, "wb")
        self._output = LogOutput(stream or standard, self._gap)
        self._timer: asyncio.TimerHandle | None = None
        self._encode = msgspec.json.Encoder().encode
        self._second = 0
        self._prefix = ""
        self.wants_info = self._least <= SEVERITIES["INFO"]

    def on_lost(self, told: Callable[[int], None]) -> None:
        """Tell of lost lines: how many, each time some are."""
        self._output.on_lost = told

    def now(self) -> str:
        """The time as RFC 3339 in UTC, to the microsecond."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._prefix}.{int((now - second) * 1e6):06d}Z"

    def write(self, line: Line) -> None:
        """Write a line, unless its severity is below the level."""
        if SEVERITIES[line.severity] < self._least:
            return
        waiting = self._output.add(self._encode(line) + b"\n")
        if self._timer is None:
            self._flush_after(FLUSH_SECONDS)
        if waiting >= FLUSH_BYTES:
            self._output.drain()

    def flush(self, wait_seconds: float = 0.0) -> None:
        """Write out what waits, as far as that can be done; what can't is tried again after a moment. Waits so long for
        a reader that stands still.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._output.drain(wait_seconds):
            self._flush_after(RETRY_SECONDS)

    def _flush_after(self, seconds: float) -> None:
        try:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.flush)
        except RuntimeError:
            self._output.drain()  # before the loop runs, after it, or in a thread

    def _gap(self, lines: int) -> bytes:
        message = f"{lines} lines were lost: the log could not be written."
        line = GapLine(severity="WARNING", time=self.now(), event="gap", message=message, lost=lines)
        return self._encode(line) + b"\n"

    def service(self, severity: str, event: str, message: str, **details: Any) -> None:
        """Write a line about the service itself."""
        self.write(ServiceLine(severity=severity, time=self.now(), event=event, message=message, **details))

    def failure(self, error: BaseException, *, event: str = "failure", request_id: str | None = None) -> None:
        """Write where an error was raised, and its type. Its text may hold data, so it is left out."""
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        self.service(
            "ERROR",
            event,
            f"An unexpected {type(error).__name__} was raised.",
            request_id=request_id,
            where=[f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
        )


class StandardLogging(logging.Handler):
    """Takes what libraries log (uvicorn above all) into the same lines: the unformatted message, without its
    arguments.
    """

    _names = re.compile(r"%(\([^)]*\))?[-#0 +]*\d*(\.\d+)?[a-zA-Z]")

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        severity = record.levelname if record.levelname in SEVERITIES else "INFO"
        if record.exc_info and record.exc_info[1]:
            self._writer.failure(record.exc_info[1], event="library")
            return
        # Arguments and f-strings may hold a path or an address; a message's own words don't, except where they were
        # formatted.
        template = (
            str(record.msg) if record.args or record.name.startswith("uvicorn") else "A library reported something."
        )
        self._writer.service(severity, "library", f"{record.name}: {self._names.sub('…', template).strip()}")


def take_over_logging(writer: LogWriter) -> None:
    """Send everything that is logged by `logging` through the writer."""
    root = logging.getLogger()
    root.handlers = [StandardLogging(writer)]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"
