"""Cloud Storage for official clients: Google's own library against the stack's buckets."""

import errno
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage import transfer_manager

from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.provider.resource import Place
from infra.local.services.storage import RESOURCES
from tests.local_cloud.storage_server import ACCOUNT, Api, answering

KIB = 1024


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with answering(Cloud(Home(tmp_path_factory.mktemp("storage") / "home"), "test")) as made:
        yield made


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return (f"bucket-{number}" for number in range(1000))


@pytest.fixture
def bucket(api: Api, names: Iterator[str]) -> Any:
    """A bucket of the program's, empty."""
    return api.declare(next(names))


def raw(api: Api, method: str, path: str, account: str | None = None, **rest: Any) -> requests.Response:
    place = api.address() if account is None else api.address(account)
    return requests.request(method, place + path, timeout=30, **rest)


def test_an_object_is_a_file_of_the_bucket_and_tells_what_google_cloud_tells(api: Api, bucket: Any) -> None:
    blob = bucket.blob("orders/2026/a.ndjson")
    blob.metadata = {"shop": "42"}
    blob.upload_from_string(b"hello", content_type="application/x-ndjson")
    path = api.cloud.bucket(bucket.name) / "orders/2026/a.ndjson"
    assert path.read_bytes() == b"hello" and path.stat().st_mode & 0o777 == 0o600
    assert (path.parent.stat().st_mode & 0o777, blob.metageneration, blob.size) == (0o700, 1, 5)
    assert (blob.md5_hash, blob.crc32c) == ("XUFAKrxLKna5cZ2REBfFkg==", "mnG7TA==")
    again = bucket.get_blob("orders/2026/a.ndjson")
    assert (again.content_type, again.metadata, again.storage_class) == (
        "application/x-ndjson",
        {"shop": "42"},
        "STANDARD",
    )
    assert again.generation == blob.generation and again.etag == blob.etag
    assert again.download_as_bytes() == b"hello"
    assert again.download_as_bytes(start=1, end=3) == b"ell"
    assert again.download_as_bytes(start=3) == b"lo"
    assert again.download_as_bytes(start=-2) == b"lo"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        again.download_as_bytes(start=9)
    assert bucket.get_blob("no such") is None and not bucket.blob("no such").exists()
    with pytest.raises(exceptions.NotFound, match=f"No such object: {bucket.name}/no such"):
        bucket.blob("no such").download_as_bytes()
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        api.client().bucket("no-such-bucket").blob("a").upload_from_string("x")


def test_a_large_object_goes_up_in_chunks_and_comes_down_in_parts(bucket: Any) -> None:
    data = os.urandom(5 * KIB * KIB + 77)
    blob = bucket.blob("large", chunk_size=256 * KIB)
    blob.upload_from_file(io.BytesIO(data), size=len(data))
    assert (blob.size, bucket.blob("large").download_as_bytes() == data) == (len(data), True)
    assert bucket.blob("large", chunk_size=1024 * KIB).download_as_bytes() == data
    stream = bucket.blob("stream", chunk_size=256 * KIB)
    with stream.open("wb") as writer:
        for at in range(0, 600_000, 1000):
            writer.write(data[at : at + 1000])
    with stream.open("rb") as reader:
        assert reader.read() == data[:600_000]
    empty = bucket.blob("empty", chunk_size=256 * KIB)
    empty.upload_from_file(io.BytesIO(b""))
    assert empty.size == 0 and bucket.blob("empty").download_as_bytes() == b""


def test_an_upload_that_broke_off_goes_on_where_it_was(api: Api, bucket: Any) -> None:
    data = os.urandom(700 * KIB)
    begun = raw(
        api,
        "POST",
        f"/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&name=x",
        json={"contentType": "text/x"},
    )
    address = begun.headers["Location"]

    def put(body: bytes, told: str) -> requests.Response:
        return requests.put(address, data=body, headers={"Content-Range": told}, timeout=30)

    asked = put(b"", "bytes */*")
    assert (asked.status_code, asked.headers.get("Range")) == (308, None)
    first = put(data[: 300 * KIB], f"bytes 0-{300 * KIB - 1}/{len(data)}")
    assert (first.status_code, first.headers["Range"]) == (308, f"bytes=0-{256 * KIB - 1}"), "whole units are kept"
    assert put(b"x", f"bytes {600 * KIB}-{600 * KIB}/{len(data)}").status_code == 503, "there is a gap"
    assert bucket.get_blob("x") is None, "nothing shows before it is whole"
    asked = put(b"", f"bytes */{len(data)}")
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{256 * KIB - 1}")
    rest = put(data[256 * KIB :], f"bytes {256 * KIB}-{len(data) - 1}/{len(data)}")
    assert (rest.status_code, rest.json()["size"], rest.json()["contentType"]) == (200, str(len(data)), "text/x")
    assert put(b"", "bytes */*").json()["generation"] == rest.json()["generation"], "who asks again is told again"
    assert bucket.blob("x").download_as_bytes() == data

    begun = raw(api, "POST", f"/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable", json={"name": "y"})
    assert requests.delete(begun.headers["Location"], timeout=30).status_code == 499
    assert requests.put(begun.headers["Location"], data=b"x", timeout=30).status_code == 404


