"""The process of the interfaces is killed while a client uploads: what was acknowledged is there, and all is whole."""

import hashlib
import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from infra.local.apis.identity import OWNER, Identity
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud
from tests.local_cloud.storage_server import files

KILLS = int(os.environ.get("STORAGE_KILLS", "2"))
SIZE = 200_000


def body(name: str, turn: int) -> bytes:
    """A content that tells whose it is."""
    return f"{name} {turn} ".encode() + bytes(SIZE)


def process_of(cloud: Cloud) -> int:
    """The interfaces' process; 0 for none."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"infra.local.apis" in words and str(cloud.home.root).encode() in words:
            return int(path.parent.name)
    return 0


@pytest.mark.no_cover
def test_what_was_acknowledged_survives_and_nothing_is_half(
    cloud: Cloud, ask: Any, wait_until: Callable[..., Any]
) -> None:
    ask.create("gcp:storage/bucket:Bucket", {"name": "raw", "location": "EU", "versioning": {"enabled": True}})
    address = {"api_endpoint": leading(cloud, Identity(OWNER, "a-project"))["STORAGE_EMULATOR_HOST"]}
    client = storage.Client(project="a-project", credentials=AnonymousCredentials(), client_options=address)
    bucket = client.bucket("raw")
    acknowledged: dict[str, int] = {}
    generations: dict[int, str] = {}
    ends, count = threading.Event(), [0]
    seeded = random.Random(21)

    def upload() -> None:
        turn = 0
        while not ends.is_set():
            turn += 1
            blob = bucket.blob(f"object-{turn % 7}")
            data = body(blob.name, turn)
            try:
                blob.upload_from_string(data, retry=None, timeout=20)
            except OSError:
                continue  # the connection broke: it may be there or not
            acknowledged[blob.name] = turn
            generations[blob.generation] = hashlib.md5(data, usedforsecurity=False).hexdigest()
            count[0] += 1

    uploading = threading.Thread(target=upload)
    uploading.start()
    try:
        for _ in range(KILLS):
            before = count[0]
            wait_until(lambda: count[0] >= before + 2 + seeded.randrange(5))
            os.kill(wait_until(lambda: process_of(cloud)), signal.SIGKILL)
        before = count[0]
        wait_until(lambda: count[0] > before)
    finally:
        ends.set()
        uploading.join()
    for name, turn in acknowledged.items():
        data = bucket.blob(name).download_as_bytes()
        told = int(data.split()[1])
        assert told >= turn and data == body(name, told), f"{name} is another or not whole"
    kept = {one.generation: one for one in bucket.list_blobs(versions=True)}
    for generation, digest in generations.items():
        content = bucket.blob(kept[generation].name, generation=generation).download_as_bytes()
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == digest, "a former version is another"
    assert set(files(cloud.bucket("raw"))) == {one.name for one in bucket.list_blobs()}
