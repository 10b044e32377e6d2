"""A backfill as a Beam pipeline: byte for byte what one machine makes, also after a kill; the key is in no graph."""

import gzip
import os
import random
import subprocess
from pathlib import Path

import pytest

from data.generator.__main__ import main as generate
from tests.unit.ml.command_line import run_once
from tests.unit.ml.conftest import Training

REPOSITORY = Path(__file__).resolve().parents[3]
BEAM = REPOSITORY / ".venv" / "beam" / "bin" / "python"

DIES = """
import os, signal, sys
from ml.backfill.beam import days
write, left = days.write_rows, [int(sys.argv.pop(1))]
def dying(*arguments):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(*arguments)
days.write_rows = dying
from ml.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
BUCKETS = """
import os, sys
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem
from ml.backfill import key
from ml.backfill.beam import on_dataflow
from ml.backfill.template import read
from orderguard.masking import Keyring

def here(place):
    return place.removeprefix("bucket:/")

class Buckets(LocalFileSystem):
    "Folders as buckets: objects appear whole, and there are no folders."
    @classmethod
    def scheme(cls):
        return "bucket"
    def split(self, place):
        return tuple(place.rpartition("/")[::2])
    def _list(self, prefix):
        for folder, _, names in os.walk(here(prefix)):
            for name in names:
                path = os.path.join(folder, name)
                yield FileMetadata("bucket:/" + path, os.path.getsize(path))
    def open(self, place, *more, **named):
        return super().open(here(place), *more, **named)
    def create(self, place, *more, **named):
        os.makedirs(os.path.dirname(here(place)), exist_ok=True)
        return super().create(here(place), *more, **named)
    def metadata(self, place):
        return FileMetadata(place, os.path.getsize(here(place)))
    def exists(self, place):
        return os.path.isfile(here(place))
    def rename(self, sources, targets):
        for source, target in zip(map(here, sources), map(here, targets)):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(source, target)
    def delete(self, places):
        for place in places:
            os.remove(here(place))

asked_for = set()
def keyring(name):
    asked_for.add(name)
    return Keyring.from_environment(os.environ)
key.keyring = keyring
asked, options = read(sys.argv[1:])
runner = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
code = on_dataflow.run(asked, [*options, runner])
assert code or asked_for == {asked.masking_key}
sys.exit(code)
"""
GRAPH = """
import sys
import apache_beam as beam
from ml.backfill.beam import __main__ as shown, pipeline
shown.main()
made = beam.Pipeline()
pipeline.build(made, shown.job())
sys.stdout.flush()
sys.stdout.buffer.write(made.to_runner_api().SerializeToString())
print(made.options.get_all_options())
"""


def beam(script: list[str], key_text: str, *arguments: str | Path) -> "subprocess.CompletedProcess[bytes]":
    environment = {name: value for name, value in os.environ.items() if name != "MASKING_KEY_FILE"}
    return subprocess.run(
        [BEAM, *script, *arguments],
        cwd=REPOSITORY,
        env=environment | {"MASKING_KEY": key_text},
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some hundred orders, their lines shuffled over three files, one of them compressed, some of them twice, and one
    from another century.
    """
    folder = tmp_path_factory.mktemp("feed")
    places = ["--out", str(folder / "raw"), "--truth", str(folder / "truth"), "--score", str(folder / "score")]
    generate([*places, "--orders", "600", "--months", "2", "--quiet"])
    lines = [line for path in sorted((folder / "raw").iterdir()) for line in path.read_bytes().splitlines()]
    rng = random.Random(5)
    lines += [line.replace(b'"quantity":1', b'"quantity":3') for line in rng.sample(lines, 30)]
    lines.append(lines[0].replace(b'"created_at":"20', b'"created_at":"19'))
    rng.shuffle(lines)
    (folder / "feed").mkdir()
    for number, name in enumerate(("b.ndjson", "a.ndjson.gz", "c.ndjson")):
        data = b"\n".join(lines[number::3]) + b"\n"
        (folder / "feed" / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder / "feed"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def local(key_text: str, *arguments: str | Path) -> None:
    code, _, said = run_once(["backfill", *arguments], MASKING_KEY=key_text)
    assert code == 0, said


def test_features_are_those_of_one_machine_also_after_a_kill(feed: Path, key_text: str, tmp_path: Path) -> None:
    direct: list[str | Path] = [
        "backfill",
        "--in",
        feed,
        "--out",
        tmp_path / "direct",
        "--runner",
        "direct",
        "--jobs",
        "1",
    ]
    killed = beam(["-c", DIES, "20"], key_text, *direct)
    assert killed.returncode == -9 and not (tmp_path / "direct" / "manifest.json").exists()
    done = beam(["-m", "ml"], key_text, *direct)
    assert done.returncode == 0, done.stderr.decode()
    local(key_text, "--in", feed, "--out", tmp_path / "local")
    made = files(tmp_path / "direct")
    assert "quarantine/bad-lines.ndjson" in made and "histories/histories.seed" in made
    assert made == files(tmp_path / "local")


def test_scores_in_buckets_until_a_moment_are_those_of_one_machine(
    feed: Path, training: Training, key_text: str, tmp_path: Path
) -> None:
    models, version = training.folder / "models", training.outcome.manifest.version
    places = [f"--in=bucket:/{feed}", f"--out=bucket:/{tmp_path}/direct", f"--model=bucket:/{models}/{version}"]
    asked = [*places, "--masking_key=projects/p/secrets/s/versions/1", "--at=2026-10-10"]
    done = beam(["-c", BUCKETS], key_text, *asked)
    assert done.returncode == 0, done.stderr.decode()
    local(
        key_text,
        "--in",
        feed,
        "--model",
        version,
        "--models",
        models,
        "--at",
        "2026-10-10",
        "--out",
        tmp_path / "local",
    )
    assert files(tmp_path / "direct") == files(tmp_path / "local")
    again = beam(["-c", BUCKETS], key_text, *asked)
    assert again.returncode == 2 and b"a finished backfill is here" in again.stderr


def test_the_graph_is_in_the_docs_and_holds_no_key(key_text: str) -> None:
    done = beam(["-c", GRAPH], key_text)
    assert done.returncode == 0, done.stderr.decode()
    page = (REPOSITORY / "docs" / "technical" / "scale.md").read_text(encoding="utf-8")
    graph = done.stdout.split(b"\n\n")[0].decode()
    assert graph.startswith("Order files\n") and graph in page
    key = key_text.partition(":")[2].encode()
    assert len(done.stdout) > 10_000 and key not in done.stdout and key not in done.stderr
