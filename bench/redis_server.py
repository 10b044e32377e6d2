"""A real Redis server for tests and benches: on a free port, with a password, in a folder of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from infra.local.ports import free_port

STARTS_SECONDS = 10.0


class RedisServer:
    """A `redis-server` process. `options` are settings as in redis.conf (`{"appendonly": "yes"}`)."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RedisServer":
        """Start it, and return once it answers."""
        self.begin()
        deadline = time.monotonic() + STARTS_SECONDS
        while not self.answers():
            assert self._process and self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)
        return self

    def begin(self) -> None:
        """Start it, and don't wait."""
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program, "this needs redis-server or valkey-server: see the README's list of Debian packages"
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._folder),
            "requirepass": self.password,
            "masterauth": self.password,
            "save": '""',
            "repl-diskless-sync-delay": "0",
            **{name.replace("_", "-"): value for name, value in self.options.items()},
        }
        config = self._folder / "redis.conf"
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([program, str(config)], stdout=log, stderr=log)

    def client(self, **options: Any) -> "Redis":
        """A client of the test's own."""
        return Redis(port=self.port, password=self.password, protocol=2, **options)

    def command(self, *command: Any) -> Any:
        """A command's answer."""
        with self.client() as client:
            return client.execute_command(*command)

    def info(self, section: str) -> dict[str, Any]:
        """What the server tells about itself."""
        with self.client() as client:
            told: dict[str, Any] = client.info(section)
            return told

    def pause(self) -> None:
        """It hears and does not answer."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as when its machine is lost."""
        self._signal(signal.SIGKILL)
        assert self._process
        self._process.wait()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process and self._process.poll() is None:
            self.kill()

    def _signal(self, number: int) -> None:
        assert self._process
        os.kill(self._process.pid, number)

    def answers(self) -> bool:
        """Whether it answers, now."""
        try:
            return bool(self.command("PING"))
        except (RedisError, OSError):
            return False

    def __enter__(self) -> "RedisServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
