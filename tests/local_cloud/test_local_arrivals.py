"""Order files that come together start one training, which takes them all: the workflow's own source is executed."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.launch import _workflow
from infra.local.commands import jobs
from infra.local.executions import GATHER, LIST, RUN
from infra.local.home import Home
from infra.local.workflows import Call, Function, WorkflowError, execute, match_regex

JOB = "projects/a-project/locations/europe-west1/jobs/trainer"
OWN = "projects/a-project/locations/europe-west1/workflows/training"
SOURCE = _workflow(JOB, OWN, 10)
STARTER = "starter@a-project.iam.gserviceaccount.com"


@pytest.fixture
def arrive(
    ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    """Put a file into the raw bucket; the job that is started notes which files are there."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python"]\n')
    image = ask.create("docker:index/image:Image", {"imageName": "train:1", "build": {"context": str(context)}})
    template = {"containers": [{"image": image["repoDigest"]}]}
    place = {"location": "europe-west1", "name": "trainer"}
    ask.create("gcp:cloudrunv2/job:Job", {**place, "deletionProtection": False, "template": {"template": template}})
    member = {"role": "roles/run.invoker", "member": f"serviceAccount:{STARTER}"}
    ask.create("gcp:cloudrunv2/jobIamMember:JobIamMember", {**place, **member})
    flow = {"name": "training", "region": "europe-west1", "serviceAccount": STARTER, "sourceContents": SOURCE}
    ask.create("gcp:workflows/workflow:Workflow", flow)
    criteria = {"type": "google.cloud.storage.object.v1.finalized", "bucket": "raw"}
    matching = [{"attribute": name, "value": value} for name, value in criteria.items()]
    trigger = {"name": "arrival", "location": "eu", "destination": {"workflow": OWN}, "matchingCriterias": matching}
    ask.create("gcp:eventarc/trigger:Trigger", trigger)
    bucket = ask.cloud.bucket("raw")
    bucket.mkdir(parents=True)
    trained: list[list[str]] = []

    def train(home: Home, stack: str, name: str) -> int:
        trained.append(sorted(path.name for path in bucket.iterdir()))
        return 0

    def put(name: str) -> str:
        (tmp_path / name).write_text("{}\n")
        assert jobs.put_object(ask.cloud.home, ask.cloud.stack, "raw", tmp_path / name, None) == 0
        return capsys.readouterr().out

    put.trained = trained  # type: ignore[attr-defined]
    monkeypatch.setenv(GATHER, "600")
    monkeypatch.setattr(jobs, "run_named", train)
    yield put


def test_files_that_come_while_the_first_one_waits_are_taken_by_its_training(
    arrive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, go_on = threading.Event(), threading.Event()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds == 600.0:
            waits.set()
            go_on.wait(30)

    monkeypatch.setattr("time.sleep", sleep)
    assert "nothing is started" in arrive("readme.txt") and slept == []
    first = threading.Thread(target=arrive, args=("a.ndjson",))
    first.start()
    assert waits.wait(30)
    assert "nothing is started" in arrive("b.ndjson") and "nothing is started" in arrive("c.ndjson.gz")
    assert arrive.trained == [] and slept == [10.0, 600.0, 10.0, 10.0]
    go_on.set()
    first.join()
    assert arrive.trained == [["a.ndjson", "b.ndjson", "c.ndjson.gz", "readme.txt"]]
    assert "starts job trainer" in arrive("d.ndjson"), "the next one waits for itself again"
    assert len(arrive.trained) == 2


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("oldest.executions[0].name", "oldest.executions[0].id", "step decide: KeyError: 'id'"),
        ("oldest.executions[0].name", "older.executions[0].name", "step decide: there is no variable older"),
        ("text.match_regex(event", "text.match(event", "step check: the function text.match is not known here"),
        ("event.data.name", "event.data.name, 1", "step check: TypeError"),
        ('"result": "oldest"', '"result": "newest"', "step decide: there is no variable oldest"),
        ("startTime", "createTime", "not otherwise"),
        ("executions.list", "executions.get", "step look: the call .*executions.get is not known here"),
        ("workflows/training", "workflows/another", "workflow .*another not found"),
        ('"next": "gather"', '"next": "gathers"', "step decide: there is no step gathers"),
        ('"switch"', '"for"', "step check: `for` is not known here"),
        ("${", "= ${", "an expression has to be the whole text"),
        ("${", "${(", "is not an expression"),
        ("jobs/trainer", "jobs/another", "HTTP 404"),
    ],
)
def test_a_mistake_in_the_source_is_found(right: str, wrong: str, told: str) -> None:
    assert right in SOURCE

    def listed(asked: Any) -> Any:
        if asked["parent"] != OWN:
            raise WorkflowError(f"workflow {asked['parent']} not found")
        if asked["orderBy"] != "startTime":
            raise WorkflowError("not otherwise")
        return {"executions": [{"name": f"{OWN}/executions/mine"}]}

    def run(asked: Any) -> None:
        if asked["name"] != JOB:
            raise WorkflowError("HTTP 404")

    calls: dict[str, Call] = {"sys.sleep": lambda asked: None, LIST: listed, RUN: run}
    functions: dict[str, Function] = {"text.match_regex": match_regex, "sys.get_env": lambda name: "mine"}
    event = {"data": {"name": "a.ndjson"}}
    execute(SOURCE, event, calls, functions)
    with pytest.raises(WorkflowError, match=told):
        execute(SOURCE.replace(right, wrong), event, calls, functions)
