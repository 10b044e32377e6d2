"""A small program outside the repository, and the commands that a stranger would give for it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.apis.identity import owner_headers
from infra.local.cloud import Cloud
from infra.local.commands.engine_run import latest_state, state_file
from infra.local.home import REPOSITORY, Home
from infra.local.ports import straight
from infra.local.programs.project import HOME_VARIABLE
from infra.local.supervisor import client

STACK = "test"
SECRET = "the-secret-value"  # of nothing  # nosec B105
KEPT = "kept/orders.ndjson"
_SERVER = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({name: os.environ.get(name) for name in ("GREETING", "KEY", "PORT")}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass

http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
_PROGRAM = """
import pulumi


class Made(pulumi.CustomResource):  # without the SDK's classes, whose import is half of a run
    def __init__(self, token, name, inputs, *outputs, after=()):
        options = pulumi.ResourceOptions(depends_on=list(after))
        super().__init__(token, name, {**inputs, **{one: None for one in outputs}}, options)

    def __getitem__(self, output):
        return self.__dict__[output]


bucket = Made("gcp:storage/bucket:Bucket", "raw", {"location": "EU", "forceDestroy": True}, "name")
note = {"bucket": bucket["name"], "name": "a/note.txt", "content": "hello"}
Made("gcp:storage/bucketObject:BucketObject", "note", note)
key = Made("gcp:secretmanager/secret:Secret", "key", {"secretId": "key", "replication": {"auto": {}}})
value = {"secret": key.id, "secretData": pulumi.Output.secret("the-secret-value")}
version = Made("gcp:secretmanager/secretVersion:SecretVersion", "key", value)
account = Made("gcp:serviceaccount/account:Account", "scorer", {"accountId": "scorer"}, "email", "member")
repository = {"repositoryId": "images", "format": "DOCKER", "location": "europe-west1"}
images = Made("gcp:artifactregistry/repository:Repository", "images", repository, "registryUri")
build = {"context": ".", "dockerfile": "Dockerfile"}
name = pulumi.Output.concat(images["registryUri"], "/web:1")
image = Made("docker:index/image:Image", "web", {"imageName": name, "build": build}, "repoDigest")
grant = {"secretId": "key", "role": "roles/secretmanager.secretAccessor", "member": account["member"]}
may_read = Made("gcp:secretmanager/secretIamMember:SecretIamMember", "key", grant, after=[key])
variables = [
    {"name": "GREETING", "value": pulumi.Config().require("greeting")},
    {"name": "KEY", "valueSource": {"secretKeyRef": {"secret": "key", "version": "latest"}}},
]
template = {"serviceAccount": account["email"], "containers": [{"image": image["repoDigest"], "envs": variables}]}
wanted = {"name": "web", "location": "europe-west1", "deletionProtection": False, "template": template}
service = Made("gcp:cloudrunv2/service:Service", "web", wanted, "uri", after=[version, may_read])
pulumi.export("url", service["uri"])
pulumi.export("bucket", bucket["name"])
"""


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its code, what it printed, how long it took."""

    code: int
    text: str
    seconds: float

    @property
    def clear(self) -> bool:
        """Whether it explained itself, without a traceback."""
        return "Traceback" not in self.text and (self.code == 0 or "error" in self.text)


