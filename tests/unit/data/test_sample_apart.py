"""The sample and orders of your own never mix: which folder is taken, and what becomes of the sample of before."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from data.generator.apart import moved
from orderguard.order_folders import is_sample, order_folder

REPOSITORY = Path(__file__).parents[3]
MAKE = shutil.which("make") or "make"
CASES = {
    "nothing": ([], "data/sample"),
    "a note": (["README.md"], "data/sample"),
    "the sample of before": (["sample-2026-03.ndjson", "sample-2026-04.ndjson"], "data/sample"),
    "a file of your own": (["orders.ndjson"], "data/raw"),
    "a compressed one in a folder": (["2026/orders.ndjson.gz"], "data/raw"),
    "both": (["sample-2026-03.ndjson", "import-shopify.ndjson"], "data/raw"),
    "a sample of your own name": (["sample-of-ours.ndjson"], "data/raw"),
}


def clone(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / "data" / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")
    return folder


@pytest.mark.parametrize("case", CASES)
def test_own_orders_are_taken_if_there_are_any_and_make_says_the_same(case: str, tmp_path: Path) -> None:
    names, expected = CASES[case]
    assert order_folder(clone(tmp_path, names)).as_posix() == expected
    line = re.search(r"^DATA +\?= .*$", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert line
    (tmp_path / "Makefile").write_text(f"{line[0]}\nshow:\n\t@echo $(DATA)\n")
    done = subprocess.run([MAKE, "-C", str(tmp_path), "-s", "show"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_the_sample_of_before_moves_and_orders_of_ones_own_stay(tmp_path: Path) -> None:
    clone(tmp_path, ["sample-2026-03.ndjson", "sample-2026-04.ndjson", "mine.ndjson", "sample-of-ours.ndjson"])
    (tmp_path / "data" / "sample").mkdir()
    (tmp_path / "data" / "sample" / "sample-2026-03.ndjson").write_text("again\n")
    assert moved(tmp_path) == 2
    assert sorted(path.name for path in (tmp_path / "data" / "raw").iterdir()) == [
        "mine.ndjson",
        "sample-of-ours.ndjson",
    ]
    assert [path.read_text() for path in sorted((tmp_path / "data" / "sample").iterdir())] == ["again\n", "{}\n"]
    assert moved(tmp_path) == 0


def test_only_the_samples_own_folder_is_the_sample() -> None:
    found = {place: is_sample(Path(place)) for place in ("data/sample", "data/raw", "sample", "data/sample/a.ndjson")}
    assert found == {"data/sample": True, "data/raw": False, "sample": False, "data/sample/a.ndjson": True}
