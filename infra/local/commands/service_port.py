"""The service's port: the one asked for, else the one that it has, else that of the last `up` in this home."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.files import read_json, write_whole
from infra.local.home import Home
from infra.local.ports import require_free
from infra.local.supervisor import client

DEFAULT_PORT = 8080


def choose_port(cloud: Cloud, wanted: int | None) -> int:
    """A port that is free, or our own already; remembered for the next `up`, whatever comes of this one."""
    own = {path.stem: int(read_json(path)["port"]) for path in kept(cloud, "services")}
    port = wanted or (own[first_service(cloud).stem] if own else _remembered(cloud) or DEFAULT_PORT)
    if port not in own.values() or not client.running(cloud):
        require_free(port)
    write_whole(_note(cloud), f"{port}\n".encode())
    return port


def _note(cloud: Cloud) -> Path:
    return cloud.home.root / f"port-{cloud.stack}"


def _remembered(cloud: Cloud) -> int | None:
    """The port of the last `up`; None where there was none, or the note is damaged."""
    try:
        text = _note(cloud).read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() and 1 <= int(text) <= 65535 else None


def kept(cloud: Cloud, what: str) -> list[Path]:
    """The records of what the supervisor keeps alive: `services` or `stores`."""
    return sorted((cloud.run / what).glob("*.json"))


def first_service(cloud: Cloud) -> Path:
    """The record of the service that callers know the URL of: it was there before the others, and notes its port."""
    services, noted = kept(cloud, "services"), cloud.home.root / "url"
    url = noted.read_text().strip() if noted.is_file() else ""
    return next((path for path in services if url == f"http://127.0.0.1:{read_json(path)['port']}"), services[0])


def write_url(home: Home, url: str) -> None:
    """Note where callers on this machine find the service."""
    write_whole(home.root / "url", f"{url}\n".encode())


@contextmanager
def together() -> Iterator[None]:
    """An interrupt at the keyboard waits until all that is done inside is done: the service moves to another port, and
    callers are told.
    """
    if threading.current_thread() is not threading.main_thread():  # no interrupt comes there
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(signal.SIGINT, None)