def test_what_arrived_otherwise_than_it_was_sent_is_no_object(api: Api, bucket: Any) -> None:
    blob = bucket.blob("a")
    blob.md5_hash = "AAAAAAAAAAAAAAAAAAAAAA=="
    with pytest.raises(exceptions.BadRequest, match="doesn't match calculated MD5"):
        blob.upload_from_string("x", checksum=None)
    path = f"/upload/storage/v1/b/{bucket.name}/o"
    wrong = raw(api, "POST", f"{path}?uploadType=media&name=a", data=b"x", headers={"x-goog-hash": "crc32c=AAAAAA=="})
    assert wrong.status_code == 400 and "CRC32C" in wrong.json()["error"]["message"]
    cut = b'--b\r\nContent-Type: application/json\r\n\r\n{"name": "a"}\r\n--b\r\nContent-Type: text/x\r\n\r\nhalf'
    related = {"Content-Type": "multipart/related; boundary=b"}
    assert raw(api, "POST", f"{path}?uploadType=multipart", data=cut, headers=related).status_code == 400
    for body in (
        b"",
        b"nonsense" * 9,
        b"--b\r\n\r\n{\r\n--b\r\n\r\nx\r\n--b--",
        cut.replace(b'"a"', b"7") + b"\r\n--b--",
    ):
        assert raw(api, "POST", f"{path}?uploadType=multipart", data=body, headers=related).status_code == 400, body
    whole = cut + b"\r\n--b--\r\n"
    assert (
        raw(api, "POST", f"{path}?uploadType=multipart", data=whole, headers=related).json()["contentType"] == "text/x"
    )
    assert bucket.blob("a").download_as_bytes() == b"half"
    assert raw(api, "POST", f"{path}?uploadType=none&name=a").status_code == 400
    assert raw(api, "POST", f"{path}?uploadType=media", data=b"x").json()["error"]["errors"][0]["reason"] == "required"
    assert [one for one in (api.cloud.root / "objects" / bucket.name / "staged").iterdir()] == [], "and nothing is left"


def test_gzip_is_unpacked_for_who_does_not_take_it(api: Api, bucket: Any) -> None:
    text = b"orders " * 1000
    blob = bucket.blob("a.txt")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(text), content_type="text/plain")
    assert blob.download_as_bytes() == text
    assert gzip.decompress(blob.download_as_bytes(raw_download=True)) == text
    path = f"/download/storage/v1/b/{bucket.name}/o/a.txt"
    plain = raw(api, "GET", path, headers={"Accept-Encoding": "identity"})
    assert plain.content == text and "Content-Encoding" not in plain.headers
    blob.cache_control = "no-transform"
    blob.patch()
    kept = raw(api, "GET", path, headers={"Accept-Encoding": "identity"}, stream=True)
    assert kept.headers["Content-Encoding"] == "gzip"


def test_a_list_comes_in_pages_in_the_order_of_bytes(bucket: Any) -> None:
    there = ["a", "a-b", "a/", "a/b", "a/c/d", "a/c/e", "a.b", "b/x", "z", "ä", "日本/語", "a//b", "../up", "a/b/c"]
    for name in there:
        bucket.blob(name).upload_from_string(name)

    def listed(**asked: Any) -> list[str]:
        return [one.name for one in bucket.list_blobs(**asked)]

    assert listed() == sorted(there)
    assert listed(page_size=3) == sorted(there)
    assert listed(max_results=4) == sorted(there)[:4]
    assert listed(prefix="a/c") == ["a/c/d", "a/c/e"]
    assert listed(start_offset="b", end_offset="ä") == ["b/x", "z"]
    assert listed(match_glob="a/*") == ["a/", "a/b"] and listed(match_glob="**/{d,x}") == ["a/c/d", "b/x"]

    def folder(**asked: Any) -> tuple[list[str], list[str]]:
        pages = bucket.list_blobs(delimiter="/", page_size=1, **asked)
        return [one.name for one in pages], sorted(pages.prefixes)

    assert folder() == (["a", "a-b", "a.b", "z", "ä"], ["../", "a/", "b/", "日本/"])
    assert folder(prefix="a/") == (["a/", "a/b"], ["a//", "a/b/", "a/c/"])
    assert folder(prefix="a/", include_trailing_delimiter=True)[1] == ["a//", "a/b/", "a/c/"]
    with pytest.raises(exceptions.BadRequest, match="pageToken"):
        listed(page_token="nonsense")


