"""Finding, starting, asking and stopping the supervisor of a stack."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.containers.engines import OF_ENGINES
from infra.local.errors import LocalCloudError
from infra.local.files import read_object
from infra.local.home import LAUNCH, bytecode_cache, user_cache
from infra.local.supervisor.control import NAME, ask, code_version
from infra.local.supervisor.scaling import IDLE_VARIABLE, MOST_VARIABLE, limits
from orderguard.private_files import make_private_folder, open_private

_START_SECONDS = 30.0
_KILL_SECONDS = 5.0  # until the kernel has ended a killed process


class SupervisorError(LocalCloudError):
    """The supervisor could not be started or did not answer."""


def running(cloud: Cloud) -> int | None:
    """The pid of the stack's supervisor, or None. It holds a lock for as long as it lives, so a stale pid can't
    deceive. Those who only look share the lock, else they would take each other for it.
    """
    path = cloud.run / "supervisor.lock"
    if not path.exists():
        return None
    with open(path, "rb+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            noted = lock.read().strip()
            return int(noted) if noted.isdigit() else _told_pid(cloud)
        return None


def _told_pid(cloud: Cloud) -> int | None:
    """The pid that the supervisor itself tells, where its file is damaged; None where it is only starting."""
    try:
        return int(ask(cloud.run, {"do": "status"}, 5.0)["pid"])
    except (OSError, ValueError, KeyError):
        return None


def request(cloud: Cloud, what: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
    """Asks the running supervisor. Raises SupervisorError where there is none."""
    try:
        return ask(cloud.run, what, timeout)
    except OSError as problem:
        raise SupervisorError(f"the supervisor of stack {cloud.stack} does not answer: {problem}") from None


def apis(cloud: Cloud) -> dict[str, int]:
    """The ports of the stack's interfaces, by name. The supervisor opens them, and is started where none runs."""
    known: dict[str, int] | None = read_object(cloud.run / "apis.json")
    if known is None or not running(cloud):
        ensure(cloud)
        known = read_object(cloud.run / "apis.json")
    if known is None:
        raise SupervisorError(f"the supervisor of stack {cloud.stack} opened no interfaces; see its log")
    return known


def stop_if_idle(cloud: Cloud) -> None:
    """Stops a supervisor that keeps nothing alive."""
    status = request(cloud, {"do": "status"})
    if not status["services"] and not status["stores"] and not _keeps(cloud):
        stop(cloud)


def ensure(cloud: Cloud) -> None:
    """Starts the supervisor where none runs, and waits until it answers; it takes up the services that are on the
    disk.
    """
    make_private_folder(cloud.run)
    make_private_folder(cloud.logs)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if not running(cloud):
            _start(cloud)
        elif _answers(cloud):
            return
        time.sleep(0.02)
    raise SupervisorError(f"the supervisor of stack {cloud.stack} did not start; see {cloud.logs / 'supervisor.log'}")


def revive(cloud: Cloud) -> None:
    """Starts the supervisor again where it should keep something alive and has ended."""
    if _keeps(cloud) and not running(cloud):
        ensure(cloud)


def heal(cloud: Cloud) -> list[str]:
    """The same, and anew where the supervisor that runs is of older code; what was done."""
    if not _keeps(cloud):
        return []
    done = [] if running(cloud) else ["started the services again"]
    told = {} if done else request(cloud, {"do": "status"})
    asked = {name: os.environ[name] for name in (IDLE_VARIABLE, MOST_VARIABLE) if name in os.environ}
    if told and told.get("code") != code_version():
        done.append("restarted the services: the local cloud's own code has changed")
    elif told and asked and told.get("limits") != asdict(limits()):
        done.append(f"restarted the services with {' and '.join(asked)}")
    if told and done:
        stop(cloud)
    ensure(cloud)
    return done


def _keeps(cloud: Cloud) -> bool:
    """Whether services or stores should be running, or something is watched for."""
    return any(
        path for what in ("services", "stores", "watched", "balancers") for path in (cloud.run / what).glob("*.json")
    )


def _left(cloud: Cloud, longest: float) -> int | None:
    """The pid of the supervisor if it still runs after so many seconds, None as soon as it doesn't."""
    deadline = time.monotonic() + longest
    while (pid := running(cloud)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return pid


def _answers(cloud: Cloud) -> bool:
    try:
        return bool(ask(cloud.run, {"do": "status"}, 5.0)["ok"])
    except (OSError, ValueError):
        return False


def _start(cloud: Cloud) -> None:
    with open_private(cloud.logs / "supervisor.log", "ab") as log:
        subprocess.run(
            [sys.executable, str(LAUNCH), "infra.local.supervisor", str(cloud.home.root), cloud.stack],
            cwd="/",
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "LANG": "C.UTF-8",
                "PYTHONPYCACHEPREFIX": str(bytecode_cache()),
                "XDG_CACHE_HOME": str(user_cache().parent),
                **{
                    name: os.environ[name] for name in (IDLE_VARIABLE, MOST_VARIABLE, *OF_ENGINES) if name in os.environ
                },
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )


def stop(cloud: Cloud, longest: float = 30.0) -> None:
    """Stops the supervisor and all its instances, and waits until they are gone. After `longest` seconds it is killed,
    and its instances with it.
    """
    if running(cloud):
        try:
            ask(cloud.run, {"do": "stop"}, 5.0)
        except OSError:
            pass
    if pid := _left(cloud, longest):
        os.kill(pid, signal.SIGKILL)
        _left(cloud, _KILL_SECONDS)
    Path(cloud.run / NAME).unlink(missing_ok=True)
