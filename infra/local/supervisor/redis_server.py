"""An instance of Memorystore for Redis or Valkey: a real server of either on 127.0.0.1, kept alive, with its data in
the home.
"""

import asyncio
import hashlib
import os
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.local.iam import store_token
from infra.local.supervisor.kept_server import KeptServer, StoreFailed, in_memory
from infra.local.supervisor.process import Process
from orderguard.private_files import make_private_folder

PROGRAMS = ("valkey-server", "redis-server")
ENDING = ".valkey"
"""Of an instance for Valkey: one for Redis may have the same name in Google Cloud."""
_KEEPER = "keeper"
"""Who looks whether a server answers that lets others in by access tokens."""
# cloud.google.com/memorystore/docs/redis/product-constraints: what runs here without them runs there.
_BLOCKED = (
    "ACL BGREWRITEAOF BGSAVE CONFIG DEBUG FAILOVER LASTSAVE MIGRATE MODULE PSYNC REPLCONF REPLICAOF SAVE SHUTDOWN"
    " SLAVEOF SYNC"
).split()


def server_program(path: str | None = None) -> str | None:
    """The server that PATH holds, Valkey before Redis."""
    return next((found for name in PROGRAMS if (found := shutil.which(name, path=path))), None)


class RedisServer(KeptServer):
    """One server. `spec` is what the provider hands over: `program`, `memory` (bytes), `policy`, `auth`, `tls`,
    `persistent`; `iam`, where access tokens open it and no password does.
    """

    @property
    def folder(self) -> Path:
        """The data, in Redis's own format."""
        return self.cloud.root / "redis" / self.name

    async def _begin(self) -> Process:
        make_private_folder(self.folder)
        program = str(self.spec["program"])
        if not Path(program).exists():
            program = server_program() or program
        with in_memory(self.certificates.certificate, self.certificates.key) as files:
            try:
                # By standard input: a password is in no argument and in no file.
                configuration = "\n".join(self._configuration(*files)).encode()
                environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self.folder)}
                return await Process.start(
                    [program, "-"], environment, self.folder, self.log, self.port, configuration, files
                )
            except OSError as problem:
                raise StoreFailed(f"{program} can't be run: {problem.strerror}") from None

    def _configuration(self, certificate: int, key: int) -> Iterator[str]:
        spec = self.spec
        yield from ("bind 127.0.0.1", "daemonize no", f"dir {_quoted(str(self.folder))}", 'logfile ""')
        if spec["tls"]:
            yield from ("port 0", f"tls-port {self.port}", "tls-auth-clients no")
            yield from (f"tls-cert-file /proc/self/fd/{certificate}", f"tls-key-file /proc/self/fd/{key}")
            yield 'tls-protocols "TLSv1.2 TLSv1.3"'
        else:
            yield f"port {self.port}"
        if spec.get("iam"):
            # Of Valkey's own users this is the one that AUTH with a single word means.
            yield f"user default on ~* &* +@all {' '.join(f'#{_hashed(token)}' for token in self._tokens())}"
            yield f"user {_KEEPER} on #{_hashed(self.password)} +ping"
        elif spec["auth"]:
            yield f"requirepass {_quoted(self.password)}"
        yield from (f"maxmemory {spec['memory']}", f"maxmemory-policy {spec['policy']}")
        # What is kept is kept to the last second, other than in Google Cloud: a developer's machine is restarted often.
        yield from ('save ""', f"appendonly {'yes' if spec['persistent'] else 'no'}", "appendfsync everysec")
        yield from (f'rename-command {command} ""' for command in _BLOCKED)

    def _tokens(self) -> list[str]:
        """The access tokens that open it."""
        return [store_token(self.cloud)]

    async def answers(self, within: float) -> bool:
        """Whether the server takes its password and commands: not while it still reads its data."""
        secure = ssl.create_default_context(cadata=self.certificates.authority) if self.spec["tls"] else None
        keeper = f"{_KEEPER} " if self.spec.get("iam") else ""
        known = f"AUTH {keeper}{self.password}\r\n" if self.spec["auth"] or keeper else ""
        try:
            async with asyncio.timeout(within):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=secure)
                try:
                    writer.write(f"{known}PING\r\n".encode())
                    if known:
                        await reader.readline()
                    return (await reader.readline()).startswith(b"+PONG")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    def access(self) -> dict[str, Any]:
        """What the provider passes on to those who may connect."""
        authority = self.certificates.authority if self.spec["tls"] else ""
        password = self.password if self.spec["auth"] and not self.spec.get("iam") else ""
        return {"port": self.port, "password": password, "authority": authority}


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
