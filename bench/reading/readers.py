"""Other libraries' time for merely parsing an order file: `python bench/reading/readers.py FILE` prints seconds by
reader as JSON.

Runs in an environment of its own (requirements.txt beside it) and imports nothing of the project.
"""

import json
import sys
import time

import orjson  # type: ignore[import-not-found]
import polars  # type: ignore[import-not-found]
import pyarrow.json


def with_orjson(path: str) -> int:
    """Each line into dictionaries, on one core."""
    with open(path, "rb") as lines:
        return sum(1 for line in lines if orjson.loads(line))


def with_polars(path: str) -> int:
    """The whole file into a table with nested columns, on all cores."""
    return int(polars.read_ndjson(path, infer_schema_length=10_000).height)


def with_pyarrow(path: str) -> int:
    """The whole file into a table with nested columns, on all cores."""
    return int(pyarrow.json.read_json(path, read_options=pyarrow.json.ReadOptions(block_size=2**24)).num_rows)


READERS = {"orjson": with_orjson, "polars": with_polars, "pyarrow": with_pyarrow}


def main(path: str) -> None:
    """The best of two runs for each reader, so that the file comes from memory."""
    best: dict[str, dict[str, float]] = {}
    for name, read in READERS.items():
        for _ in range(2):
            begun, started = time.perf_counter(), time.process_time()
            read(path)
            run = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - started}
            best[name] = min(best.get(name, run), run, key=lambda one: one["seconds"])
    print(json.dumps(best))


if __name__ == "__main__":
    main(sys.argv[1])
