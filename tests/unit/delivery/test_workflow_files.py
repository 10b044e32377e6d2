"""What one machine can't tell of the workflows: which rights, settings and tools each job has where GitHub runs it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
WITHOUT_PYTHON = {"cloud-notice", "snyk-notice"}
"""Targets that need nothing but make."""


@dataclass(frozen=True)
class Job:
    """One job of one workflow file."""

    workflow: str
    name: str
    content: Mapping[str, Any]

    @property
    def text(self) -> str:
        return yaml.safe_dump(self.content)

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.content.get("steps", []))

    @property
    def targets(self) -> set[str]:
        return {word for step in self.steps if "run" in step for word in step["run"].removeprefix("make ").split()}


def jobs() -> Iterator[Job]:
    for path in WORKFLOWS:
        for name, content in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            yield Job(path.name, name, content)


JOBS = list(jobs())
each_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.workflow}:{job.name}")


@each_job
def test_a_job_that_runs_our_python_sets_it_up_first(job: Job) -> None:
    """A runner's own Python is another version, and has none of our packages."""
    ready = False
    for step in job.steps:
        ready = ready or step.get("uses") == "./.github/actions/environment"
        targets = set(step.get("run", "").removeprefix("make ").split())
        assert ready or targets <= WITHOUT_PYTHON, f"{job.workflow}: {job.name} runs {targets} without the environment"
