"""One stack, on Google Cloud or on the local cloud, through the same engine and the same program.

PULUMI_BACKEND_URL decides: where it names a backend (`gs://…`), the engine works on Google Cloud with the caller's
credentials; where it is empty, on the local cloud. Values that belong to one deployment (image digests, model version,
canary) are given as overrides; the stack's file stays as it is.
"""

import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from delivery.commands import REPOSITORY, follow, run
from delivery.errors import DeliveryError
from delivery.previews.steps import UNKNOWN
from infra import former_versions, local_upgrade
from infra.local import pulumi as local_pulumi
from infra.local.commands.engine_run import alone, heal_state
from infra.local.engine import environment as engine_environment
from infra.local.engine.install import ensure_engine
from infra.local.home import Home, home_from

POLICY_PACK = str(REPOSITORY / "policies")
POLICY_OPTIONS = "ORDERGUARD_POLICIES"
"""The environment variable that the pack takes its options from."""
_EVENT_LOG = {"PULUMI_DEBUG_COMMANDS": "1"}
"""The engine shows `--event-log` only to those who ask for its debug commands."""
_NOT_READ = (
    "**gcp:secretmanager/secretVersion:SecretVersion**",
    "**gcp:redis/instance:Instance**",
    "**gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy**",
)
"""What whoever previews may not read: keys, and that for which Google has no role that reads alone."""
RUN_PROGRAM = ("up", "preview", "refresh")
CHANGING = ("up", "refresh")
PROJECT = "orderguard"
SERVICE = "orderguard:platform:ScoringService$gcp:cloudrunv2/service:Service::scorer"
"""The scoring service, as the engine names it within a stack."""
JOBS = "**gcp:cloudrunv2/job:Job::**"
"""The stack's jobs, for the engine's `--target`."""
TAKE_LOCK = "TAKE_LOCK"
LOCKED = (
    "\nA deployment that was cut off leaves its lock behind. Make sure that none is running, then run this again with "
    f"{TAKE_LOCK}=1, which removes the lock first (pulumi cancel --stack STACK)."
)


def on_google_cloud(environment: Mapping[str, str]) -> bool:
    """Whether this environment names a backend of its own, which the local cloud never does."""
    return bool(environment.get("PULUMI_BACKEND_URL"))


