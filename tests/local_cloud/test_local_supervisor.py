"""Services stay up: revisions, probes, traffic, restarts, crashes of everything, and nothing left at the end."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from infra.local.cloud import Cloud
from infra.local.commands.up import drop_damaged, heal_services
from infra.local.errors import LocalCloudError
from infra.local.ports import free_port, require_free
from infra.local.services import docker
from infra.local.supervisor import client, traffic
from infra.local.supervisor.__main__ import main as supervise
from infra.local.supervisor.process import started_at

PROBES = {
    "startupProbe": {"httpGet": {"path": "/"}, "periodSeconds": 1, "failureThreshold": 60},
    # A busy machine makes an instance wait, and is no reason to restart it.
    "livenessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 3},
}
IMPATIENT = {"httpGet": {"path": "/"}, "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 1}


class Web:
    """A service of the small web server, deployed straight to the supervisor."""

    def __init__(self, ask: Any, context: Path) -> None:
        self.cloud: Cloud = ask.cloud
        image = ask.create("docker:index/image:Image", {"imageName": "web:1", "build": {"context": str(context)}})
        self.image = image["repoDigest"]
        self.port = free_port()
        client.ensure(self.cloud)

    def deploy(
        self, traffics: list[dict[str, Any]] | None = None, extra: dict[str, Any] | None = None, **variables: str
    ) -> dict[str, Any]:
        envs = [{"name": name, "value": value} for name, value in variables.items()]
        container = {"image": self.image, "envs": envs, **PROBES, **(extra or {})}
        template = {"containers": [container], "timeout": "60s"}
        request = {"do": "deploy", "name": "web", "port": self.port, "template": template, "traffics": traffics or []}
        return client.request(self.cloud, request)

    def get(self, host: str = "127.0.0.1") -> dict[str, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers={"Host": host})
        with urllib.request.urlopen(request, timeout=60) as answer:
            parts = answer.read().decode().split("|")
        return dict(zip(("revision", "service", "greeting", "key", "folder"), parts))

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = client.request(self.cloud, {"do": "status"})["services"][0]
        return found

    def pids(self) -> list[int]:
        return [one["pid"] for revision in self.status()["revisions"] for one in revision["instances"] if one["pid"]]


@pytest.fixture
def web(ask: Any, context_folder: Path) -> Iterator[Web]:
    yield Web(ask, context_folder)


def test_a_service_answers_under_its_stable_url(web: Web) -> None:
    answer = web.deploy(GREETING="hello")
    assert answer["ok"], answer
    assert web.get()["greeting"] == "hello"
    assert web.get()["service"] == "web"
    assert web.get()["revision"] == answer["latest"]


def test_a_body_comes_back_whole_through_the_front(web: Web) -> None:
    web.deploy()
    for size in (0, 1, 70_000, 3_000_000):
        body = os.urandom(size)
        with urllib.request.urlopen(f"http://127.0.0.1:{web.port}/", data=body, timeout=60) as answer:
            assert answer.read() == body


def test_a_killed_process_is_answering_again_in_well_under_5_seconds(web: Web, wait_until: Any) -> None:
    begun = time.monotonic()
    web.deploy(GREETING="hello")
    starting = time.monotonic() - begun  # how long a start takes on this machine, at this moment
    before = web.pids()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: web.pids() and web.pids() != before, 4.0 + starting)
    assert web.get()["greeting"] == "hello"
    assert web.status()["revisions"][0]["restarts"] == 1


def test_a_process_that_hangs_is_restarted_by_its_liveness_probe(web: Web, wait_until: Any) -> None:
    web.deploy(extra={"livenessProbe": IMPATIENT})
    before = web.pids()
    os.kill(before[0], signal.SIGSTOP)
    wait_until(lambda: web.pids() and web.pids() != before)
    assert web.get()["service"] == "web"


def test_a_new_revision_takes_over_without_a_failed_request(web: Web, wait_until: Any) -> None:
    web.deploy(GREETING="one")
    seen: Counter[str] = Counter()
    failed: list[str] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            try:
                seen[web.get()["greeting"]] += 1
            except OSError as problem:
                failed.append(str(problem))

    workers = [threading.Thread(target=load) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        wait_until(lambda: seen["one"] > 20)
        web.deploy(GREETING="two")
        wait_until(lambda: seen["two"] > 20)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert failed == []
    wait_until(lambda: len(web.pids()) == 1)


def test_a_revision_that_fails_to_start_changes_nothing_and_tells_why(web: Web) -> None:
    web.deploy(GREETING="good")
    before = web.pids()
    answer = web.deploy(GREETING="bad", FAIL="1")
    assert not answer["ok"]
    assert "is not ready and cannot serve traffic" in answer["error"]
    assert "the reason why it fails" in answer["error"]
    assert web.get()["greeting"] == "good"
    assert web.pids() == before


def test_a_startup_probe_that_never_succeeds_fails_the_revision_in_its_time(web: Web) -> None:
    probe = {"httpGet": {"path": "/broken"}, "periodSeconds": 1, "failureThreshold": 1}
    answer = web.deploy(extra={"startupProbe": probe}, BROKEN="1")
    assert not answer["ok"]
    assert "not ready after 1 s" in answer["error"]


def test_traffic_is_split_by_percent_and_a_tag_has_an_address_of_its_own(web: Web) -> None:
    first = web.deploy(GREETING="one")["latest"]
    answer = web.deploy(
        [
            {"type": traffic.LATEST, "percent": 20, "tag": "canary"},
            {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": first, "percent": 80},
        ],
        GREETING="two",
    )
    assert answer["ok"], answer
    counted = Counter(web.get()["greeting"] for _ in range(50))
    assert counted == {"one": 40, "two": 10}
    assert web.get("canary---web.example")["greeting"] == "two"


def test_traffic_to_a_revision_that_is_not_there_is_refused(web: Web) -> None:
    web.deploy(GREETING="one")
    answer = web.deploy([{"revision": "web-00009-zzz", "percent": 100}], GREETING="one")
    assert "web-00009-zzz" in answer["error"]
    assert web.get()["greeting"] == "one"


def test_traffic_goes_back_without_a_template_and_the_newest_revision_stays(web: Web, wait_until: Any) -> None:
    first = web.deploy(GREETING="one")["latest"]
    second = web.deploy(GREETING="two")["latest"]
    wait_until(lambda: len(web.pids()) == 1)
    moved = {"do": "route", "name": "web", "traffics": [{"revision": first, "percent": 100}]}
    assert client.request(web.cloud, moved)["ok"]
    assert web.get()["greeting"] == "one"
    service = client.request(web.cloud, {"do": "standing", "name": "web"})["service"]
    assert service["latest"] == second and [one["revision"] for one in service["traffic"]] == [first]
    moved["traffics"] = [{"revision": "web-00009-zzz", "percent": 100}]
    assert "web-00009-zzz" in client.request(web.cloud, moved)["error"]
    assert web.get()["greeting"] == "one"


def test_rolling_back_starts_the_old_revision_again(web: Web, wait_until: Any) -> None:
    first = web.deploy(GREETING="one")["latest"]
    web.deploy(GREETING="two")
    wait_until(lambda: len(web.pids()) == 1)
    web.deploy([{"revision": first, "percent": 100}], GREETING="two")
    assert web.get()["revision"] == first


def test_going_back_to_a_revision_that_is_finishing_its_requests_loses_none_and_leaves_no_process(
    web: Web, is_alive: Callable[[int], bool], wait_until: Any
) -> None:
    first = web.deploy(GREETING="one")["latest"]
    (finishing,) = web.pids()
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client_side:
        client_side.sendall(b"POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert b" 100 " in client_side.recv(4096)  # the instance waits for the body now
        web.deploy(GREETING="two")
        web.deploy([{"revision": first, "percent": 100}], GREETING="two")
        wait_until(lambda: len(web.pids()) == 1)
        (again,) = web.pids()
        client_side.sendall(b"ab")
        answer = b""
        while not answer.endswith(b"\r\n\r\nab"):
            piece = client_side.recv(4096)
            assert piece, answer
            answer += piece
    wait_until(lambda: not is_alive(finishing))
    assert web.get()["greeting"] == "one"
    assert (web.pids(), web.status()["revisions"][0]["restarts"]) == ([again], 0)


def test_images_that_nothing_needs_are_removed_and_those_of_kept_revisions_stay(
    web: Web, ask: Any, context_folder: Path
) -> None:
    web.deploy(GREETING="first")
    inputs = {"imageName": "web:1", "build": {"context": str(context_folder)}}
    digests = [web.image]
    for text in ("a", "b"):
        (context_folder / "note.txt").write_text(text)
        digests.append(ask.create("docker:index/image:Image", inputs)["repoDigest"])
    docker.collect(web.cloud, [revision["image"] for revision in web.status()["revisions"]])
    assert [docker.manifest(web.cloud, one) is not None for one in digests] == [True, False, True]
    assert len(list((web.cloud.images / "contexts").iterdir())) == 2


def test_after_a_killed_supervisor_nothing_is_left_and_the_next_one_goes_on(
    web: Web, is_alive: Callable[[int], bool], wait_until: Any
) -> None:
    web.deploy(GREETING="hello")
    pids, supervisor = web.pids(), client.running(web.cloud)
    assert supervisor
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in [supervisor, *pids]))
    assert client.running(web.cloud) is None
    client.ensure(web.cloud)
    assert web.get()["greeting"] == "hello"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe garbage"])
def test_a_supervisor_is_found_though_the_file_with_its_pid_is_damaged(web: Web, content: bytes) -> None:
    supervisor = client.running(web.cloud)
    (web.cloud.run / "supervisor.lock").write_bytes(content)
    assert supervisor and client.running(web.cloud) == supervisor


def test_an_engine_that_only_begins_brings_back_what_a_dead_supervisor_kept(
    web: Web, ask: Any, wait_until: Any
) -> None:
    """A plain `pulumi up`, without a refresh, finds nothing to do: the URL must not be dead for that."""
    web.deploy(GREETING="hello")
    os.kill(client.running(web.cloud) or 0, signal.SIGKILL)
    wait_until(lambda: client.running(web.cloud) is None)
    type(ask)(web.cloud)  # its providers are configured
    assert web.get()["greeting"] == "hello"


@pytest.mark.parametrize("kill", [False, True])
def test_a_damaged_record_of_a_service_is_dropped_and_the_service_made_anew(
    web: Web, wait_until: Any, kill: bool
) -> None:
    web.deploy(GREETING="hello")
    record = web.cloud.run / "services" / "web.json"
    record.write_bytes(record.read_bytes()[:50])
    (web.cloud.run / "instances.json").write_bytes(b"")
    if kill:
        os.kill(client.running(web.cloud) or 0, signal.SIGKILL)
        wait_until(lambda: client.running(web.cloud) is None)
        client.ensure(web.cloud)
        assert client.request(web.cloud, {"do": "status"})["services"] == []
    assert drop_damaged(web.cloud) == ["dropped the damaged record of service web, which is recreated"]
    assert drop_damaged(web.cloud) == []
    assert client.running(web.cloud) is None
    client.ensure(web.cloud)
    web.deploy(GREETING="again")
    assert web.get()["greeting"] == "again"


def test_an_orphan_of_a_killed_supervisor_is_ended_by_the_next_one(
    cloud: Cloud, is_alive: Callable[[int], bool], wait_until: Any
) -> None:
    orphan = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        noted = [{"pid": orphan.pid, "started": started_at(orphan.pid)}, {"pid": os.getpid(), "started": "1"}]
        cloud.run.mkdir(parents=True)
        (cloud.run / "instances.json").write_text(json.dumps(noted))
        client.ensure(cloud)
        wait_until(lambda: orphan.poll() is not None)
    finally:
        orphan.kill()
        orphan.wait()


def test_two_who_look_at_once_do_not_take_each_other_for_the_supervisor(cloud: Cloud) -> None:
    cloud.run.mkdir(parents=True)
    with open(cloud.run / "supervisor.lock", "w+") as lock:
        lock.write(f"{os.getpid()}\n")  # of one that is gone
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert client.running(cloud) is None


def test_a_supervisor_that_starts_is_not_taken_for_the_one_before(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.run.mkdir(parents=True)
    (cloud.run / "supervisor.lock").write_text(f"{os.getpid()}\n")
    seen: list[int | None] = []

    def fork() -> NoReturn:
        seen.append(client.running(cloud))
        raise InterruptedError

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(InterruptedError):
        supervise(str(cloud.home.root), cloud.stack)
    assert seen == [None]


def test_deleting_the_last_service_ends_the_supervisor_and_frees_the_port(
    web: Web, is_alive: Callable[[int], bool], wait_until: Any
) -> None:
    web.deploy()
    pids, supervisor = web.pids(), client.running(web.cloud)
    client.request(web.cloud, {"do": "delete", "name": "web"})
    wait_until(lambda: client.running(web.cloud) is None)
    assert supervisor
    wait_until(lambda: not any(is_alive(pid) for pid in [supervisor, *pids]))
    with pytest.raises(urllib.error.URLError):
        web.get()


def test_a_supervisor_whose_folder_was_removed_ends_with_its_instances(
    web: Web, is_alive: Callable[[int], bool], wait_until: Any
) -> None:
    web.deploy()
    pids = [*web.pids(), client.running(web.cloud) or 0]
    shutil.rmtree(web.cloud.root)
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert not web.cloud.root.exists()


def test_a_taken_port_is_refused_and_the_old_one_kept(web: Web) -> None:
    web.deploy(GREETING="hello")
    with socket.create_server(("127.0.0.1", 0)) as other:
        answer = client.request(web.cloud, {"do": "move", "name": "web", "port": other.getsockname()[1]})
    assert not answer["ok"]
    assert web.get()["greeting"] == "hello"


def test_up_moves_a_service_with_its_noted_address_and_says_where_it_cannot(web: Web) -> None:
    web.deploy(GREETING="hello")
    noted = web.cloud.home.root / "url"
    noted.write_text(f"http://127.0.0.1:{web.port}\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(LocalCloudError, match=rf"Port {taken} can't be opened: .*PORT="):
            heal_services(web.cloud, taken)
        assert noted.read_text() == f"http://127.0.0.1:{web.port}\n"
    before, web.port = web.port, free_port()
    heal_services(web.cloud, web.port)
    require_free(before)
    assert web.get()["greeting"] == "hello"
    assert noted.read_text() == f"http://127.0.0.1:{web.port}\n"


def test_settings_with_secrets_are_not_in_clear_on_the_disk_nor_in_arguments(web: Web) -> None:
    web.deploy(KEY="a-very-secret-value")
    assert web.get()["key"] == "a-very-secret-value"
    for path in web.cloud.home.root.rglob("*"):
        assert not path.is_file() or b"a-very-secret-value" not in path.read_bytes(), path
    for pid in web.pids():
        assert b"a-very-secret-value" not in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("percents", [(100,), (50, 50), (1, 99), (0, 100), (10, 20, 70)])
def test_over_a_hundred_requests_each_target_gets_its_percentage(percents: tuple[int, ...]) -> None:
    found = [traffic.Target(str(number), percent) for number, percent in enumerate(percents)]
    counted = Counter(traffic.choose(found).revision for _ in range(100))
    assert [counted[str(number)] for number in range(len(percents))] == list(percents)
