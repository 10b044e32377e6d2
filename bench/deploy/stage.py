"""A clone of the repository with a stack of its own on a local cloud, whose deployments can be killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from infra.local.cloud import Cloud
from infra.local.home import REPOSITORY, Home
from infra.local.services import secretmanager

STACK = "local"
STEP = "==> "
COUNTER = "requestTimeoutSeconds"
PROGRAM = "app/scoring/handlers.py"
FAULTS = {
    "answers 500": (
        "        record, source = exchange.record, exchange.source\n",
        "        raise RuntimeError('broken')\n",
    ),
    "scores otherwise": (
        "        encoded = _encoder.encode(scored.answer)\n",
        "        encoded = encoded.replace(b'\"score\":0.', b'\"score\":0.0')\n",
    ),
}
"""What is wrong with a release: the line of the program after which it goes, and what goes there."""


class Kill(NamedTuple):
    """When to kill a deployment: so many seconds after the step that begins with these words. `fault` is what is wrong
    with its release, one of `FAULTS`."""

    step: str
    after: float = 0.0
    fault: str = ""


class Told(NamedTuple):
    """A line of a deployment, and when it came."""

    at: float
    text: str


@dataclass
class Ended:
    """A deployment's exit code (a negative one is the signal that killed it) and what it told."""

    code: int = 0
    lines: list[Told] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True)
class Stage:
    """A clone and its local cloud."""

    clone: Path
    home: Home
    port: int

    @property
    def cloud(self) -> Cloud:
        return Cloud(self.home, STACK)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PULUMI_", "GITHUB_", "GOOGLE_", "IMAGE_", "MODEL_", "CANARY_"))
        }
        models = REPOSITORY / os.environ.get("MODELS_DIR", "models")
        own = {"STACK": STACK, "CANARY_MINUTES": "0", "SEED_HISTORIES": "off", "MODELS_DIR": str(models.resolve())}
        return {**kept, **own, "LOCAL_CLOUD_HOME": str(self.home.root)}

    def command(self, *words: str) -> None:
        """Run `python -m WORDS` in the clone. Raises RuntimeError with its output where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=self.clone, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")

    def configure(self, **settings: object) -> None:
        """Change settings of the stack: one that a container has makes the next deployment a new revision."""
        path = self.clone / f"Pulumi.{STACK}.yaml"
        content = yaml.safe_load(path.read_text())
        content["config"].update({f"orderguard:{name}": value for name, value in settings.items()})
        path.write_text(yaml.safe_dump(content))

    def next_release(self, fault: str = "") -> None:
        """Make the next deployment a revision of its own: another time-out, and with a fault another program."""
        path = self.clone / f"Pulumi.{STACK}.yaml"
        before = yaml.safe_load(path.read_text())["config"].get(f"orderguard:{COUNTER}", 100)
        self.configure(**{COUNTER: before + 1})
        program = self.clone / PROGRAM
        whole = program.read_text()
        for _, wrong in FAULTS.values():
            whole = whole.replace(wrong, "")
        if fault:
            line, wrong = FAULTS[fault]
            whole = whole.replace(line, line + wrong, 1)
        program.write_text(whole)

    def api_key(self) -> str:
        """What callers send."""
        return secretmanager.value(self.cloud, f"orderguard-{STACK}-api-key", "latest").partition(",")[0]

    def deploy(self, kill: Kill | None = None, **variables: str) -> Ended:
        """Run a deployment; with `kill` it is ended with all that it started, as when its machine is lost."""
        ended = Ended()
        with subprocess.Popen(
            [sys.executable, "-m", "delivery", "deploy"],
            cwd=self.clone,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout  # for the type checker  # nosec B101
            for line in process.stdout:
                ended.lines.append(Told(time.monotonic(), line.rstrip("\n")))
                if kill and line.startswith(STEP + kill.step):
                    time.sleep(kill.after)
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            process.wait()
            ended.code = process.returncode
        return ended

    def record(self) -> Mapping[str, object]:
        """The record of the newest deployment that ended by itself."""
        found: Mapping[str, object] = json.loads(
            (self.clone / "reports" / f"deployment-{STACK}.json").read_text(encoding="utf-8")
        )
        return found


@contextmanager
def stage(folder: Path, port: int, steps: list[int]) -> Iterator[Stage]:
    """A stack that serves, in a clone under `folder` with what this tree has changed; it is taken down at the end."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(REPOSITORY), str(clone)], check=True)
    changed = ["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"]
    for name in subprocess.run(changed, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, clone / name)
    made = Stage(clone, Home(folder / "home"), port)
    made.configure(canarySteps=steps, historyStore="off", maxInstances=1)
    try:
        made.command("infra.local", "up", "--port", str(port))
        made.command("delivery", "record-model")
        yield made
    finally:
        subprocess.run(
            [sys.executable, "-m", "infra.local", "down"], cwd=clone, env=made.environment, capture_output=True
        )
