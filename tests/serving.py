"""The scoring service as a real process, and a small model version for it to serve."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from coverage import Coverage

from infra.local.ports import free_port
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import CHAMPION

REPOSITORY = Path(__file__).resolve().parents[1]
API_KEY = "a-key-for-tests-0123456789"
MASKING_KEY = new_key_text()
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
WAIT_SECONDS = 180.0
"""What nothing here takes, on however busy a machine: who waits this long waits in vain."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What goes over plain HTTP is asked with this: for one of its own, each client of httpx would read every certificate
authority there is, which takes ten times as long as the question.
"""

USUAL: dict[str, Any] = {
    "order_id": "T-1",
    "created_at": "2026-05-04T14:12:09+02:00",
    "customer": {"id": "C-77", "name": "Erika Mustermann", "email": "erika.mustermann@example.org"},
    "currency": "EUR",
    "items": [{"sku": "CLO-0015", "category": "clothing", "quantity": 1, "unit_price": 37.99}],
    "channel": "web",
    "payment": {"method": "card", "card_country": "DE"},
    "billing_address": {"country": "DE", "postcode": "10115"},
    "shipping_address": {"country": "DE", "postcode": "10115"},
}
ODD: dict[str, Any] = {
    **USUAL,
    "order_id": "T-2",
    "created_at": "2026-05-05T03:41:00+02:00",
    "items": [{"sku": "CLO-0015", "category": "clothing", "quantity": 40_000, "unit_price": 9_999.0}],
    "payment": {"method": "card", "card_country": "BR"},
    "shipping_address": {"country": "NG"},
}


def train(
    models: Path, data: Path, *, seed: int = 7, version: str = "first", orders: int = 2_500, key: str = MASKING_KEY
) -> Path:
    """Train a small version on generated orders and make it the champion, whatever its gates say."""
    # Imported here, since only a few of the suites that import this module train anything.
    from data.generator.sample import lines, make_world
    from ml.config import read_config
    from ml.job import Job
    from ml.pipeline import train_version

    data.mkdir(parents=True, exist_ok=True)
    feed = lines(make_world(seed, orders, START, END), orders, START, END)
    (data / f"sample-{seed}.ndjson").write_bytes(b"\n".join(line.data for line in feed) + b"\n")
    keyring = Keyring.from_text(key)
    histories = histories_of(models)
    job = Job(data=data, models=models, config=read_config(), keyring=keyring, histories=histories, version=version)
    with uncounted():
        train_version(job)
    (models / CHAMPION).write_text(version)
    return models


@contextmanager
def uncounted() -> Iterator[None]:
    """What tests of training count already takes nearly twice as long where it is counted once more."""
    counting = Coverage.current()
    if counting:
        counting.stop()
    try:
        yield
    finally:
        if counting:
            counting.start()


def histories_of(models: Path) -> Path:
    """Where the past cases of these versions are."""
    return models.parent / "histories"


@dataclass
class Service:
    """A running `python -m app`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    headers: dict[str, str] = field(default_factory=lambda: {"X-API-Key": API_KEY, "Content-Type": "application/json"})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=self.headers, timeout=WAIT_SECONDS, verify=NO_TLS)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(
            f"{self.url}{path}",
            content=content,
            headers={**self.headers, **headers},
            timeout=WAIT_SECONDS,
            verify=NO_TLS,
        )

    def score(self, order: Any) -> Any:
        answer = self.post("/v1/score", order)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def log_lines(self) -> list[dict[str, Any]]:
        """The log's whole lines; the one that is being written while it is read has no end yet."""
        whole, _, _ = self.log.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    def until(self, holds: Any, what: str) -> Any:
        """Wait until `holds()` is true, and return what it gave."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = holds()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(
            f"{what} did not happen in {WAIT_SECONDS:.0f} seconds; log:\n{self.log.read_text()[-3000:]}"
        )

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            assert self.process.poll() is None, f"the service ended:\n{self.log.read_text()[-3000:]}"
            return False


def environment(models: Path, port: int, **settings: str) -> dict[str, str]:
    """The environment that Cloud Run would give the service."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    told = {
        "PORT": str(port),
        "MODEL_DIR": str(models),
        "HISTORIES_DIR": str(histories_of(models)),
        "PII_MASKING": "enforced",
        "MASKING_KEY": MASKING_KEY,
        "API_KEY": API_KEY,
    }
    return {**kept, **told, **settings}


@contextmanager
def serving(models: Path, log: Path, *, wait: bool = True, **settings: str) -> Iterator[Service]:
    """A service with these settings; ended with SIGTERM if it still runs."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=REPOSITORY,
            env=environment(models, port, **settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    service = Service(process, port, log)
    try:
        if wait:
            service.until(service.is_ready, "readiness")
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(WAIT_SECONDS)
        finally:
            process.kill()
            process.wait()
