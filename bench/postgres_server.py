"""A real PostgreSQL server for tests and benches: on a free port, with a password, in a folder of its own."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pg8000.native

from infra.local.ports import free_port

STARTS_SECONDS = 60.0
USER, DATABASE = "orderguard", "orderguard"
NOT_ROOT = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: on behalf of root it runs as one of these."""


def program(name: str) -> str | None:
    """One of PostgreSQL's programs: on PATH, else where Debian has them."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return shutil.which(name) or (str(found[-1]) if found else None)


class PostgresServer:
    """A `postgres` process. `options` are settings as in postgresql.conf."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        self.url = f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"
        self.settings = {"ALERTS_URL": self.url, "ALERTS_PASSWORD": self.password}
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._user = next((name for name in NOT_ROOT if _is_known(name)), None) if os.getuid() == 0 else None

    def start(self) -> "PostgresServer":
        """Make its data if there is none, start it, and return once it answers."""
        if not (self._folder / "data").exists():
            self._make()
        self.begin()
        deadline = time.monotonic() + STARTS_SECONDS
        while not self.answers():
            assert self._process and self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "postgres does not answer"
            time.sleep(0.02)
        return self

    def begin(self) -> None:
        """Start it, and don't wait."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **self._options,
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._process = self._popen("postgres", ["-D", str(self._folder / "data"), *words])

    def query(self, text: str) -> list[list[object]]:
        """The rows that a statement gives."""
        connection = pg8000.native.Connection(
            USER, host="127.0.0.1", port=self.port, database=DATABASE, password=self.password, timeout=10
        )
        try:
            return [list(row) for row in connection.run(text) or ()]
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether it answers, now."""
        try:
            return bool(self.query("SELECT 1"))
        except (pg8000.native.InterfaceError, pg8000.native.DatabaseError, OSError, socket.timeout):
            return False

    def pause(self) -> None:
        """Neither it nor any of its processes answers."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._signal_all(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once with all its processes, as when its machine is lost."""
        assert self._process
        self._signal_all(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process and self._process.poll() is None:
            self.kill()

    def _make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            known = pwd.getpwnam(self._user)
            os.chown(self._folder, known.pw_uid, known.pw_gid)
            for folder in self._folder.parents:
                if folder.stat().st_uid == os.getuid() and folder != Path("/"):
                    folder.chmod(folder.stat().st_mode | 0o011)
        data = self._folder / "data"
        words = ["-D", str(data), "--username", USER, "--encoding", "UTF8", "--no-locale", "--no-sync"]
        self._done(self._popen("initdb", [*words, "--auth", "trust"]))
        (data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        # By standard input, before anybody can connect: the password is in no argument and in no file.
        single = self._popen("postgres", ["--single", "-D", str(data), "postgres"], subprocess.PIPE)
        told = f"ALTER ROLE {USER} PASSWORD '{self.password}'\nCREATE DATABASE {DATABASE}\n"
        self._done(single, told.encode())

    def _done(self, process: "subprocess.Popen[bytes]", given: bytes | None = None) -> None:
        process.communicate(given)
        assert process.returncode == 0, (self._folder / "log").read_text()[-2000:]

    def _popen(self, name: str, words: Sequence[str], standard: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        found = program(name)
        assert found, "this needs PostgreSQL: see the README's list of Debian packages"
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [found, *words],
                stdin=standard,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self._folder,
                user=self._user,
                start_new_session=True,
            )

    def _signal_all(self, number: int) -> None:
        """Signal the server and its children, which are sessions of their own."""
        assert self._process
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        for pid in (self._process.pid, *map(int, children)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def __enter__(self) -> "PostgresServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _is_known(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
