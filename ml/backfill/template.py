"""What Dataflow's flex template runs (the image's FLEX_TEMPLATE_PYTHON_PY_FILE): the template's parameters and
Dataflow's own options in, a backfill out.

One machine needs no Beam: told to use Beam's runner for one (`DirectRunner`, as the local cloud does), this is the
backfill that `make backfill` runs, and its places are folders.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    # It is run as a file; its modules are imported as `ml.…`, here as everywhere else.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from ml.backfill import key
from orderguard.masking import MaskingKeyError

ONE_MACHINE = "DirectRunner"


@dataclass(frozen=True)
class Asked:
    """A template's parameters. `data`, `out` and `model` are places (`gs://…`, or folders), `masking_key` the full name
    of a secret's version, `at` a moment in ISO 8601; empty: none.
    """

    data: str
    out: str
    masking_key: str
    model: str
    at: str
    runner: str


def read(arguments: Sequence[str]) -> tuple[Asked, list[str]]:
    """What is asked, and the words that are Dataflow's."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--in", dest="data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--masking_key", required=True)
    parser.add_argument("--model", default="")
    parser.add_argument("--at", default="")
    parser.add_argument("--runner", default="DataflowRunner")
    found, rest = parser.parse_known_args(arguments)
    return Asked(**vars(found)), rest


def main(arguments: Sequence[str]) -> int:
    """Run the backfill; the exit code."""
    asked, options = read(arguments)
    if asked.runner != ONE_MACHINE:
        # Beam is where workers are, and on this machine only for who asks for it.
        run = import_module("ml.backfill.beam.on_dataflow").run
        return int(run(asked, [*options, f"--runner={asked.runner}"]))
    try:
        os.environ["MASKING_KEY"] = key.text(asked.masking_key)  # this process's own
    except MaskingKeyError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    model = Path(asked.model)
    version = ["--models", str(model.parent), "--model", model.name] if asked.model else []
    words = ["backfill", "--in", asked.data, "--out", asked.out, "--at", asked.at, *version]
    return int(import_module("ml.__main__").main(words))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
