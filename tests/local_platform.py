"""The platform on the local cloud, brought up from a copy of the tree by the command that people use."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.apis.identity import owner_headers
from infra.local.cloud import Cloud
from infra.local.home import Home

REPOSITORY = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 120.0
ANSWER_SECONDS = 60.0


def copy_of_the_tree(target: Path) -> Path:
    """The tree as it stands, without what git ignores; the models and the virtual environment are shared."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target / name)
    return target


def status_through(balancer: Mapping[str, Any], domain: str, path: str, headers: Mapping[str, str]) -> int:
    """The status of a GET of a domain by way of a load balancer of the local cloud."""
    port = int(str(balancer["url"]).rpartition(":")[2])
    trust = ssl.create_default_context(cafile=str(balancer["authority"]))
    lines = [f"GET {path} HTTP/1.1", f"Host: {domain}", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as plain:
        with trust.wrap_socket(plain, server_hostname=domain) as connection, connection.makefile("rb") as answer:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            return int(answer.readline().split()[1])


@dataclass
class Platform:
    """One stack of one tree on a local cloud of its own."""

    tree: Path
    home: Path
    port: int
    stack: str = "local"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        models = REPOSITORY / os.environ.get("MODELS_DIR", "models")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "GOOGLE_"))}
        return {**kept, "LOCAL_CLOUD_HOME": str(self.home), "MODELS_DIR": str(models.resolve())}

    def command(self, *words: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`python -m infra.local …` for this stack, as the Makefile runs it; returned whether it succeeds or not.

        It runs under the umask that keeps nothing private: what is private all the same was made so.
        """
        return self._run([sys.executable, "-m", "infra.local", *words, "--stack", self.stack], extra or {})

    def preview(self) -> subprocess.CompletedProcess[str]:
        """What `make preview` runs."""
        return self._run([sys.executable, "-m", "delivery", "preview"], {"STACK": self.stack})

    def _run(self, line: list[str], extra: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **extra}
        return subprocess.run(
            line, cwd=self.tree, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, umask=0
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.command("up", "--port", str(self.port))

    def headers(self) -> dict[str, str]:
        name, _, value = (self.home / "api-key.header").read_text().strip().partition(":")
        own = owner_headers(Cloud(Home(self.home), self.stack), self.url)
        return {"Content-Type": "application/json", name.strip(): value.strip(), **own}

    def get(
        self, path: str, timeout: float = ANSWER_SECONDS, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        request = urllib.request.Request(f"{self.url}{path}", headers={**self.headers(), **(headers or {})})
        return self._ask(request, timeout)

    def post(self, path: str, body: Any, timeout: float = ANSWER_SECONDS) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask(urllib.request.Request(f"{self.url}{path}", content, self.headers()), timeout)

    def _ask(self, request: urllib.request.Request, timeout: float) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def answers(self) -> bool:
        """Whether the service is ready at this moment."""
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, ValueError):
            return False

    def wait_until_it_answers(self, seconds: float = WAIT_SECONDS) -> float:
        """Ask until the service is ready; returns how long that took. Raises AssertionError after `seconds`."""
        begun = time.monotonic()
        while not self.answers():
            assert time.monotonic() - begun < seconds, f"the service did not answer within {seconds} s"
            time.sleep(0.02)
        return time.monotonic() - begun
