"""What buckets do as time goes by, and what becomes of the files that containers, people and killed processes leave."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.objects import index, lifecycle
from infra.local.objects.conditions import NONE
from infra.local.objects.index import Index
from infra.local.objects.staging import staged
from infra.local.objects.store import Store
from infra.local.provider.resource import Place, Refused
from infra.local.services.storage import RESOURCES
from infra.local.supervisor import client
from tests.local_cloud.storage_server import Api, answering, files

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEK = 604_800
OFF = {"softDeletePolicy": {"retentionDurationSeconds": 0}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with answering(Cloud(Home(tmp_path_factory.mktemp("storage") / "home"), "test")) as made:
        yield made


@pytest.fixture
def api(running: Api) -> Api:
    """A stack whose clock stands still, at the same moment for each test."""
    clock.set_to(running.cloud, START, hold=True)
    return running


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return (f"bucket-{number}" for number in range(1000))


def later(api: Api, **span: float) -> lifecycle.Done:
    """Move the clock on, and let it have its effects."""
    clock.advance(api.cloud, timedelta(**span), hold=True)
    return lifecycle.act(api.cloud)


def kept(bucket: Any, **asked: Any) -> list[tuple[str, bool]]:
    """Name of each version, and whether it is live."""
    return [(one.name, one.time_deleted is None) for one in bucket.list_blobs(versions=True, **asked)]


def folder(api: Api, bucket: Any) -> Path:
    return api.cloud.bucket(bucket.name)


def test_a_bucket_with_versions_keeps_what_was_replaced_and_deleted(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names), versioning={"enabled": True}, **OFF)
    blob = bucket.blob("a")
    generations = []
    for text in ("one", "two", "three"):
        blob.upload_from_string(text, content_type="text/plain")
        generations.append(blob.generation)
    assert generations == sorted(set(generations)) and generations[0] == int(START.timestamp()) * 1_000_000
    bucket.delete_blob("a")
    assert bucket.get_blob("a") is None and kept(bucket) == [("a", False)] * 3 and files(folder(api, bucket)) == {}
    old = bucket.blob("a", generation=generations[0])
    assert old.download_as_bytes() == b"one" and bucket.get_blob("a", generation=generations[1]).size == 3
    bucket.copy_blob(old, bucket, "a", source_generation=generations[0])
    assert bucket.blob("a").download_as_bytes() == b"one"
    for generation in generations:
        bucket.delete_blob("a", generation=generation)
    assert kept(bucket) == [("a", True)]
    bucket.delete_blob("a", generation=bucket.get_blob("a").generation)
    assert kept(bucket) == [], "who names the live generation deletes it for good"


def test_what_is_deleted_can_be_had_back_until_its_time_is_over(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names), softDeletePolicy={"retentionDurationSeconds": WEEK})
    blob = bucket.blob("a/b")
    blob.metadata = {"k": "v"}
    blob.upload_from_string("one", content_type="text/plain")
    first = blob.generation
    blob.upload_from_string("two")
    second = blob.generation
    blob.delete()
    gone = {one.generation: one for one in bucket.list_blobs(soft_deleted=True)}
    assert set(gone) == {first, second} and list(bucket.list_blobs(versions=True)) == []
    assert gone[first].hard_delete_time == START + timedelta(seconds=WEEK) and gone[first].soft_delete_time == START
    back = bucket.restore_blob("a/b", generation=first)
    assert (back.download_as_bytes(), back.content_type, back.metadata) == (b"one", "text/plain", {"k": "v"})
    assert back.generation > second
    assert not later(api, days=6.9).expired
    assert later(api, days=0.2).expired == 2
    assert list(bucket.list_blobs(soft_deleted=True)) == [] and bucket.blob("a/b").exists()
    with pytest.raises(exceptions.NotFound):
        bucket.restore_blob("a/b", generation=second)


def test_retention_and_holds_keep_an_object_where_it_is(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names), retentionPolicy={"retentionPeriod": "3600"}, **OFF)
    blob = bucket.blob("log")
    blob.upload_from_string("one")
    assert bucket.get_blob("log").retention_expiration_time == START + timedelta(hours=1)
    for forbidden in (blob.delete, lambda: bucket.blob("log").upload_from_string("two")):
        with pytest.raises(
            exceptions.Forbidden, match="retention policy.*cannot be deleted or overwritten until 2026-03"
        ):
            forbidden()
    bucket.reload()
    bucket.lock_retention_policy()
    assert bucket.retention_policy_locked
    bucket.retention_period = 60
    with pytest.raises(exceptions.Forbidden, match="locked"):
        bucket.patch()
    bucket.retention_period = 7200
    bucket.patch()
    later(api, hours=1.5)
    with pytest.raises(exceptions.Forbidden):
        blob.delete()
    record = api.cloud.get("gcp:storage/bucket:Bucket", bucket.name)
    remove = RESOURCES["gcp:storage/bucket:Bucket"].delete
    assert record and remove
    place = Place("a-project", "1", "", record.urn, record.type, record.id)
    with pytest.raises(Refused, match="Error 403: .*retention policy"):
        remove(api.cloud, record.inputs, place, record.outputs)
    later(api, hours=0.6)
    blob.temporary_hold = True
    blob.patch()
    with pytest.raises(exceptions.Forbidden, match="active Temporary hold"):
        blob.delete()
    blob.temporary_hold, blob.event_based_hold = False, True
    blob.patch()
    with pytest.raises(exceptions.Forbidden, match="active Event-Based hold"):
        blob.delete()
    blob.event_based_hold = False
    blob.patch()
    with pytest.raises(exceptions.Forbidden, match="until 2026-03-01T16:06"):
        blob.delete()
    later(api, hours=2.1)
    blob.delete()


def test_an_object_has_a_retention_of_its_own_where_the_bucket_lets_it(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names), enableObjectRetention=True, **OFF)
    blob = bucket.blob("a")
    blob.upload_from_string("x")
    blob.retention.mode, blob.retention.retain_until_time = "Unlocked", START + timedelta(days=2)
    blob.patch()
    with pytest.raises(exceptions.Forbidden):
        blob.delete()
    blob.retention.retain_until_time = START + timedelta(days=1)
    with pytest.raises(exceptions.Forbidden, match="overrideUnlockedRetention"):
        blob.patch()
    blob.patch(override_unlocked_retention=True)
    blob.retention.mode = "Locked"
    blob.patch()
    blob.retention.retain_until_time = START
    with pytest.raises(exceptions.Forbidden, match="only be made longer"):
        blob.patch(override_unlocked_retention=True)
    later(api, days=1, seconds=1)
    blob.delete()


RULES: list[dict[str, Any]] = [
    {"action": {"type": "Delete"}, "condition": {"age": 1, "matchesPrefixes": ["tmp/"]}},
    {"action": {"type": "Delete"}, "condition": {"numNewerVersions": 2, "withState": "ARCHIVED"}},
    {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 30, "withState": "ARCHIVED"}},
    {"action": {"type": "SetStorageClass", "storageClass": "NEARLINE"}, "condition": {"age": 10}},
    {"action": {"type": "SetStorageClass", "storageClass": "COLDLINE"}, "condition": {"age": 20}},
    {"action": {"type": "Delete"}, "condition": {"daysSinceCustomTime": 5, "matchesSuffixes": [".log"]}},
    {"action": {"type": "Delete"}, "condition": {"createdBefore": "2026-02-01", "withState": "LIVE"}},
]


def test_lifecycle_rules_act_by_the_stacks_clock(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names), versioning={"enabled": True}, lifecycleRules=RULES, **OFF)
    for text in "1234":
        bucket.blob("a").upload_from_string(text)
    bucket.blob("tmp/x").upload_from_string("x")
    dated, plain = bucket.blob("dated.log"), bucket.blob("plain.log")
    dated.custom_time = START
    for blob in (dated, plain):
        blob.upload_from_string("x")
    assert later(api, hours=1).deleted == 2, "of four versions the newest two stay"
    assert kept(bucket, prefix="a") == [("a", False), ("a", True)]
    assert later(api, hours=24).deleted == 1 and kept(bucket, prefix="tmp") == [("tmp/x", False)]
    assert files(folder(api, bucket)) == {"a": b"4", "dated.log": b"x", "plain.log": b"x"}
    later(api, days=5)
    assert not bucket.blob("dated.log").exists() and bucket.blob("plain.log").exists()
    later(api, days=5)
    assert bucket.get_blob("a").storage_class == "NEARLINE" and bucket.get_blob("a").metageneration == 2
    later(api, days=10)
    assert bucket.get_blob("a").storage_class == "COLDLINE"
    later(api, days=30)
    assert kept(bucket) == [("a", True), ("plain.log", True)]
    path = folder(api, bucket) / "from-before"
    path.write_text("x")
    os.utime(path, (0, datetime(2026, 1, 31, tzinfo=UTC).timestamp()))
    later(api, seconds=1)
    assert not path.exists(), "a rule sees the files of containers, too"


def test_the_supervisor_lets_rules_act_once_the_clock_is_moved(
    cloud: Cloud, ask: Any, wait_until: Callable[..., Any]
) -> None:
    rule = {"action": {"type": "Delete"}, "condition": {"age": 1}}
    ask.create("gcp:storage/bucket:Bucket", {"name": "raw", "location": "EU", "lifecycleRules": [rule], **OFF})
    client.apis(cloud)
    path = cloud.bucket("raw") / "a"
    path.write_text("x")
    clock.advance(cloud, timedelta(days=2))
    wait_until(lambda: not path.exists())


def test_uploads_that_nobody_goes_on_with_end(api: Api, names: Iterator[str]) -> None:
    abort = {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}}
    bucket = api.declare(next(names), lifecycleRules=[abort])
    address = bucket.blob("a").create_resumable_upload_session()
    parts = requests.post(f"{api.address()}/{bucket.name}/b?uploads", timeout=30)
    assert parts.status_code == 200 and later(api, days=1.1).aborted == 1
    assert requests.put(address, headers={"Content-Range": "bytes */*"}, timeout=30).status_code == 308
    assert later(api, days=6).aborted == 1
    assert requests.put(address, headers={"Content-Range": "bytes */*"}, timeout=30).status_code == 404


def test_a_file_that_somebody_puts_there_is_an_object_with_one_generation(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names))
    path = folder(api, bucket) / "data" / "orders.ndjson"
    path.parent.mkdir()
    path.write_bytes(b"first")
    seen = bucket.get_blob("data/orders.ndjson")
    assert (seen.size, seen.md5_hash, seen.metageneration) == (5, "iwTV43ddKY54RV78XKQE1Q==", 1)
    assert seen.download_as_bytes() == b"first"
    assert (
        [one.generation for one in bucket.list_blobs()]
        == [seen.generation]
        == [one.generation for one in bucket.list_blobs(versions=True)]
    )
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("data/orders.ndjson").upload_from_string("x", if_generation_match=0)
    path.write_bytes(b"again")
    again = bucket.get_blob("data/orders.ndjson")
    assert again.generation > seen.generation and again.download_as_bytes() == b"again"
    with pytest.raises(exceptions.PreconditionFailed):
        again.delete(if_generation_match=seen.generation)
    shutil.rmtree(api.cloud.root / "objects" / bucket.name)
    found = bucket.get_blob("data/orders.ndjson")
    assert found.generation == again.generation, "a lost index derives the same generation again"
    path.unlink()
    assert bucket.get_blob("data/orders.ndjson") is None and list(bucket.list_blobs()) == []
    path.symlink_to("/etc/passwd")
    assert bucket.get_blob("data/orders.ndjson") is None and list(bucket.list_blobs()) == [], "no way out of the bucket"


def test_names_that_no_file_can_have_are_objects_too(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names), versioning={"enabled": True}, **OFF)
    odd = ["a//b", "/a", "../../x", "a/./b", "x" * 300, "..", "a\0b", "folder/", "f"]
    for name in odd:
        if name == "..":
            with pytest.raises(exceptions.BadRequest, match="Invalid object name"):
                bucket.blob(name).upload_from_string(name)
            continue
        bucket.blob(name).upload_from_string(name)
        assert bucket.blob(name).download_as_text() == name
    assert set(files(folder(api, bucket))) == {"f"} and (folder(api, bucket) / "folder").is_dir()
    bucket.blob("f/below").upload_from_string("beside")
    assert bucket.blob("f/below").download_as_text() == "beside" and bucket.blob("f").download_as_text() == "f"
    bucket.blob("f/below").upload_from_string("again")
    (folder(api, bucket) / "f").unlink()
    (folder(api, bucket) / "f").mkdir()
    (folder(api, bucket) / "f" / "below").write_text("in the mount")
    assert bucket.blob("f/below").download_as_text() == "in the mount", "what the mount shows is what there is"
    assert bucket.get_blob("f") is None
    bucket.blob("f").upload_from_string("beside a folder")
    assert bucket.blob("f").download_as_text() == "beside a folder"
    (folder(api, bucket) / "folder").rmdir()
    assert bucket.get_blob("folder/") is None
    assert {one.name for one in bucket.list_blobs()} == {*odd, "f/below"} - {"..", "folder/"}
    for blob in list(bucket.list_blobs()):
        blob.delete()
    assert files(folder(api, bucket)) == {} and list(bucket.list_blobs()) == []


@pytest.fixture
def plain(api: Api, names: Iterator[str]) -> Store:
    bucket = api.declare(next(names), versioning={"enabled": True}, **OFF)
    return Store(api.cloud, bucket.name)


class Killed(BaseException):
    """Stands for a kill: nothing that would catch an error may catch it."""


def put(at: Store, text: str) -> int:
    return at.put("a", staged(at.staging, [text.encode()]), {"contentType": "text/plain"}).generation


def read(at: Store) -> str:
    _, file = at.opened("a")
    with file:
        return file.read().decode()


def test_a_replacement_that_was_written_down_is_completed(plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(plain, "one")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_move", kill)
        with pytest.raises(Killed):
            put(plain, "two")
    assert read(plain) == "two", "whoever comes next completes it"
    live = plain.version("a")
    assert live.generation > first and live.document["contentType"] == "text/plain"
    assert [one.generation for one in plain.index.noncurrent("a")] == [first]
    assert plain.content(plain.version("a", first)).read_text() == "one"


def test_a_replacement_that_was_not_written_down_never_was(plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(plain, "one")
    with monkeypatch.context() as patch:
        patch.setattr(Index, "put", kill)
        with pytest.raises(Killed):
            put(plain, "two")
    assert (read(plain), plain.version("a").generation) == ("one", first)
    assert list(plain.index.kept("noncurrent")) == []


def test_a_deletion_that_was_begun_is_completed(plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(plain, "one")
    with monkeypatch.context() as patch:
        patch.setattr(Index, "put", kill)
        with pytest.raises(Killed):
            plain.delete("a", None, NONE)
    assert plain.live("a") is None
    assert plain.content(plain.version("a", first)).read_text() == "one", "and nothing is lost"


def test_what_killed_processes_leave_is_swept(plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, left = put(plain, "one"), staged(plain.staging, [b"left"])
    put(plain, "two")
    orphan = plain.beside / "versions" / "0-1"
    orphan.write_text("x")
    lifecycle.act(plain.cloud)
    assert left.path.exists() and orphan.exists(), "what is new may be on its way"
    monkeypatch.setattr(lifecycle, "_ORPHANED_SECONDS", -1.0)
    lifecycle.act(plain.cloud)
    assert not left.path.exists() and not orphan.exists()
    assert plain.content(plain.version("a", first)).read_text() == "one"


def test_a_damaged_index_is_set_apart(plain: Store) -> None:
    generation = put(plain, "one")
    index.close_all()
    for suffix in ("-wal", "-shm"):
        Path(f"{plain.beside / 'index.db'}{suffix}").unlink(missing_ok=True)
    (plain.beside / "index.db").write_bytes(b"nonsense" * 1000)
    assert (read(plain), plain.version("a").generation) == ("one", generation)
    assert (plain.beside / "index.db.damaged").exists()
    assert (plain.beside / "index.db").stat().st_mode & 0o777 == 0o600


def kill(*_: object, **__: object) -> None:
    raise Killed
