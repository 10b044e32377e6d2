"""Jobs: tasks side by side, tried again as often as they may be, ended in time; their executions are listed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local import clock, job_executions
from infra.local.__main__ import main
from infra.local.commands.status import collect, summary
from infra.local.container import lacking
from infra.local.home import REPOSITORY
from infra.local.job_executions import FAILED, KILLED, SUCCEEDED, executions
from infra.local.jobs import JobError, run_job

PLACE = {"location": "europe-west1", "deletionProtection": False}
NAMES = ("CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_ATTEMPT", "CLOUD_RUN_TASK_COUNT")
TELL = f"import os; print(*(os.environ[name] for name in {NAMES}), flush=True)"
SUCCEED_THE_THIRD_TIME = f"{TELL}; raise SystemExit(0 if os.environ['CLOUD_RUN_TASK_ATTEMPT'] == '2' else 7)"
MEET = """
import os, pathlib, time
folder = pathlib.Path(os.environ["FOLDER"])
(folder / os.environ["CLOUD_RUN_TASK_INDEX"]).touch()
while len(list(folder.iterdir())) < 2:
    time.sleep(0.01)
"""


@pytest.fixture
def make(ask: Any, context_folder: Path) -> Callable[..., str]:
    """Make a job of a program; its name."""
    (context_folder / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python"]\n')
    image = ask.create("docker:index/image:Image", {"imageName": "job:1", "build": {"context": str(context_folder)}})

    def made(name: str, program: str, template: dict[str, Any] | None = None, **more: Any) -> str:
        container = {"image": image["repoDigest"], "args": ["-c", program], **more.pop("container", {})}
        inner = {"containers": [container], **(template or {})}
        ask.create("gcp:cloudrunv2/job:Job", {**PLACE, "name": name, "template": {"template": inner, **more}}, name)
        return name

    return made


def test_every_task_runs_and_those_that_fail_are_tried_again(
    make: Callable[..., str], ask: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    moment = datetime(2026, 12, 24, 3, tzinfo=UTC)
    clock.set_to(ask.cloud, moment, hold=True)
    make("train", SUCCEED_THE_THIRD_TIME, {"maxRetries": 2}, taskCount=2, parallelism=1)
    assert run_job(ask.cloud, "train", by="a test") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["0 0 2", "0 1 2", "0 2 2", "1 0 2", "1 1 2", "1 2 2"]
    (ran,) = executions(ask.cloud, "train")
    assert (ran.state, ran.by, ran.created) == (SUCCEEDED, "a test", "2026-12-24T03:00:00.000000Z")
    assert (ran.codes, ran.attempts, ran.retried) == ({"0": 0, "1": 0}, {"0": 3, "1": 3}, 4)
    assert Path(ran.log).read_text().splitlines() == shown
    assert ran.told() == "succeeded: 2 of 2 tasks, 4 retried"


def test_a_job_that_fails_for_good_shows_up(
    make: Callable[..., str], ask: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(ask.cloud.home.root))
    make("train", SUCCEED_THE_THIRD_TIME, {"maxRetries": 1}, taskCount=1)
    assert main(["run-job", "train", "--stack", "test"]) == 1
    assert "job train: failed with code 7" in capsys.readouterr().out
    assert main(["executions", "--stack", "test"]) == 0
    told = "failed (exit 7): 0 of 1 tasks, 1 retried"
    assert told in capsys.readouterr().out
    found = {**collect(ask.cloud), "supervisor": 7}
    assert any(told in line for line in summary(found, {}, up="up", more="more"))
    make("never", TELL)
    assert main(["executions", "never", "--stack", "test"]) == 0
    assert "has not run" in capsys.readouterr().out
    assert main(["executions", "none", "--stack", "test"]) == 2
    assert "there are: never, train" in capsys.readouterr().err
    assert main(["executions", "train", "--json", "--stack", "test"]) == 0
    assert [one["state"] for one in json.loads(capsys.readouterr().out)] == [FAILED]


def test_tasks_run_side_by_side(
    make: Callable[..., str], ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (tmp_path / "met").mkdir()
    envs = [{"name": "FOLDER", "value": str(tmp_path / "met")}]
    make("meet", MEET, {"maxRetries": 0, "timeout": "60s"}, taskCount=2, container={"envs": envs})
    assert run_job(ask.cloud, "meet") == 0


def test_a_task_that_takes_longer_than_its_timeout_is_ended(make: Callable[..., str], ask: Any) -> None:
    make("slow", "import time; time.sleep(60)", {"maxRetries": 0, "timeout": "1s"})
    assert run_job(ask.cloud, "slow") == 124


def test_an_execution_that_was_killed_says_so_and_its_task_ends(
    make: Callable[..., str], ask: Any, wait_until: Any, is_alive: Any
) -> None:
    make("long", "import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    variables = {**os.environ, "LOCAL_CLOUD_HOME": str(ask.cloud.home.root)}
    command = [sys.executable, "-m", "infra.local", "run-job", "long", "--stack", "test"]
    with subprocess.Popen(command, cwd=REPOSITORY, env=variables, stdout=subprocess.PIPE) as running:
        assert running.stdout
        task = int(running.stdout.readline())
        assert [one.state for one in executions(ask.cloud)] == [job_executions.RUNNING]
        running.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_alive(task))
    assert [one.state for one in executions(ask.cloud)] == [KILLED]
    (path,) = (ask.cloud.run / "jobs").glob("*/*.json")
    path.write_text("{")
    assert executions(ask.cloud) == [], "a damaged record counts as gone"


def test_as_many_executions_are_kept_as_anybody_looks_at(
    make: Callable[..., str], ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_executions, "KEPT", 2)
    make("often", "pass")
    for _ in range(4):
        run_job(ask.cloud, "often", shows=False)
    assert len(executions(ask.cloud)) == 2


def test_what_cannot_run_here_has_no_execution(make: Callable[..., str], ask: Any) -> None:
    make("foreign", "pass", container={"image": "docker.io/library/postgres:16"})
    assert lacking(ask.cloud, {"image": "docker.io/library/postgres:16"})
    with pytest.raises(JobError, match="can't run the job foreign"):
        run_job(ask.cloud, "foreign")
    assert executions(ask.cloud) == []
