"""One measurement in a process of its own: `python -m bench.reading.run PROGRAM FILE` prints seconds, peak memory and
orders as JSON.
"""

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from ml.feature_engineering import FeatureConfig, build_features
from ml.reading import Block, blocks_of, lines_of
from orderguard.masking import Keyring, new_key_text
from orderguard.schema import Order

CORES = len(os.sched_getaffinity(0))


def build(path: Path) -> int:
    """Read, quarantine, mask, sort, learn the catalogue, compute features: what training does, on all cores."""
    keyring = Keyring.from_text(new_key_text())
    return len(build_features([path], keyring, FeatureConfig(workers=CORES)).X)


def parse(path: Path) -> int:
    """Each line into the typed schema with msgspec, on one core, and forgotten."""
    gc.disable()
    decode = msgspec.json.Decoder(Order).decode
    with path.open("rb") as lines:
        return sum(decode(line) is not None for line in lines)


def parse_on_all_cores(path: Path) -> int:
    """The same on all cores, in blocks."""
    with ProcessPoolExecutor(CORES, get_context("fork")) as pool:
        return sum(pool.map(_parsed, blocks_of(path)))


def _parsed(block: Block) -> int:
    gc.disable()
    decode = msgspec.json.Decoder(Order).decode
    return sum(decode(line) is not None for line in lines_of(block) if line)


PROGRAMS: dict[str, Callable[[Path], int]] = {
    "build": build,
    "msgspec": parse,
    "msgspec on all cores": parse_on_all_cores,
}


def main(program: str, path: Path) -> None:
    """Run one program. The peak is that of this process and, as an upper bound, of all workers at once."""
    begun, started = time.perf_counter(), time.process_time()
    orders = PROGRAMS[program](path)
    seconds = time.perf_counter() - begun
    own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = sum(usage.ru_utime + usage.ru_stime for usage in (own, workers)) - started
    peak = (own.ru_maxrss + CORES * workers.ru_maxrss) / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": processor, "orders": orders, "peak_mib": peak}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
