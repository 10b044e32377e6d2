"""1,000 objects of 1 MiB up and down through Google's own Storage client, beside the disk itself.

The disk's speed is that of a loop in one process that does what an object's content needs at least: up, the CRC32C that
the client computes, too, a file written, flushed to the disk (fsync) and renamed; down, the file read and its CRC32C
computed, after the kernel was told to forget it (posix_fadvise), so that it comes from the disk. The client is one
process, with one call at a time and with four threads; down it takes an object in one piece (`single_shot_download`)
and checks its CRC32C, as it does by default. All take turns, block by block.
"""

import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google_crc32c

from infra.local.apis.identity import OWNER, Identity
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.supervisor import client

REPORT = Path("reports/bench/clients.json")
OBJECTS = int(os.environ.get("BENCH_OBJECTS", "1000"))
BLOCK = 100
SIZE = 1 << 20
THREADS = 4

Step = Callable[[Iterable[int]], object]


def main() -> None:
    """Measure, print a table, write reports/bench/clients.json."""
    warnings.simplefilter("ignore", FutureWarning)
    with tempfile.TemporaryDirectory(prefix="clients-", dir=os.environ.get("BENCH_FOLDER")) as folder:
        cloud = Cloud(Home(Path(folder) / "home"), "test")
        try:
            found = _measured(cloud, Path(folder) / "plain")
        finally:
            client.stop(cloud)
    print(f"    {'':28}{'up':>10}{'of disk':>9}{'down':>10}{'of disk':>9}")
    for name in ("disk", "client, one at a time", f"client, {THREADS} threads"):
        up, down = found["up"][name], found["down"][name]
        shares = [up / found["up"]["disk"], down / found["down"]["disk"]]
        print(f"    {name:28}{up:>6.0f} MiB/s{shares[0]:>8.0%} {down:>6.0f} MiB/s{shares[1]:>8.0%}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1))


def _measured(cloud: Cloud, plain: Path) -> dict[str, dict[str, float]]:
    """Direction → who → MiB a second, the median of the blocks."""
    os.environ.update(leading(cloud, Identity(OWNER, "bench")))
    from google.cloud import storage

    bucket: Any = storage.Client(project="bench").create_bucket("bench-objects")
    plain.mkdir()
    content = [os.urandom(SIZE) for _ in range(BLOCK)]
    pool = ThreadPoolExecutor(THREADS)

    def write(number: int) -> None:
        data = content[number % BLOCK]
        google_crc32c.value(data)
        aside = plain / f".{number}"
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, plain / str(number))

    def upload(kind: str) -> Callable[[int], None]:
        return lambda number: bucket.blob(f"{kind}/{number}").upload_from_string(content[number % BLOCK])

    def read(number: int) -> None:
        google_crc32c.value((plain / str(number)).read_bytes())

    def download(kind: str) -> Callable[[int], None]:
        def one(number: int) -> None:
            content = bucket.blob(f"{kind}/{number}").download_as_bytes(single_shot_download=True)
            if len(content) != SIZE:
                raise RuntimeError("an object came down otherwise than it went up")

        return one

    def each(call: Callable[[int], object]) -> Step:
        return lambda numbers: [call(number) for number in numbers]

    def side_by_side(call: Callable[[int], object]) -> Step:
        return lambda numbers: list(pool.map(call, numbers))

    several = f"client, {THREADS} threads"
    up = {"disk": each(write), "client, one at a time": each(upload("one")), several: side_by_side(upload("four"))}
    down = {"disk": each(read), "client, one at a time": each(download("one")), several: side_by_side(download("four"))}
    below = cloud.bucket("bench-objects")
    folders = {"disk": plain, "client, one at a time": below / "one", several: below / "four"}
    upload("one")(0), upload("four")(0)
    return {"up": _rates(up, folders, forget=False), "down": _rates(down, folders, forget=True)}


def _rates(steps: dict[str, Step], folders: dict[str, Path], *, forget: bool) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for block in range(OBJECTS // BLOCK):
        numbers = range(block * BLOCK, (block + 1) * BLOCK)
        for name, step in steps.items():
            if forget:
                for number in numbers:
                    _forget(folders[name] / str(number))
            begun = time.perf_counter()
            step(numbers)
            taken[name].append(BLOCK * SIZE / (1 << 20) / (time.perf_counter() - begun))
    return {name: statistics.median(rates) for name, rates in taken.items()}


def _forget(path: Path) -> None:
    """Let the kernel drop what it keeps of a file in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