def test_preconditions_decide(bucket: Any) -> None:
    blob = bucket.blob("a")
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string("1", if_generation_match=5)
    blob.upload_from_string("1", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string("2", if_generation_match=0)
    generation = blob.generation
    blob.upload_from_string("2", if_generation_match=generation, if_metageneration_match=1)
    assert blob.generation > generation
    with pytest.raises(exceptions.NotModified):
        blob.reload(if_generation_not_match=blob.generation)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=generation)
    blob.metadata = {"a": "1"}
    blob.patch(if_metageneration_match=1)
    assert blob.metageneration == 2
    with pytest.raises(exceptions.PreconditionFailed):
        blob.patch(if_metageneration_match=1)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.copy_blob(blob, bucket, "b", if_source_generation_match=generation)
    bucket.copy_blob(blob, bucket, "b", if_generation_match=0, if_source_generation_match=blob.generation)
    large = bucket.blob("a", chunk_size=256 * KIB)
    with pytest.raises(exceptions.PreconditionFailed):
        large.upload_from_file(io.BytesIO(b"3" * 300 * KIB), if_generation_match=0)
    assert bucket.blob("a").download_as_bytes() == b"2"


def test_objects_are_copied_moved_composed_and_described(api: Api, bucket: Any, names: Iterator[str]) -> None:
    other = api.declare(next(names), storageClass="NEARLINE")
    first = bucket.blob("a b/ü?#%.txt")
    first.metadata = {"k": "1", "gone": "2"}
    first.upload_from_string("one", content_type="text/plain")
    copy = bucket.copy_blob(first, other, "copy")
    assert (copy.content_type, copy.metadata, copy.storage_class) == ("text/plain", first.metadata, "NEARLINE")
    first.metadata = {"gone": None, "new": "3"}
    first.patch()
    assert bucket.get_blob(first.name).metadata == {"k": "1", "new": "3"}
    first.content_type, first.metadata = "text/html", {"only": "4"}
    first.update()
    assert (bucket.get_blob(first.name).content_type, first.metadata) == ("text/html", {"only": "4"})
    large = bucket.blob("large")
    large.upload_from_string(os.urandom(3 * KIB * KIB))
    path = f"/storage/v1/b/{bucket.name}/o/large/rewriteTo/b/{other.name}/o/large?maxBytesRewrittenPerCall=2097152"
    part = raw(api, "POST", path).json()
    assert (part["done"], part["totalBytesRewritten"]) == (False, str(2 * KIB * KIB))
    assert other.get_blob("large") is None
    assert raw(api, "POST", f"{path}&rewriteToken={'0' * 32}").status_code == 404
    rest = raw(api, "POST", f"{path}&rewriteToken={part['rewriteToken']}").json()
    assert (rest["done"], rest["resource"]["md5Hash"]) == (True, large.md5_hash)
    copy.update_storage_class("COLDLINE")
    assert other.get_blob("copy").storage_class == "COLDLINE"
    second = bucket.blob("second")
    second.upload_from_string("two")
    whole = bucket.blob("whole")
    whole.content_type = "text/csv"
    whole.compose([first, second, first])
    assert (whole.component_count, whole.md5_hash, whole.content_type) == (3, None, "text/csv")
    assert bucket.blob("whole").download_as_bytes() == b"onetwoone"
    with pytest.raises(exceptions.NotFound):
        whole.compose([first, bucket.blob("none")])
    moved = bucket.move_blob(second, "moved/second")
    assert bucket.get_blob("second") is None and moved.download_as_bytes() == b"two"
    assert not (api.cloud.bucket(bucket.name) / "second").exists()
    bucket.rename_blob(moved, "back")
    assert not (api.cloud.bucket(bucket.name) / "moved").exists(), "a folder without objects goes"


