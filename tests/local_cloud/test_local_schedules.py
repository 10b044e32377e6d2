"""Schedules fire by the stack's clock, with their account's rights, and are tried again as they say."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import pubsub_v1  # type: ignore[attr-defined]  # it ships none
from hypothesis import given
from hypothesis import strategies as st

from infra.local import clock
from infra.local.apis.variables import of_person
from infra.local.commands.status import _rest, collect
from infra.local.events.firing import Firing, newest
from infra.local.events.schedule import NoSchedule, cron, retries
from infra.local.events.watched import SCHEDULE, unwatch, watch
from infra.local.job_executions import SUCCEEDED, executions
from infra.local.provider.outputs import project_number
from infra.local.provider.resource import Place
from infra.local.supervisor import client

LAUNCHER = "launcher@a-project.iam.gserviceaccount.com"
RUN = "https://run.googleapis.com/v2/projects/a-project/locations/europe-west1/jobs/trainer:run"
MIDNIGHT = datetime(2026, 12, 24, tzinfo=UTC)


def named(name: str) -> str:
    return f"projects/a-project/locations/europe-west1/jobs/{name}"


class Scheduled:
    """A stack whose clock stands still, with the schedules that a test makes."""

    def __init__(self, ask: Any, until: Callable[..., Any]) -> None:
        self.ask, self.cloud, self.until = ask, ask.cloud, until
        clock.set_to(self.cloud, MIDNIGHT, hold=True)

    def make(self, name: str, schedule: str, target: dict[str, Any], **more: Any) -> None:
        kind = "pubsubTarget" if "topicName" in target else "httpTarget"
        self.ask.create(SCHEDULE, {"name": name, "schedule": schedule, kind: target, **more}, name)
        self.until(lambda: any(one["name"] == name for one in self.status()))

    def status(self) -> list[dict[str, Any]]:
        return list(client.request(self.cloud, {"do": "status"})["schedules"])

    def next(self, name: str) -> str:
        return str(next(one["next"] for one in self.status() if one["name"] == name))

    def at(self, moment: timedelta) -> None:
        clock.set_to(self.cloud, MIDNIGHT + moment, hold=True)

    def fired(self, name: str, due: str, attempts: int = 1) -> Firing:
        """The firing for a time, once it is answered."""

        def found() -> Firing | None:
            one = newest(self.cloud, named(name))
            return one if one and one.due == due and one.attempts == attempts and one.status else None

        firing: Firing = self.until(found)
        return firing


@pytest.fixture
def scheduled(ask: Any, wait_until: Callable[..., Any]) -> Scheduled:
    return Scheduled(ask, wait_until)


@pytest.fixture
def target() -> Iterator[Any]:
    """A server that answers what `answers` has left, then 200, and notes who asks."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append((headers, body))  # type: ignore[attr-defined]
            self.send_response(server.answers.pop(0) if server.answers else 200)  # type: ignore[attr-defined]
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answers = [], []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_schedule_runs_its_job_with_its_accounts_rights(
    scheduled: Scheduled, context_folder: Any, wait_until: Callable[..., Any]
) -> None:
    ask, cloud = scheduled.ask, scheduled.cloud
    (context_folder / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python", "-c", "print(1)"]\n')
    image = ask.create("docker:index/image:Image", {"imageName": "job:1", "build": {"context": str(context_folder)}})
    place = {"location": "europe-west1", "name": "trainer"}
    template = {"template": {"containers": [{"image": image["repoDigest"]}]}}
    ask.create("gcp:cloudrunv2/job:Job", {**place, "deletionProtection": False, "template": template})
    token = {"serviceAccountEmail": LAUNCHER}
    scheduled.make("training", "0 3 * * *", {"uri": RUN, "httpMethod": "POST", "oauthToken": token})
    assert scheduled.next("training") == "2026-12-24T03:00:00Z"

    scheduled.at(timedelta(hours=2, minutes=59, seconds=59))
    assert newest(cloud, named("training")) is None
    scheduled.at(timedelta(hours=3))
    refused = scheduled.fired("training", "2026-12-24T03:00:00Z")
    assert (refused.status, refused.at) == (403, "2026-12-24T03:00:00.000000Z")
    assert "Permission 'run.jobs.run' denied" in refused.told
    assert scheduled.next("training") == "2026-12-25T03:00:00Z" and executions(cloud) == []

    member = {"role": "roles/run.invoker", "member": f"serviceAccount:{LAUNCHER}"}
    ask.create("gcp:cloudrunv2/jobIamMember:JobIamMember", {**place, **member})
    scheduled.at(timedelta(days=9, hours=5))
    fired = scheduled.fired("training", "2027-01-02T03:00:00Z")
    assert (fired.status, fired.told) == (200, "runs job trainer"), "once, for the newest of nine"
    ran = wait_until(lambda: [one for one in executions(cloud) if one.state == SUCCEEDED])
    assert [(one.job, one.by, one.created) for one in ran] == [
        ("trainer", "schedule training", "2027-01-02T05:00:00.000000Z")
    ]


def test_a_schedule_publishes_to_a_topic_as_its_service_agent(scheduled: Scheduled) -> None:
    ask, cloud = scheduled.ask, scheduled.cloud
    topic, pulled = "projects/a-project/topics/ticks", "projects/a-project/subscriptions/ticks"
    away = "projects/other-project/topics/away"
    ask.create("gcp:pubsub/topic:Topic", {"name": "ticks"}, "ticks")
    ask.create("gcp:pubsub/topic:Topic", {"name": "away", "project": "other-project"}, "away")
    ask.create("gcp:pubsub/subscription:Subscription", {"name": "ticks", "topic": topic})
    to = {"topicName": topic, "data": "dGljaw==", "attributes": {"from": "a clock"}}
    scheduled.make("ticks", "0 * * * *", to)
    scheduled.make("away", "0 * * * *", {**to, "topicName": away})
    scheduled.at(timedelta(hours=1))
    fired = scheduled.fired("ticks", "2026-12-24T01:00:00Z")
    assert (fired.status, fired.told) == (200, f"published to {topic}"), "the agent may in its own project"
    refused = scheduled.fired("away", "2026-12-24T01:00:00Z")
    assert refused.status == 403 and "'pubsub.topics.publish' denied" in refused.told

    agent = f"service-{project_number('a-project')}@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
    member = {"role": "roles/pubsub.publisher", "member": f"serviceAccount:{agent}"}
    binding = {"topic": "away", "project": "other-project", **member}
    ask.create("gcp:pubsub/topicIAMMember:TopicIAMMember", binding)
    scheduled.at(timedelta(hours=2))
    assert scheduled.fired("away", "2026-12-24T02:00:00Z").is_good
    scheduled.fired("ticks", "2026-12-24T02:00:00Z")
    cloud.remove("gcp:pubsub/topic:Topic", topic)
    scheduled.at(timedelta(hours=3))
    assert scheduled.fired("ticks", "2026-12-24T03:00:00Z").status == 404
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", of_person(cloud)["PUBSUB_EMULATOR_HOST"])
        with pubsub_v1.SubscriberClient() as subscriber:
            answer = subscriber.pull(subscription=pulled, max_messages=10, timeout=60)
    found = [one.message for one in answer.received_messages]
    assert [(one.data, dict(one.attributes)) for one in found] == [(b"tick", {"from": "a clock"})] * 2


def test_an_attempt_that_fails_is_made_again_by_the_clock(scheduled: Scheduled, target: Any) -> None:
    target.answers.extend([500, 503, 500])
    url = f"http://127.0.0.1:{target.server_port}/do"
    to = {"uri": url, "body": "eyJhIjogMX0=", "oidcToken": {"serviceAccountEmail": LAUNCHER}, "headers": {"X-A": "1"}}
    retry = {"retryCount": 3, "minBackoffDuration": "10s", "maxDoublings": 5}
    scheduled.make("call", "*/1 * * * *", to, retryConfig=retry)
    begun = timedelta(minutes=1)
    scheduled.at(begun)
    assert scheduled.fired("call", "2026-12-24T00:01:00Z").status == 500
    scheduled.until(lambda: scheduled.next("call") == "2026-12-24T00:01:10Z")
    scheduled.at(begun + timedelta(seconds=10))
    assert scheduled.fired("call", "2026-12-24T00:01:00Z", 2).status == 503
    scheduled.until(lambda: scheduled.next("call") == "2026-12-24T00:01:30Z")
    scheduled.at(begun + timedelta(minutes=2))
    assert scheduled.fired("call", "2026-12-24T00:01:00Z", 3).status == 500, "the times between are left out"
    scheduled.until(lambda: scheduled.next("call") == "2026-12-24T00:03:40Z")
    scheduled.at(begun + timedelta(minutes=2, seconds=40))
    last = scheduled.fired("call", "2026-12-24T00:01:00Z", 4)
    assert last.is_good and last.at == "2026-12-24T00:03:40.000000Z"
    assert scheduled.next("call") == "2026-12-24T00:04:00Z"
    headers, body = target.asked[0]
    assert json.loads(body) == {"a": 1} and len(target.asked) == 4
    assert headers["x-a"] == "1" and headers["x-cloudscheduler-scheduletime"] == "2026-12-24T00:01:00Z"
    assert headers["authorization"].startswith("Bearer ey")


def test_what_does_not_fire_says_why_and_what_is_changed_fires_anew(scheduled: Scheduled, target: Any) -> None:
    away = {"uri": "https://example.com/"}
    scheduled.make("away", "* * * * *", away)
    scheduled.make("paused", "* * * * *", away, paused=True)
    scheduled.make("words", "every 5 minutes", away)
    scheduled.at(timedelta(minutes=1))
    assert "nothing leaves it" in scheduled.fired("away", "2026-12-24T00:01:00Z").told
    shown = [line for line in _rest(collect(scheduled.cloud)) if line.startswith("schedule ")]
    assert sorted(shown)[1:] == [
        "schedule paused: has not fired; paused",
        "schedule words: has not fired; 'every 5 minutes' is no schedule of five fields",
    ]
    assert "https" not in shown[0] and "2026-12-24T00:01:00Z: 501" in sorted(shown)[0]
    told = {one["name"]: one["not"] for one in scheduled.status()}
    assert told == {"away": "", "paused": "paused", "words": "'every 5 minutes' is no schedule of five fields"}
    assert newest(scheduled.cloud, named("paused")) is None
    url = f"http://127.0.0.1:{target.server_port}/"
    changed = {"name": "away", "schedule": "*/5 * * * *", "httpTarget": {"uri": url}}
    place = Place(project="a-project", number="1", region="europe-west1", urn="", type=SCHEDULE, id=named("away"))
    watch(scheduled.cloud, changed, place, {})
    scheduled.until(lambda: scheduled.next("away") == "2026-12-24T00:05:00Z")
    scheduled.at(timedelta(minutes=5))
    assert scheduled.fired("away", "2026-12-24T00:05:00Z").is_good
    scheduled.at(timedelta(minutes=2))
    scheduled.until(lambda: scheduled.next("away") == "2026-12-24T00:05:00Z")
    unwatch(scheduled.cloud, changed, place, {})
    scheduled.until(lambda: len(scheduled.status()) == 2)


@pytest.mark.parametrize("schedule", ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 L * *", "0 0 * * 5L", "@daily"])
def test_what_is_no_schedule_is_refused_in_preview(ask: Any, schedule: str) -> None:
    inputs = {"name": "x", "schedule": schedule, "httpTarget": {"uri": "https://example.com"}}
    _, failures = ask.check(SCHEDULE, inputs)
    assert len(failures) == 1 and "Error 400: Schedule or time zone is invalid., badRequest" in failures[0]
    with pytest.raises(NoSchedule):
        cron(schedule, "")


def test_a_time_zone_that_is_none_is_refused_and_one_that_is_has_its_own_midnight(ask: Any) -> None:
    inputs = {"name": "x", "schedule": "0 0 * * *", "httpTarget": {"uri": "https://example.com"}}
    assert ask.check(SCHEDULE, {**inputs, "timeZone": "Mars/Olympus"})[1]
    assert not ask.check(SCHEDULE, {**inputs, "timeZone": "Europe/Berlin"})[1]
    berlin = cron("30 2 * * *", "Europe/Berlin")
    assert berlin.next(datetime(2026, 3, 29, tzinfo=UTC)) == datetime(2026, 3, 29, 1, tzinfo=UTC), "2:30 is left out"
    assert berlin.next(MIDNIGHT) == datetime(2026, 12, 24, 1, 30, tzinfo=UTC)


@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 3 * * 1-5", "15 10 1 * *", "0 0 29 2 *", "30 2 * 3,10 SUN"]),
    st.sampled_from(["", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),
)
def test_no_time_lies_between_the_latest_and_the_next(text: str, zone: str, now: datetime) -> None:
    schedule = cron(text, zone)
    latest, coming = schedule.latest(now), schedule.next(now)
    assert latest and coming and latest <= now < coming
    assert schedule.latest(coming) == coming
    assert (schedule.next(latest) or now) >= coming or schedule.next(latest) == latest


def test_pauses_grow_as_google_says() -> None:
    config = {"retryCount": 5, "minBackoffDuration": "10s", "maxBackoffDuration": "300s", "maxDoublings": 3}
    forever = retries({**config, "maxRetryDuration": "86400s"})
    pauses = [forever.pause(failed, timedelta()) for failed in range(1, 9)]
    assert [pause and pause.seconds for pause in pauses] == [10, 20, 40, 80, 160, 240, 300, 300]
    assert [retries(config).pause(failed, timedelta()) is None for failed in (5, 6)] == [False, True]
    assert forever.pause(9, timedelta(days=2)) is None and forever.pause(2, timedelta(days=2)) is not None
    assert retries(None).pause(1, timedelta()) is None
