"""The record of a deployment: what serves now, and how it came to be so."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from delivery.commands import REPOSITORY
from infra.local.files import write_whole

REPORTS = REPOSITORY / "reports"
JOB = "job"
"""What MODEL and a record say where the stack's own training job makes the models; `runner`, or nothing, where GitHub
does."""


@dataclass(frozen=True)
class Deployment:
    """What serves where: the far end of the trace from a score to its orders.

    `model_source` is `job` where the stack's own training job made the model. `run_commit` is the commit that the
    workflow's run stood at: a promotion runs at main, with the program of the release, which is `commit`. `canary` is
    what was found at each step of the canary, in words and figures.
    """

    stack: str
    commit: str
    tag: str | None
    image: str
    model_version: str
    manifest_sha256: str
    url: str
    outcome: str
    training_run: str = ""
    model_source: str = ""
    revision: str = ""
    run_commit: str = ""
    canary: list[dict[str, Any]] = field(default_factory=list)


def report(stack: str) -> Path:
    """Where the record of a stack's deployment lies for the steps that follow."""
    return REPORTS / f"deployment-{stack}.json"


def write(deployment: Deployment) -> None:
    """Keep the record for the steps that follow (`reports/`) and for `make trace` (`.local/deployments/`)."""
    text = json.dumps(asdict(deployment), indent=2) + "\n"
    kept = history_folder() / name_of(deployment)
    for path in (report(deployment.stack), kept):
        write_whole(path, text.encode())


def name_of(deployment: Deployment) -> str:
    """The name of its record. Models of the stack's own job follow each other within a release."""
    own = f"-{deployment.model_version}" if deployment.model_source == JOB else ""
    return f"{deployment.stack}-{deployment.tag or deployment.commit[:12]}{own}.json"


def history_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where this machine keeps the records of its deployments."""
    return Path(environment.get("LOCAL_CLOUD_HOME", REPOSITORY / ".local")) / "deployments"