def test_a_batch_is_done_call_by_call(api: Api, bucket: Any) -> None:
    client = api.client()
    own = client.bucket(bucket.name)
    for number in range(5):
        own.blob(f"a/{number}").upload_from_string("x")
    with client.batch():
        for number in range(4):
            own.blob(f"a/{number}").delete()
    assert [one.name for one in bucket.list_blobs()] == ["a/4"]
    with pytest.raises(exceptions.NotFound), client.batch():
        own.delete_blob("none")
        own.delete_blob("a/4")
    assert list(bucket.list_blobs()) == [], "one that fails keeps no other from being done"
    assert raw(api, "POST", "/batch/storage/v1", data=b"nonsense").status_code == 400


def test_parts_go_up_side_by_side(api: Api, bucket: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", api.address())
    file = tmp_path / "large"
    file.write_bytes(os.urandom(12 * KIB * KIB))
    blob = storage.Client().bucket(bucket.name).blob("deep/large")
    transfer_manager.upload_chunks_concurrently(
        str(file), blob, chunk_size=5 * KIB * KIB, max_workers=2, worker_type=transfer_manager.THREAD
    )
    assert blob.download_as_bytes() == file.read_bytes()
    results = transfer_manager.download_many_to_path(
        bucket, ["deep/large"], destination_directory=str(tmp_path / "down"), worker_type=transfer_manager.THREAD
    )
    assert results == [None] and (tmp_path / "down/deep/large").read_bytes() == file.read_bytes()
    public = raw(api, "HEAD", f"/{bucket.name}/deep/large")
    assert (public.headers["Content-Length"], public.headers["x-goog-stored-content-encoding"]) == (
        str(12 * KIB * KIB),
        "identity",
    )
    missing = raw(api, "GET", f"/{bucket.name}/none")
    assert missing.status_code == 404 and b"<Code>NoSuchKey</Code>" in missing.content


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("roles/storage.objectViewer", {"get", "list"}),
        ("roles/storage.objectCreator", {"create"}),
        ("roles/storage.objectUser", {"get", "list", "create", "replace", "update", "delete"}),
        ("roles/storage.legacyBucketReader", {"list", "bucket"}),
        ("roles/storage.legacyBucketWriter", {"list", "bucket", "create", "replace", "delete"}),
        ("roles/storage.admin", {"get", "list", "create", "replace", "update", "delete", "bucket", "change"}),
    ],
)
def test_the_bindings_decide_on_each_call(api: Api, bucket: Any, role: str, may: set[str]) -> None:
    for name in ("a", "b"):
        bucket.blob(name).upload_from_string("x")
    api.grant(bucket.name, role)
    own = api.client(ACCOUNT).bucket(bucket.name)

    def change() -> None:
        own.labels = {"a": "b"}
        own.patch()

    def update() -> None:
        blob = own.blob("a")
        blob.metadata = {"a": "b"}
        blob.patch()

    calls: dict[str, Callable[[], Any]] = {
        "get": lambda: own.blob("a").download_as_bytes(),
        "list": lambda: list(own.list_blobs()),
        "create": lambda: own.blob("new").upload_from_string("x"),
        "replace": lambda: own.blob("b").upload_from_string("x"),
        "update": update,
        "delete": lambda: own.blob("a").delete(),
        "bucket": lambda: own.reload(),
        "change": change,
    }
    done = set()
    for name, call in calls.items():
        try:
            call()
            done.add(name)
        except exceptions.Forbidden as problem:
            assert f"{ACCOUNT} does not have storage." in str(problem)
    assert done == may
    held = set(own.test_iam_permissions(["storage.objects.get", "storage.objects.list"]))
    assert held == {f"storage.objects.{name}" for name in ("get", "list") if name in may}


def test_who_says_nothing_of_himself_gets_what_is_public(api: Api, bucket: Any) -> None:
    bucket.blob("a").upload_from_string("x")
    path = f"/storage/v1/b/{bucket.name}/o/a"
    refused = raw(api, "GET", path, account="")
    assert refused.status_code == 401 and refused.json()["error"]["message"].startswith(
        "Anonymous caller does not have"
    )
    assert raw(api, "GET", path, account="", headers={"Authorization": "Bearer made-up"}).status_code == 401
    api.grant(bucket.name, "roles/storage.objectViewer", "allUsers")
    assert raw(api, "GET", f"{path}?alt=media", account="").content == b"x"
    assert raw(api, "GET", f"/{bucket.name}/a", account="").content == b"x"
    assert raw(api, "DELETE", path, account="").status_code == 401