class Stage:
    """One project with a home of its own."""

    def __init__(self, folder: Path, name: str = "small") -> None:
        self.folder = folder / name
        self.home = Home(folder / f"{name}-home")
        self.folder.mkdir(parents=True)
        (self.folder / "Pulumi.yaml").write_text(
            f"name: {name}\nruntime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
        )
        (self.folder / "__main__.py").write_text(_PROGRAM)
        (self.folder / "server.py").write_text(_SERVER)
        (self.folder / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python", "server.py"]\n')
        (self.folder / ".dockerignore").write_text("Pulumi.*\n__main__.py\n")
        self.greet("hello")

    @property
    def cloud(self) -> Cloud:
        return Cloud(self.home, STACK)

    @property
    def state(self) -> Path:
        return state_file(self.home, STACK, self.folder)

    def greet(self, greeting: str) -> None:
        """What the service is to say after the next `up`."""
        self.greeting = greeting
        lines = ("gcp:project: a-project", "gcp:region: europe-west1", f"{self.folder.name}:greeting: {greeting}")
        (self.folder / f"Pulumi.{STACK}.yaml").write_text("config:\n" + "".join(f"  {line}\n" for line in lines))

    def begin(self, word: str) -> "subprocess.Popen[str]":
        """Start a command of the local cloud for this project."""
        words = [sys.executable, "-m", "infra.local.programs.cli", word]
        return subprocess.Popen(
            [*words, "--project", str(self.folder), "--stack", STACK],
            cwd=REPOSITORY,
            env={**os.environ, HOME_VARIABLE: str(self.home.root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, word: str) -> Ended:
        """Run a command to its end."""
        begun = time.monotonic()
        with self.begin(word) as process:
            text, _ = process.communicate()
        return Ended(process.returncode, text, time.monotonic() - begun)

    def kill(self, word: str, after: float, *, tree: bool) -> bool:
        """Start a command and kill it after so many seconds: alone, or with all that it started. False where it had
        ended by itself.
        """
        process = self.begin(word)
        try:
            process.communicate(timeout=after)
            return False
        except subprocess.TimeoutExpired:
            killed = descendants(process.pid) if tree else [process.pid]
            for pid in killed:
                _end(pid)
            process.communicate()
            return True

    def kill_supervisor(self) -> None:
        """End what keeps the services alive, and wait until it is gone with all that it had open."""
        if supervisor := client.running(self.cloud):
            _end(supervisor)
            while Path(f"/proc/{supervisor}/fd").is_dir() and client.running(self.cloud):
                time.sleep(0.02)

    def answer(self) -> dict[str, Any]:
        """What the service says; empty where it does not answer."""
        outputs = self.outputs()
        try:
            url = str(outputs.get("url"))
            asked = urllib.request.Request(url, headers=owner_headers(self.cloud, url))
            with straight().open(asked, timeout=20) as answer:
                found: dict[str, Any] = json.loads(answer.read())
                return found
        except (OSError, ValueError, urllib.error.URLError):
            return {}

    def outputs(self) -> dict[str, Any]:
        """What the state says that the program exported."""
        stacks = [
            one for one in latest_state(self.state).get("resources") or () if one["type"] == "pulumi:pulumi:Stack"
        ]
        return dict(stacks[0].get("outputs") or {}) if stacks else {}

    @property
    def well(self) -> bool:
        """Whether the service answers as the program says, and nothing of the state is unfinished."""
        told = self.answer()
        says_so = (told.get("GREETING"), told.get("KEY")) == (self.greeting, SECRET)
        return says_so and not latest_state(self.state).get("pending_operations")

    @property
    def gone(self) -> bool:
        """Whether nothing of the stack is left: no record, no process."""
        return not any(self.cloud.all()) and client.running(self.cloud) is None

    def keep(self) -> Path:
        """Put an object of a person's own into the bucket: no command but `down` may lose it."""
        path = self.cloud.bucket(str(self.outputs()["bucket"])) / KEPT
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")
        return path


def descendants(pid: int) -> list[int]:
    """A process and all that it started, but for what outlives it on purpose."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], [])
    return found


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextmanager
def stage(folder: Path, name: str = "small") -> Iterator[Stage]:
    """A project whose processes are gone at the end."""
    made = Stage(folder, name)
    try:
        yield made
    finally:
        client.stop(made.cloud, 5.0)


def several(stages: Sequence[Stage], word: str) -> list[Ended]:
    """Run a command for each at once."""
    begun = time.monotonic()
    processes = [made.begin(word) for made in stages]
    done = []
    for process in processes:
        text, _ = process.communicate()
        done.append(Ended(process.returncode, text, time.monotonic() - begun))
    return done
