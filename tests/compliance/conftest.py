"""What the suite shares: a run of the pipeline on orders, in files, that hold every canary."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from data.generator.sample import lines, make_world
from tests.compliance.canaries import CANARIES, canary_order
from tests.compliance.canary_routes import FILE_NAMES, orders
from tests.serving import END, MASKING_KEY, REPOSITORY, START

ORDERS = 1_500
CANARY_ORDERS = 40


class Run(NamedTuple):
    """A run of the pipeline on a feed that holds canaries: what it printed and the folder it wrote to."""

    printed: bytes
    folder: Path


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`python -m ml prepare` and `train` on usual orders, orders full of canaries, and broken lines full of them; under
    the umask that keeps nothing private.
    """
    folder = tmp_path_factory.mktemp("training")
    raw, written = folder / "raw", folder / "written"
    raw.mkdir()
    feed = [line.data for line in lines(make_world(3, ORDERS, START, END), ORDERS, START, END)]
    step = len(feed) // CANARY_ORDERS
    for number in range(CANARY_ORDERS):
        feed.insert(number * (step + 1), json.dumps(canary_order(number + 1)).encode())
    mail, card, name = FILE_NAMES.values()
    (raw / mail).write_bytes(b"\n".join(feed) + b"\n")
    (raw / card).write_bytes(b"\n".join(orders()) + b"\n")
    (raw / name).write_bytes(gzip.compress(b"\n".join(broken_lines()) + b"\n"))
    environment = {**os.environ, "MASKING_KEY": MASKING_KEY}
    quarantine = ["--data", str(raw), "--quarantine", str(written / "quarantine" / "bad-lines.ndjson")]
    printed = b""
    for words in (
        ["prepare", *quarantine, "--out", str(written / "features" / "features.npz")],
        ["train", *quarantine, "--models", str(written / "models"), "--histories", str(written / "histories")],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ml", *words], cwd=REPOSITORY, env=environment, capture_output=True, umask=0
        )
        assert done.returncode in (0, 3), done.stderr.decode()
        printed += done.stdout + done.stderr
    return Run(printed, written)


def broken_lines() -> Iterator[bytes]:
    """Lines that can't be used, each full of canaries in another place."""
    whole = json.dumps(canary_order(900))
    yield whole[:-1].encode()
    yield whole.replace('"quantity": 1', f'"quantity": "{CANARIES["customer.email"]}"').encode()
    yield whole.replace('"currency": "EUR"', f'"currency": "{CANARIES["customer.name"]}"').encode()
    yield json.dumps({CANARIES["customer.email"]: CANARIES["customer.name"]}).encode()
    yield CANARIES["customer.name"].encode("utf-16")
