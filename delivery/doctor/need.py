"""One thing that a deployment needs: how it is looked for, and the command that brings it."""

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["here", "missing", "unknown"]
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """`state` is `here`, `missing`, or `unknown` where it can't be checked yet; `note` says what was found."""

    state: State
    note: str = ""


HERE = Finding("here")
MISSING = Finding("missing")


@dataclass(frozen=True)
class Need:
    """`command` brings it, as lines of a shell; `waits_for` names what has to be here first. What is `advised` alone
    stops nobody. A command that a person has to think about (`by_hand`) is shown and never run.
    """

    name: str
    look: Callable[["Machine"], Finding]
    command: str
    waits_for: tuple[str, ...] = ()
    advised: bool = False
    by_hand: bool = False


@dataclass(frozen=True)
class Machine:
    """Programs as this environment finds them."""

    environment: Mapping[str, str]

    def has(self, program: str) -> bool:
        return shutil.which(program, path=self.environment.get("PATH", "")) is not None

    def ask(self, line: str) -> str | None:
        """What a command line says, None where it fails, hangs or isn't there. Nothing of it is shown or kept."""
        command = shlex.split(line)
        if not self.has(command[0]):
            return None
        try:
            done = subprocess.run(
                command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None


def program(name: str) -> Callable[[Machine], Finding]:
    return lambda machine: HERE if machine.has(name) else MISSING


def answers(*commands: str) -> Callable[[Machine], Finding]:
    """Here where all of the commands succeed."""
    return lambda machine: MISSING if None in map(machine.ask, commands) else HERE


def says(expected: str, command: str) -> Callable[[Machine], Finding]:
    """Here where the command says this, whatever its case."""

    def look(machine: Machine) -> Finding:
        said = machine.ask(command)
        return HERE if said is not None and said.lower() == expected else Finding("missing", said or "")

    return look


def lists(wanted: Sequence[str], command: str) -> Callable[[Machine], Finding]:
    """Here where the command lists all of `wanted`, one a line; else what it lacks."""

    def look(machine: Machine) -> Finding:
        said = machine.ask(command)
        lacking = [name for name in wanted if name not in (said or "").split()]
        if said is None or lacking:
            return Finding("missing", ", ".join(lacking))
        return HERE

    return look


def examine(needs: Sequence[Need], machine: Machine) -> dict[str, Finding]:
    """How each need stands. What waits for something that isn't here is unknown, and isn't looked at."""
    found: dict[str, Finding] = {}
    for need in needs:
        waiting = [name for name in need.waits_for if found[name].state != "here"]
        found[need.name] = Finding("unknown", f"first: {waiting[0]}") if waiting else need.look(machine)
    return found