@dataclass(frozen=True)
class Stack:
    """A stack by name. Every method raises `DeliveryError` with the engine's own words where the engine fails."""

    name: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    settings: Path | None = None
    """The stack's file; None for the one in the repository."""
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Its outputs, until this process changes the stack: the engine takes a second to tell them."""

    @property
    def file(self) -> Path:
        """Where the stack's settings stand."""
        return self.settings or REPOSITORY / f"Pulumi.{self.name}.yaml"

    def setting(self, name: str, of: str = "orderguard") -> str:
        """One of the stack's own settings (`domain`), as its file says; empty where it says nothing. `of` is whose
        setting it is: `gcp` for project and region.
        """
        found = yaml.safe_load(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
        return str((found.get("config") or {}).get(f"{of}:{name}", ""))

    def canary_steps(self) -> list[int]:
        """The shares of the traffic, in percent, that a new revision gets one after the other."""
        return [int(step) for step in local_pulumi.setting(self.name, f"{PROJECT}:canarySteps")]

    def canary_minutes(self) -> float:
        """How long real callers' answers are gathered at each step; CANARY_MINUTES in the environment goes first."""
        chosen = self.environment.get("CANARY_MINUTES")
        return float(chosen or local_pulumi.setting(self.name, f"{PROJECT}:canaryMinutes"))

    def up(self, overrides: Mapping[str, str], message: str) -> str:
        """Deploy with the policy pack. `overrides` are settings of this deployment alone (`imageDigest` →
        `sha256:…`)."""
        return self._engine(
            ["up", "--yes", "--skip-preview", "--policy-pack", POLICY_PACK, "--message", message, *_settings(overrides)]
        )

    def up_jobs(self, overrides: Mapping[str, str], message: str) -> str:
        """Deploy the stack's jobs and outputs with these settings, and nothing else of it."""
        arguments = ["up", "--yes", "--skip-preview", "--policy-pack", POLICY_PACK, "--target", JOBS]
        return self._engine([*arguments, "--message", message, *_settings(overrides)])

    def up_parts(self, parts: Sequence[str], message: str) -> str:
        """Deploy some resources alone: those whose URN fits one of these patterns. Without the policy pack, which looks
        at a stack as a whole; every `up` of it is held to that."""
        targets = [word for part in parts for word in ("--target", part)]
        return self._engine(["up", "--yes", "--skip-preview", "--message", message, *targets])

    def refresh_service(self) -> str:
        """Have the state say of the scoring service what is there: traffic was moved past the engine. Nothing is built,
        and the program does not run."""
        service = f"urn:pulumi:{self.name}::{PROJECT}::{SERVICE}"
        return self._engine(["refresh", "--yes", "--skip-preview", "--target", service])

    def preview(self, events: Path, reports: Path, arguments: Sequence[str] = ()) -> str:
        """Preview with the policy pack; the engine's events go to `events`, one JSON object a line, what the rules say
        to files in `reports`.
        """
        reporting = {POLICY_OPTIONS: f"--report {shlex.quote(str(reports))}"}
        stack = replace(self, environment={**self.environment, **reporting})
        return stack._engine(["preview", "--policy-pack", POLICY_PACK, "--event-log", str(events), *arguments])

    def refresh_preview(self, events: Path) -> str:
        """Compare the state with what the cloud holds, and change neither; the engine's events go to `events`. What the
        provider reads keys for is left out: whoever previews may not.
        """
        left_out = [word for pattern in _NOT_READ for word in ("--exclude", pattern)]
        return self._engine(["refresh", "--preview-only", "--event-log", str(events), *left_out])

    def let_go_of_versions(self) -> list[str]:
        """Take the secret versions that a former release made out of the state; their names. They stay where they are
        kept. An `up` of this release is refused before that, since it would destroy them."""
        if on_google_cloud(self.environment):
            return former_versions.let_go(self._on_google_cloud)
        home = home_from(self.environment)
        with self._alone(home):
            return local_upgrade.let_go_of_versions(home, self.name)

    def exported(self) -> str:
        """The state as JSON, with the values of its secrets: for who deploys, and not to be kept."""
        return self._engine(["stack", "export", "--show-secrets"])

    def command(self, arguments: Sequence[str], folder: Path) -> str:
        """Run a command of the engine in a folder with settings of its own."""
        return run(
            ["pulumi", *arguments, "--stack", self.name, "--non-interactive", "--color", "never"],
            folder=folder,
            environment=self._whole(),
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, without secrets; empty where the stack was never deployed. What an `up` of a part of the
        stack left unknown is not there."""
        if not self._known:
            found: dict[str, Any] = json.loads(self._engine(["stack", "output", "--json"]) or "{}")
            self._known.update({name: value for name, value in found.items() if value != UNKNOWN})
        return dict(self._known)

    def released_commit(self, image: str = "") -> str:
        """The commit of the newest release that got all traffic, of those with this image where one had it. Empty where
        there was none."""
        finished = self._finished()
        known = [one for one in finished if _setting_of(one, "imageDigest") == image.partition("@")[2] != ""]
        return next((str(one.get("environment", {}).get("git.head", "")) for one in known or finished), "")

    def trainer_of(self, digest: str) -> str:
        """The digest of the training job's image that was released with the service's; empty where that isn't known."""
        found = (one for one in self._finished() if digest and _setting_of(one, "imageDigest") == digest)
        return next((_setting_of(one, "trainerImageDigest") for one in found), "")

    def _finished(self) -> list[dict[str, Any]]:
        """The updates that gave a release all traffic, the newest first: a deployment's last `up` has the release's
        name alone as its message."""
        listed = json.loads(self._engine(["stack", "history", "--json", "--page-size", "100"]) or "[]")
        done = (one for one in listed if one["kind"] == "update" and one["result"] == "succeeded")
        return [one for one in done if one.get("message") and ":" not in one["message"]]

    def _engine(self, arguments: list[str]) -> str:
        if _changes(arguments):
            self._known.clear()
        if on_google_cloud(self.environment):
            return self._on_google_cloud(arguments)
        home = home_from(self.environment)
        with self._alone(home) if _changes(arguments) else nullcontext():
            done = local_pulumi.run(arguments, home=home, stack=self.name, variables=self.environment, extra=_EVENT_LOG)
        if done.returncode:
            raise DeliveryError(
                f"pulumi {arguments[0]} of stack {self.name} ended with exit code {done.returncode}:\n"
                f"{done.stdout.strip()}"
            )
        return done.stdout

    @contextmanager
    def _alone(self, home: Home) -> Iterator[None]:
        """As the only one that changes the stack, with what a killed run left behind cleared away."""
        with alone(home, self.name):
            for done in heal_state(home, self.name, engine_environment(home, stack=self.name)):
                print(f"==> {done}", flush=True)
            yield

    def _whole(self) -> dict[str, str]:
        engine = ensure_engine(variables=self.environment)
        path = os.pathsep.join(
            [str(engine.pulumi.parent), str(Path(sys.executable).parent), self.environment.get("PATH", os.defpath)]
        )
        return {**self.environment, **_EVENT_LOG, "PATH": path, "PULUMI_SKIP_UPDATE_CHECK": "1"}

    def _on_google_cloud(self, arguments: list[str]) -> str:
        environment = self._whole()
        with tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / f"Pulumi.{self.name}.yaml"
            shutil.copy(self.file, settings)
            # Nobody watches a command that only reads: its output is data, or shown otherwise.
            act = follow if _changes(arguments) else run
            chosen = ["--config-file", str(settings)] if arguments[0] in RUN_PROGRAM else []
            own = ["--stack", self.name, "--non-interactive", "--color", "never"]
            command = ["pulumi", *arguments, *chosen, *own]
            try:
                return act(command, environment=environment)
            except DeliveryError as problem:
                if "currently locked" not in str(problem):
                    raise
                if self.environment.get(TAKE_LOCK) != "1":
                    raise DeliveryError(f"{problem}{LOCKED}") from None
            print(f"==> {self.name} is locked; {TAKE_LOCK} is 1, so the lock is removed", flush=True)
            run(["pulumi", "cancel", "--yes", *own], environment=environment)
            return act(command, environment=environment)


def _changes(arguments: Sequence[str]) -> bool:
    """Whether these words of the engine's change the stack or its state."""
    return arguments[0] in CHANGING and "--preview-only" not in arguments


def _setting_of(update: Mapping[str, Any], name: str) -> str:
    """A setting that an update was made with, as the engine's history tells; empty without."""
    return str(((update.get("config") or {}).get(f"{PROJECT}:{name}") or {}).get("value", ""))


def _settings(overrides: Mapping[str, str]) -> list[str]:
    return [word for name, value in overrides.items() for word in ("--config", f"orderguard:{name}={value}")]