def test_of_those_who_ask_at_once_one_wins(api: Api, bucket: Any) -> None:
    def ask(number: int) -> bool:
        try:
            api.client().bucket(bucket.name).blob("lock").upload_from_string(str(number), if_generation_match=0)
        except exceptions.PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(ask, range(16)))
    assert won.count(True) == 1 and bucket.blob("lock").download_as_text() == str(won.index(True))


def test_a_full_disk_is_said_and_leaves_what_is_there(api: Api, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.blob("a").upload_from_string("before")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("infra.local.objects.staging.os.fsync", full)
        path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=a"
        refused = raw(api, "POST", path, data=b"after")
        assert (refused.status_code, refused.json()["error"]["errors"][0]["reason"]) == (507, "insufficientStorage")
    assert bucket.blob("a").download_as_bytes() == b"before"
    assert list((api.cloud.root / "objects" / bucket.name / "staged").iterdir()) == [], "and nothing is left"


def test_a_condition_on_the_name_holds_for_each_object(api: Api, bucket: Any) -> None:
    for name in ("in/a", "out/a"):
        bucket.blob(name).upload_from_string("x")
    prefix = f"projects/_/buckets/{bucket.name}/objects/in/"
    condition = {"title": "in", "expression": f'resource.name.startsWith("{prefix}")'}
    member = {"bucket": bucket.name, "role": "roles/storage.objectUser", "member": f"serviceAccount:{ACCOUNT}"}
    api.ask.create("gcp:storage/bucketIAMMember:BucketIAMMember", {**member, "condition": condition}, bucket.name)
    own = api.client(ACCOUNT).bucket(bucket.name)
    assert own.blob("in/a").download_as_bytes() == b"x"
    own.blob("in/b").upload_from_string("y", if_generation_match=0)
    refused: list[Callable[[], Any]] = [
        lambda: own.blob("out/a").download_as_bytes(),
        lambda: own.blob("out/b").upload_from_string("y", if_generation_match=0),
        lambda: own.blob("i").upload_from_string("y"),
        lambda: own.copy_blob(own.blob("in/a"), own, "out/c"),
        lambda: own.blob("in/c").compose([own.blob("in/a"), own.blob("out/a")]),
        lambda: own.blob("out/a").delete(),
    ]
    for call in refused:
        with pytest.raises(exceptions.Forbidden):
            call()
    assert list((api.cloud.root / "objects" / bucket.name / "staged").iterdir()) == [], "and nothing is left"
    assert [one.name for one in bucket.list_blobs()] == ["in/a", "in/b", "out/a"]


def test_what_is_never_public_is_not_public(api: Api, names: Iterator[str]) -> None:
    bucket = api.declare(next(names), publicAccessPrevention="enforced")
    bucket.blob("a").upload_from_string("x")
    api.grant(bucket.name, "roles/storage.objectViewer", "allUsers")
    assert raw(api, "GET", f"/{bucket.name}/a", account="").status_code == 401


def test_a_client_makes_changes_and_deletes_buckets(api: Api) -> None:
    client = api.client()
    bucket = client.bucket("made-by-a-client")
    bucket.versioning_enabled = True
    bucket.storage_class = "NEARLINE"
    bucket.labels = {"team": "a"}
    bucket.add_lifecycle_delete_rule(age=30, is_live=False)
    bucket.add_lifecycle_set_storage_class_rule("ARCHIVE", matches_prefix=["old/"])
    bucket.create(location="europe-west1")
    again = client.get_bucket("made-by-a-client")
    assert (again.location, again.location_type, again.versioning_enabled) == ("EUROPE-WEST1", "region", True)
    assert list(again.lifecycle_rules) == list(bucket.lifecycle_rules) and again.labels == {"team": "a"}
    assert again.soft_delete_policy.retention_duration_seconds == 604800
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("made-by-a-client")
    with pytest.raises(exceptions.BadRequest, match="Invalid bucket name"):
        client.create_bucket("Upper")
    again.labels = {"new": "b"}
    again.patch()
    assert client.get_bucket("made-by-a-client").metageneration == 2
    again.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        again.delete()
    assert "made-by-a-client" in {one.name for one in client.list_buckets()}
    again.blob("x").delete()
    again.delete_blobs(list(again.list_blobs(versions=True)), preserve_generation=True)
    again.delete()
    assert client.lookup_bucket("made-by-a-client") is None
    assert not api.cloud.bucket("made-by-a-client").exists()
    with pytest.raises(exceptions.Forbidden, match="storage.buckets.create"):
        api.client(ACCOUNT).create_bucket("another")


def test_a_programs_bucket_shows_its_declaration_and_gets_it_back(api: Api) -> None:
    token = "gcp:storage/bucket:Bucket"
    inputs = {
        "name": "declared",
        "location": "EU",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
        "versioning": {"enabled": True},
        "lifecycleRules": [
            {"action": {"type": "Delete"}, "condition": {"numNewerVersions": 3, "withState": "ARCHIVED"}},
            {"action": {"type": "Delete"}, "condition": {"age": 1, "matchesPrefixes": ["tmp/"]}},
        ],
        "softDeletePolicy": {"retentionDurationSeconds": 0},
    }
    api.ask.create(token, inputs, "declared")
    api.grant("declared", "roles/storage.objectViewer", "allUsers")
    bucket = api.client().get_bucket("declared")
    assert list(bucket.lifecycle_rules) == [
        {"action": {"type": "Delete"}, "condition": {"numNewerVersions": 3, "isLive": False}},
        {"action": {"type": "Delete"}, "condition": {"age": 1, "matchesPrefix": ["tmp/"]}},
    ]
    assert bucket.iam_configuration.public_access_prevention == "enforced" and bucket.versioning_enabled
    assert bucket.get_iam_policy().bindings == [{"role": "roles/storage.objectViewer", "members": {"allUsers"}}]
    bucket.versioning_enabled = False
    bucket.patch()
    record = api.cloud.get(token, "declared")
    assert record and record.inputs["versioning"] == {"enabled": True}
    read = RESOURCES[token].read
    place = Place("a-project", "1", "", "", token, "declared")
    assert read and read(api.cloud, record.inputs, place, record.outputs) == {"versioning": {"enabled": False}}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/storage/v1/b/BUCKET/o/a%ff", 400),
        ("GET", "/storage/v1/nothing", 404),
        ("POST", "/storage/v1/b/BUCKET", 405),
        ("GET", "/storage/v1/b/BUCKET/o?versions=perhaps", 400),
        ("GET", "/storage/v1/b/BUCKET/o?maxResults=-1", 400),
        ("GET", "/storage/v1/b/BUCKET/o?delimiter=x&matchGlob=*", 400),
        ("GET", "/storage/v1/b/BUCKET/o/a?ifGenerationMatch=x", 400),
        ("GET", "/storage/v1/b/BUCKET/o/a?softDeleted=true", 400),
        ("POST", "/storage/v1/b/BUCKET/o/a/compose", 400),
        ("POST", "/storage/v1/b/BUCKET/o/a/restore", 400),
        ("POST", "/upload/storage/v1/b/BUCKET/o?uploadType=media&name=a%0Ab", 400),
        ("POST", "/upload/storage/v1/b/BUCKET/o?uploadType=media&name=" + "x" * 1025, 400),
        ("PUT", "/upload/storage/v1/b/BUCKET/o?uploadType=resumable&upload_id=../../x", 404),
        ("GET", "/storage/v1/b/BUCKET/acl", 400),
        ("PUT", "/storage/v1/b/BUCKET/iam", 501),
        ("POST", "/storage/v1/b/BUCKET/lockRetentionPolicy?ifMetagenerationMatch=1", 400),
    ],
)
def test_what_can_not_be_done_is_refused_in_googles_form(
    api: Api, bucket: Any, method: str, path: str, status: int
) -> None:
    answered = raw(api, method, path.replace("BUCKET", bucket.name))
    error = answered.json()["error"]
    assert (answered.status_code, error["code"]) == (status, status), answered.text
    assert error["errors"][0]["message"] == error["message"] and error["errors"][0]["domain"] == "global"


def test_a_body_that_is_no_json_is_refused(api: Api, bucket: Any) -> None:
    for body in (b"{", b"[]", b'"x"', b"\xff"):
        assert raw(api, "PATCH", f"/storage/v1/b/{bucket.name}", data=body).status_code == 400
    bad = {"lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"aeg": 1}}]}}
    refused = raw(api, "PATCH", f"/storage/v1/b/{bucket.name}", data=json.dumps(bad))
    assert "no condition 'aeg'" in refused.json()["error"]["message"]
