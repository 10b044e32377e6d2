"""Order files that come together start one training, which takes them all."""

import threading
from pathlib import Path

import pytest

from infra.local.commands import jobs
from infra.local.cloud import Cloud
from infra.local.home import Home


def test_files_that_come_while_the_first_one_waits_are_taken_by_its_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "home")
    bucket = Cloud(home, "local").bucket("raw")
    bucket.mkdir(parents=True)
    waits, go_on = threading.Event(), threading.Event()
    trained: list[list[str]] = []

    def wait(seconds: float) -> None:
        assert seconds == 600.0
        waits.set()
        go_on.wait(30)

    def train(home: Home, stack: str, name: str) -> int:
        trained.append(sorted(path.name for path in bucket.iterdir()))
        return 0

    monkeypatch.setenv(jobs.GATHER, "600")
    monkeypatch.setattr("time.sleep", wait)
    monkeypatch.setattr(jobs, "run_named", train)
    monkeypatch.setattr(jobs, "started_by", lambda cloud, name: [("trigger", "trainer")])
    for name in ("a.ndjson", "b.ndjson", "c.ndjson"):
        (tmp_path / name).write_text("{}\n")

    def put(name: str) -> None:
        assert jobs.put_object(home, "local", "raw", tmp_path / name, None) == 0

    first = threading.Thread(target=put, args=("a.ndjson",))
    first.start()
    assert waits.wait(30)
    put("b.ndjson")
    put("c.ndjson")
    assert trained == [] and capsys.readouterr().out.count("waits for more files already") == 2
    go_on.set()
    first.join()
    assert trained == [["a.ndjson", "b.ndjson", "c.ndjson"]]
