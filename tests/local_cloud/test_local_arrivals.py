"""Order files that come together start one training, which takes them all, however they came: the workflow's own source
is executed, by the stack's clock.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.launch import _workflow
from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.commands.jobs import put_object
from infra.local.errors import LocalCloudError
from infra.local.events.arrivals import Arrivals, begin, by_hand
from infra.local.events.firing import Firing, newest
from infra.local.executions import LIST, RUN, under_way
from infra.local.job_executions import SUCCEEDED, executions
from infra.local.workflows import Call, Function, WorkflowError, execute, match_regex
from tests.local_cloud.conftest import SERVER

JOB = "projects/a-project/locations/europe-west1/jobs/trainer"
OWN = "projects/a-project/locations/europe-west1/workflows/training"
TRIGGER = "projects/a-project/locations/eu/triggers/arrival"
SOURCE = _workflow(JOB, OWN, 10)
STARTER = "starter@a-project.iam.gserviceaccount.com"
MIDNIGHT = datetime(2026, 12, 24, tzinfo=UTC)
LIST_FILES = "import os; print(*sorted(os.listdir(os.environ['RAW'])))"


class Platform:
    """A bucket whose arriving objects start a job by a workflow, on a clock that stands still. The job tells which
    files there are.
    """

    def __init__(self, ask: Any, folder: Path, capsys: Any, until: Callable[..., Any]) -> None:
        self.ask, self.cloud, self.capsys, self.until = ask, ask.cloud, capsys, until
        clock.set_to(self.cloud, MIDNIGHT, hold=True)
        (folder / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python"]\n')
        image = ask.create("docker:index/image:Image", {"imageName": "train:1", "build": {"context": str(folder)}})
        self.bucket = self.cloud.bucket("raw")
        ask.create("gcp:storage/bucket:Bucket", {"name": "raw", "location": "EU"})
        envs = [{"name": "RAW", "value": str(self.bucket)}]
        container = {"image": image["repoDigest"], "args": ["-c", LIST_FILES], "envs": envs}
        self.place = {"location": "europe-west1", "name": "trainer"}
        template = {"template": {"containers": [container]}}
        ask.create("gcp:cloudrunv2/job:Job", {**self.place, "deletionProtection": False, "template": template})
        flow = {"name": "training", "region": "europe-west1", "serviceAccount": STARTER, "sourceContents": SOURCE}
        ask.create("gcp:workflows/workflow:Workflow", flow)
        self.trigger("arrival", {"workflow": OWN})

    def trigger(self, name: str, destination: dict[str, Any]) -> None:
        criteria = {"type": "google.cloud.storage.object.v1.finalized", "bucket": "raw"}
        matching = [{"attribute": name, "value": value} for name, value in criteria.items()]
        trigger = {"name": name, "location": "eu", "serviceAccount": STARTER, "matchingCriterias": matching}
        self.ask.create("gcp:eventarc/trigger:Trigger", {**trigger, "destination": destination}, name)

    def grant(self, role: str) -> None:
        member = {"role": role, "member": f"serviceAccount:{STARTER}"}
        if role == "roles/run.invoker":
            self.ask.create("gcp:cloudrunv2/jobIamMember:JobIamMember", {**self.place, **member}, role)
        else:
            self.ask.create("gcp:projects/iAMMember:IAMMember", {"project": "a-project", **member}, role)

    def grant_all(self) -> None:
        for role in ("roles/eventarc.eventReceiver", "roles/workflows.invoker", "roles/run.invoker"):
            self.grant(role)

    def put(self, folder: Path, name: str) -> str:
        (folder / name).write_text("{}\n")
        assert put_object(self.cloud.home, self.cloud.stack, "raw", folder / name, None) == 0
        return str(self.capsys.readouterr().out)

    def pass_until(self, holds: Callable[[], Any]) -> None:
        """Let time pass until something holds."""

        def later() -> bool:
            clock.advance(self.cloud, timedelta(seconds=10), hold=True)
            return bool(holds())

        self.until(later)

    def sleeping(self) -> list[str]:
        """When the executions of the workflow that are under way wake."""
        return [told[11:] for told in under_way(self.cloud, OWN)]

    def trained(self) -> list[str]:
        """The files that each finished training has seen."""
        return [Path(one.log).read_text().strip() for one in executions(self.cloud) if one.state == SUCCEEDED]

    def answered(self, name: str = "arrival") -> Firing:
        def found() -> Firing | None:
            one = newest(self.cloud, f"projects/a-project/locations/eu/triggers/{name}")
            return one if one and one.status else None

        firing: Firing = self.until(found)
        return firing


@pytest.fixture
def platform(
    ask: Any, context_folder: Path, capsys: pytest.CaptureFixture[str], wait_until: Callable[..., Any]
) -> Iterator[Platform]:
    yield Platform(ask, context_folder, capsys, wait_until)


def test_files_that_come_while_the_first_one_waits_are_taken_by_its_training(
    platform: Platform, tmp_path: Path
) -> None:
    platform.grant_all()

    def land(*names: str) -> None:
        for name in names:
            (tmp_path / name).write_text("{}\n")
            os.replace(tmp_path / name, platform.bucket / name)

    def at(**after: int) -> None:
        clock.set_to(platform.cloud, MIDNIGHT + timedelta(**after), hold=True)

    land("readme.txt", "a.ndjson")  # as a container does that has the bucket mounted
    platform.until(lambda: platform.sleeping() == ["00:00:10Z"])
    at(seconds=10)
    platform.until(lambda: platform.sleeping() == ["00:10:10Z"])
    land("b.ndjson", "c.ndjson.gz")
    platform.until(lambda: platform.sleeping() == ["00:10:10Z", "00:00:20Z", "00:00:20Z"])
    at(seconds=20)
    platform.until(lambda: platform.sleeping() == ["00:10:10Z"])
    at(minutes=10, seconds=9)
    assert platform.sleeping() == ["00:10:10Z"] and platform.trained() == []
    at(minutes=10, seconds=10)
    platform.until(lambda: platform.trained() == ["a.ndjson b.ndjson c.ndjson.gz readme.txt"])
    (ran,) = executions(platform.cloud)
    assert (ran.job, ran.by) == ("trainer", "workflow training")
    assert platform.sleeping() == []
    assert platform.answered().is_good


def test_an_object_put_by_hand_starts_its_training_at_once_and_once(platform: Platform, tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="Permission 'eventarc.events.receiveEvent' denied"):
        platform.put(tmp_path, "a.ndjson")
    platform.grant("roles/eventarc.eventReceiver")
    with pytest.raises(LocalCloudError, match="Permission 'workflows.executions.create' denied"):
        platform.put(tmp_path, "a.ndjson")
    platform.grant("roles/workflows.invoker")
    with pytest.raises(LocalCloudError, match="HTTP 403: Permission 'run.jobs.run' denied"):
        platform.put(tmp_path, "a.ndjson")
    platform.grant("roles/run.invoker")
    said = platform.put(tmp_path, "a.ndjson")
    assert "starts job trainer" in said and "a.ndjson\njob trainer: done" in said
    assert "starts nothing" in platform.put(tmp_path, "readme.txt")
    assert platform.trained() == ["a.ndjson"]
    (platform.bucket / "b.ndjson").write_text("{}\n")  # what comes another way is seen by the supervisor, alone
    platform.until(lambda: platform.sleeping() == ["00:00:10Z"])
    assert newest(platform.cloud, TRIGGER) is not None
    platform.pass_until(lambda: platform.trained() == ["a.ndjson", "a.ndjson b.ndjson readme.txt"])
    assert platform.answered().told == "1 object delivered"


def test_an_event_goes_to_a_service_as_a_cloud_event(platform: Platform, tmp_path: Path, context_folder: Path) -> None:
    platform.grant("roles/eventarc.eventReceiver")
    noting = SERVER.replace("def do_POST(self):", "def do_POST(self):\n        print(self.path, dict(self.headers))")
    (context_folder / "server.py").write_text(noting)
    (context_folder / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python", "server.py"]\n')
    image = platform.ask.create(
        "docker:index/image:Image", {"imageName": "web:1", "build": {"context": str(context_folder)}}, "web"
    )
    service = {"name": "web", "location": "europe-west1", "deletionProtection": False, "invokerIamDisabled": True}
    template = {"containers": [{"image": image["repoDigest"]}]}
    platform.ask.create("gcp:cloudrunv2/service:Service", {**service, "template": template})
    platform.trigger("told", {"cloudRunService": {"service": "web", "region": "europe-west1", "path": "/landed"}})
    (platform.bucket / "readme.txt").write_text("hello")
    answer = platform.answered("told")
    assert answer.is_good, answer.told
    (log,) = (platform.cloud.logs / "web").glob("*.log")
    told = log.read_text()
    assert "/landed" in told and "'ce-type': 'google.cloud.storage.object.v1.finalized'" in told.lower()
    assert "'ce-subject': 'objects/readme.txt'" in told.lower() and "bearer ey" in told.lower()


def test_a_look_finds_what_is_whole_and_new(cloud: Cloud) -> None:
    folder = cloud.bucket("raw")
    (folder / "deep").mkdir(parents=True)
    (folder / "old").write_text("x")
    looked = Arrivals(cloud, "raw")
    assert looked.look() == []
    (folder / ".aside.1234").write_text("x")
    with (folder / "deep" / "new").open("w") as file:
        file.write("x")
        file.flush()
        assert looked.look() == [], "it is being written"
    assert looked.look() == ["deep/new"]
    assert looked.look() == []
    with by_hand(cloud, "raw", "mine"):
        assert looked.look() == []
        (folder / "mine").write_text("x")
    assert looked.look() == []
    (folder / "old").write_text("other")
    (folder / "mine").write_text("again")
    assert sorted(Arrivals(cloud, "raw").look()) == ["mine", "old"], "another one goes by the same notes"
    (folder / "old").unlink()
    assert Arrivals(cloud, "raw").look() == []
    notes = cloud.run / "arrivals"
    assert not any(b"mine" in path.read_bytes() for path in notes.glob("*")), "the notes name no object"
    (notes / f"{cloud.short('raw')}.json").write_text("[")
    assert Arrivals(cloud, "raw").look() == [], "damaged notes: what is there is old"
    (folder / "old").write_text("x")
    begin(cloud, "raw")
    assert Arrivals(cloud, "raw").look() == ["old"]


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
