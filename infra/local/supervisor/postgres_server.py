"""An instance of Cloud SQL for PostgreSQL: a real server on 127.0.0.1, kept alive, with its data in the home."""

import asyncio
import hashlib
import hmac
import os
import secrets
import shutil
import signal
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.supervisor.kept_server import KeptServer, StoreFailed, in_memory
from infra.local.supervisor.process import Process
from orderguard.private_files import make_private_folder, open_private

ENDING = ".sql"
"""Of a server's name here: a Redis may have the same one in Google Cloud."""
ADMIN, OWNER = "cloudsqladmin", "cloudsqlsuperuser"
_PLACES = "/usr/lib/postgresql"
_AS_ANOTHER = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
_CALL_SECONDS = 20.0
_ITERATIONS = 4_096


def server_program(path: str | None = None, places: str = _PLACES) -> str | None:
    """The server that PATH holds, else the newest of those where Debian has them, where its own tools are beside it.
    None where there is none, or where it can't run.
    """
    if os.getuid() == 0 and not _may_be_another():
        return None
    debian = sorted(Path(places).glob("*/bin/postgres"), key=lambda found: int(found.parts[-3]))
    found = shutil.which("postgres", path=path) or (debian[-1] if debian else None)
    return str(Path(found).resolve()) if found else None


@cache
def _may_be_another() -> bool:
    """Whether root may begin a user namespace, which many containers forbid."""
    try:
        return not subprocess.run([*_AS_ANOTHER, "true"], stderr=subprocess.DEVNULL, check=False).returncode
    except OSError:
        return False


class PostgresServer(KeptServer):
    """One server. `spec` is what the provider hands over: `program`, `tls` (whether it takes nothing else) and
    `connections` (at most).

    PostgreSQL refuses to run as root: on behalf of root it runs in a user namespace of its own, where it is another.
    """

    @property
    def folder(self) -> Path:
        """The data, in PostgreSQL's own format."""
        return self.cloud.root / "postgresql" / self.name.removesuffix(ENDING)

    async def _begin(self) -> Process:
        program = Path(str(self.spec["program"]))
        if not program.exists():
            program = Path(server_program() or program)
        try:
            if not (self.folder / "PG_VERSION").exists():
                await self._make(program.with_name("initdb"))
            with in_memory(self.certificates.certificate, self.certificates.key) as files:
                certificate, key = (f"/proc/self/fd/{descriptor}" for descriptor in files)
                options = {
                    "listen_addresses": "127.0.0.1",
                    "port": str(self.port),
                    "unix_socket_directories": "",
                    "max_connections": str(self.spec["connections"]),
                    "shared_buffers": "32MB",
                    "ssl": "on",
                    "ssl_cert_file": certificate,
                    "ssl_key_file": key,
                }
                words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
                return await self._run([str(program), "-D", str(self.folder), *words], files)
        except OSError as problem:
            raise StoreFailed(f"{program} can't be run: {problem.strerror}") from None

    async def _make(self, initdb: Path) -> None:
        """The data of a server that has none yet, whole or not at all."""
        make_private_folder(self.folder.parent)
        aside = self.folder.with_name(f"{self.folder.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        make_private_folder(aside)
        with in_memory(f"{self.password}\n") as files:
            told = ["--username", ADMIN, "--pwfile", f"/proc/self/fd/{files[0]}", "--auth", "scram-sha-256"]
            shape = ["--encoding", "UTF8", "--no-locale", "--no-sync", "--wal-segsize", "1"]
            process = await self._run([str(initdb), "-D", str(aside), *told, *shape], files, aside.parent)
            if await process.wait():
                raise StoreFailed(f"{initdb} failed. Its log: {self.log}")
        kind = "hostssl" if self.spec["tls"] else "host"
        with open_private(aside / "pg_hba.conf", "wb") as file:
            # As Cloud SQL takes a token: in place of a password, over TLS.
            file.write(
                f"{kind} all {ADMIN} 127.0.0.1/32 scram-sha-256\n{kind} all all 127.0.0.1/32 password\n".encode()
            )
        aside.rename(self.folder)

    async def _run(self, command: Sequence[str], files: Sequence[int], folder: Path | None = None) -> Process:
        as_another = _AS_ANOTHER if os.getuid() == 0 else ()
        # A change of who it is makes the kernel forget that it ends with the supervisor.
        also = ("setpriv", "--pdeathsig", "KILL", "--") if as_another else ()
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder or self.folder)}
        return await Process.start(
            [*as_another, *also, *command], environment, folder or self.folder, self.log, self.port, passed=files
        )

    async def answers(self, within: float) -> bool:
        """Whether the server takes connections: not while it still reads its log."""
        try:
            async with asyncio.timeout(within):
                return await asyncio.to_thread(self._takes_connections)
        except (OSError, TimeoutError):
            return False

    def _takes_connections(self) -> bool:
        import pg8000.native

        try:
            self.connected().close()
        except pg8000.native.Error:
            return False
        return True

    def connected(self, database: str = "postgres") -> Any:
        """A connection of the administrator's. Raises OSError and pg8000's errors."""
        import pg8000.native  # only who administers a server needs it

        trusted = ssl.create_default_context(cadata=self.certificates.authority)
        return pg8000.native.Connection(
            ADMIN,
            host="127.0.0.1",
            port=self.port,
            database=database,
            password=self.password,
            timeout=_CALL_SECONDS,
            ssl_context=trusted,
        )

    async def _end(self, grace: float) -> None:
        if self.process and self.process.alive:
            # What it is told to by SIGTERM it does when all have hung up.
            self.process.process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(self.process.wait(), grace)
            except TimeoutError:
                pass
        await super()._end(1.0)

    def access(self) -> dict[str, Any]:
        """What the provider passes on to those who may connect."""
        return {"port": self.port, "authority": self.certificates.authority}


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803): a statement with it tells nobody the password."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{text[0]}${text[1]}:{text[2]}"
