"""Running the engine for a person: what it prints, made readable; what a killed run left behind, cleared away."""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from infra.local import pulumi
from infra.local.errors import EXIT_ENVIRONMENT, LocalCloudError
from infra.local.files import read_object, write_whole
from infra.local.home import REPOSITORY, Home
from infra.local.services import all_resources
from infra.local.supervisor.process import die_with_parent

POLICIES = REPOSITORY / "policies"
_OPERATION = re.compile(
    r"^ [-+~><]{1,2} +\S+:\S+:\S+ .* (created|updated|deleted|replaced|created replacement|deleted original)\b"
)
_NOISE = re.compile(
    r"^@ |warning: using pulumi-|^Loading policy packs|^\s*pulumi:pulumi:Stack .* \d+ (warning|message)s?$|^Duration: "
    r"|^(Previewing|Updating|Destroying|Refreshing) "
)


@contextmanager
def alone(home: Home, stack: str) -> Iterator[None]:
    """One changing command at a time. The kernel frees the lock of a killed one."""
    home.ensure()
    path = home.root / f".{stack}.command.lock"
    with open(path, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise LocalCloudError(
                f"Another command is changing stack {stack} in {home.root} (pid {holder}). Wait for it, or end it, and"
                " run this again.",
                EXIT_ENVIRONMENT,
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def heal_state(home: Home, stack: str, whole: Mapping[str, str], project: Path = REPOSITORY) -> list[str]:
    """Clears away the lock and the unfinished operations of a killed run; what was done. Call it with the stack held
    `alone`.
    """
    state, path = home.state / ".pulumi", state_file(home, stack, project)
    done = [_restored(path)] if path.exists() and not _is_state(path) else []
    if any((state / "locks").rglob("*.json")):
        _quietly(["cancel", "--yes"], home, stack, whole, project)
        done.append("released the lock that a killed run left in the state")
    if latest_state(path).get("pending_operations"):
        _quietly(["refresh", "--yes", "--skip-preview", "--clear-pending-creates"], home, stack, whole, project)
        done.append("took up the unfinished operations of a killed run")
    return done


def state_file(home: Home, stack: str, project: Path = REPOSITORY) -> Path:
    """Where the engine keeps the state of a project's stack."""
    return home.state_file(str(pulumi.read_yaml(pulumi.project_file(project)).get("name")), stack)


def latest_state(path: Path) -> dict[str, Any]:
    """What the engine's file says there is: `resources`, `pending_operations`; empty where there is none."""
    latest: dict[str, Any] = ((read_object(path) or {}).get("checkpoint") or {}).get("latest") or {}
    return latest


def _is_state(path: Path) -> bool:
    """Whether a file is the engine's: anything else is damaged."""
    found = read_object(path, "checkpoint")
    return found is not None and isinstance(found["checkpoint"], dict)


def outputs_of(home: Home, stack: str, whole: Mapping[str, str], project: Path = REPOSITORY) -> dict[str, Any]:
    """The outputs of a project's stack."""
    command, folder = pulumi.prepare(["stack", "output", "--json"], home, stack, project, whole)
    told = subprocess.run(command, cwd=folder, env=dict(whole), capture_output=True, text=True)
    outputs: dict[str, Any] = json.loads(told.stdout or "{}")
    return outputs


def answers_of(home: Home, stack: str) -> Callable[[list[str]], str]:
    """Run commands of the engine on a stack for what they print. Raises LocalCloudError where one fails."""

    def said(words: list[str]) -> str:
        done = pulumi.run(words, home=home, stack=stack)
        if done.returncode:
            raise LocalCloudError(f"`pulumi {' '.join(words[:2])}` failed:\n{done.stdout.strip()}")
        return done.stdout

    return said


def _restored(path: Path) -> str:
    """Put the engine's own backup in place of a damaged state. Raises LocalCloudError where that is none, too."""
    backup = path.with_name(f"{path.name}.bak")
    if not _is_state(backup):
        raise LocalCloudError(
            f"The engine's state {path} is damaged, and there is no backup of it. Remove the file and run `make up`: it"
            " takes up what exists."
        )
    write_whole(path, backup.read_bytes())
    return "took the engine's backup of its state, which was damaged"


def _quietly(arguments: Sequence[str], home: Home, stack: str, whole: Mapping[str, str], project: Path) -> None:
    done = pulumi.captured(*pulumi.prepare(arguments, home, stack, project, whole), whole)
    if done.returncode:
        raise LocalCloudError(f"`pulumi {arguments[0]}` failed:\n{done.stdout.strip()}")


def policy_pack() -> list[str]:
    """The engine's arguments for the project's policy pack."""
    return ["--policy-pack", str(POLICIES)] if (POLICIES / "PulumiPolicy.yaml").exists() else []


@cache
def _kinds() -> dict[str, str]:
    """A type as the engine displays it (`gcp:storage:Bucket`) → its kind here."""
    return {re.sub(r"/[^:]*", "", token): resource.kind for token, resource in all_resources().items()}


def _with_kind(line: str) -> str:
    """A line about a resource with the resource's kind in front of it, and without the engine's asides. What the stack
    lets go of and the cloud keeps is not told as deleted.
    """
    line = line.replace(" deleted ", " forgotten ", 1) if "[retain]" in line else line
    shown = re.sub(r" ?\[(diff: .*|retain)\]?", "", line).rstrip()
    found = re.match(r"^( \S+\s+)(\S+)( .*)$", shown)
    if not found:
        return shown
    kind = _kinds().get(found[2]) or ("generic" if found[2].startswith(("gcp:", "docker:")) else "")
    return f"{found[1]}{kind:<9} {found[2]}{found[3]}"


class Transcript:
    """What the engine printed: passed on in full, or reduced to what happened and what is wrong."""

    def __init__(self, *, everything: bool) -> None:
        self.everything = everything
        self.lines: list[str] = []
        self.advisories = 0

    def take(self, line: str) -> None:
        """One line of the engine's output, as it comes."""
        self.lines.append(line)
        self.advisories += "- [advisory]" in line
        if self.everything:
            if not _NOISE.search(line):
                print(line, flush=True)
        elif _OPERATION.match(line) and "pulumi:pulumi:Stack" not in line and "orderguard:" not in line:
            print(_with_kind(line), flush=True)

    @property
    def unchanged(self) -> bool:
        """Whether the engine made, changed and deleted nothing."""
        return not any(_OPERATION.match(line) for line in self.lines)

    def problems(self) -> str:
        """The mandatory violations and the errors, as the engine told them in its summary."""
        kept: list[str] = []
        section, keeping = "", False
        for line in self.lines:
            if re.match(r"^[A-Z][A-Za-z ]+:$", line):
                section, keeping = line, False
            elif section == "Policies:":
                if line.lstrip().startswith("- ["):
                    keeping = "- [mandatory]" in line
                elif not line.startswith("        "):
                    keeping = False
                if keeping:
                    kept.append(line)
            elif section == "Diagnostics:" and not _NOISE.search(line):
                kept.append(line)
        text = "\n".join(kept).strip("\n")
        return text or "\n".join(line for line in self.lines if not _NOISE.search(line))[-4000:]


def engine(
    arguments: Sequence[str],
    home: Home,
    stack: str,
    whole: Mapping[str, str],
    transcript: Transcript,
    project: Path = REPOSITORY,
) -> int:
    """Run the engine in the project's folder and feed the transcript; the engine's exit code."""
    command, folder = pulumi.prepare(arguments, home, stack, project, whole)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=whole,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=die_with_parent,  # the lock of `alone` goes with this process: no engine may outlive it
    ) as process:
        assert process.stdout  # for the type checker  # nosec B101
        for line in process.stdout:
            transcript.take(line.rstrip("\n"))
    return process.returncode


def banner(home: Home, stack: str) -> None:
    """What this is and what it is not."""
    shown = os.path.relpath(home.root) if home.root.is_relative_to(Path.cwd()) else str(home.root)
    print(f"==> local cloud, stack {stack}: everything stays on this machine, in {shown}", flush=True)
    sys.stdout.flush()
