"""The executions of the stack's workflows: started by an event, listed while they run, each in a process of its own."""

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.local import clock
from infra.local.cloud import Cloud, Record
from infra.local.workflows import Call, Function, WorkflowError, execute, match_regex
from orderguard.private_files import make_private_folder, open_private

RUN = "googleapis.run.v2.projects.locations.jobs.run"
LIST = "googleapis.workflowexecutions.v1.projects.locations.workflows.executions.list"
ACTIVE = 'state="ACTIVE"'


def run_workflow(cloud: Cloud, workflow: Record, argument: object, run: Call, *, waits: bool) -> None:
    """Execute a workflow's source for an argument; `run` is what its call of Cloud Run's connector does. It sleeps by
    the stack's clock; where it doesn't wait, not at all. Raises `WorkflowError`.
    """
    with _under_way(_folder(cloud, workflow.id)) as execution:
        environment = {"GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": execution.name}
        calls: dict[str, Call] = {
            "sys.sleep": lambda asked: _sleep(cloud, execution, asked) if waits else None,
            LIST: lambda asked: _listed(cloud, workflow.id, asked),
            RUN: run,
        }
        functions: dict[str, Function] = {
            "text.match_regex": match_regex,
            "sys.get_env": lambda name: environment[name],
        }
        execute(str(workflow.inputs.get("sourceContents", "")), argument, calls, functions)


def _folder(cloud: Cloud, workflow: str) -> Path:
    return cloud.run / "executions" / cloud.short(workflow)


@contextmanager
def _under_way(folder: Path) -> Iterator[Path]:
    """An execution: a file that its process holds a lock on, named by when it was started. It holds the moment until
    which the execution sleeps.
    """
    make_private_folder(folder)
    name = f"{time.time_ns():020}-{uuid4()}"
    path, aside = folder / name, folder / f".{name}"
    with open_private(aside, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        aside.rename(path)  # locked when it is first seen
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _sleep(cloud: Cloud, execution: Path, asked: Mapping[str, Any]) -> None:
    until = clock.now(cloud) + timedelta(seconds=float(asked["seconds"]))
    execution.write_text(f"{until:%Y-%m-%dT%H:%M:%SZ}")
    clock.wait_until(cloud, until)
    execution.write_text("")


def under_way(cloud: Cloud, workflow: str) -> list[str]:
    """Of each execution of a workflow that is active, the oldest first: until when it sleeps; empty where it works."""
    found = []
    for path in sorted(_folder(cloud, workflow).glob("[!.]*")):
        with suppress(FileNotFoundError):
            found += [path.read_text()] if _runs(path) else []
    return found


def _listed(cloud: Cloud, own: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `executions.list` for the executions of this workflow that are active, the oldest first."""
    if asked.get("parent") != own:
        raise WorkflowError(f"workflow {asked.get('parent')} not found (this is {own})")
    if (asked.get("filter"), asked.get("orderBy")) != (ACTIVE, "startTime"):
        raise WorkflowError(f"executions are listed with filter {ACTIVE} and orderBy startTime here, and not otherwise")
    active = [path.name for path in sorted(_folder(cloud, own).glob("[!.]*")) if _runs(path)]
    names = active[: int(asked.get("pageSize") or 100)]
    return {"executions": [{"name": f"{own}/executions/{name}", "state": "ACTIVE"} for name in names]}


def _runs(path: Path) -> bool:
    """Whether the process of an execution lives; the file of one that was killed is removed."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
