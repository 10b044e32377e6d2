"""The log goes on after whatever kept it from being written, and nobody waits for it."""

import io
import json
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.log_output import MOST_WAITING, PIECE
from app.logs import LogWriter


class Target:
    """A descriptor that a writer writes to, and that leads to another place from one moment to the next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = open(path, "ab", buffering=0)
        self.stream = os.fdopen(os.dup(self.file.fileno()), "wb")
        self.writer = LogWriter("INFO", self.stream)
        self.lost: list[int] = []
        self.writer.on_lost(self.lost.append)

    def leads_to(self, descriptor: int) -> None:
        os.dup2(descriptor, self.stream.fileno())

    def say(self, *numbers: int, filling: str = "") -> None:
        for number in numbers:
            self.writer.service("INFO", "test", f"{number}{filling}")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def close(self) -> None:
        self.stream.close()
        self.file.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    target = Target(tmp_path / "log")
    yield target
    target.close()


@contextmanager
def full_device(target: Target) -> Iterator[None]:
    with open("/dev/full", "wb") as full:
        target.leads_to(full.fileno())
        yield
        target.leads_to(target.file.fileno())


@contextmanager
def closed_pipe(target: Target) -> Iterator[None]:
    reading, writing = os.pipe()
    os.close(reading)
    target.leads_to(writing)
    os.close(writing)
    yield
    target.leads_to(target.file.fileno())


@contextmanager
def closed_descriptor(target: Target) -> Iterator[None]:
    os.close(target.stream.fileno())
    yield
    target.leads_to(target.file.fileno())


@contextmanager
def full_disk(target: Target) -> Iterator[None]:
    """The file may grow by a hundred bytes: the next line is written in part."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (target.path.stat().st_size + 100, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


TROUBLES: list[Callable[[Target], Any]] = [full_device, closed_pipe, closed_descriptor, full_disk]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_log_comes_back_after_a_failed_write_and_counts_the_gap(
    target: Target, trouble: Callable[[Target], Any]
) -> None:
    for start in (0, 100):  # and again, after the next trouble
        target.say(start + 1, start + 2)
        with trouble(target):
            target.say(*range(start + 3, start + 10))
        target.say(start + 10)
    lines = target.lines()
    said = [int(line["message"]) for line in lines if line["event"] == "test"]
    gaps = [line for line in lines if line["event"] == "gap"]
    assert said == sorted(said) and {1, 2, 10, 101, 102, 110} <= set(said)
    assert [gap["message"] for gap in gaps] == [
        f"{gap['lost']} lines were lost: the log could not be written." for gap in gaps
    ]
    assert sum(gap["lost"] for gap in gaps) + len(said) == 20 and len(gaps) == 2
    assert sum(target.lost) == 20 - len(said)
    first = lines.index(gaps[0])
    assert int(lines[first - 1]["message"]) < 10 and lines[first + 1]["message"] == "10"


@pytest.mark.parametrize("blocking", [True, False])
def test_nobody_waits_for_a_reader_that_stands_still(target: Target, blocking: bool) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    target.leads_to(writing)
    os.close(writing)
    filling, count = "x" * 1_000, 3 * MOST_WAITING // 1_000
    target.say(*range(count), filling=filling)
    target.leads_to(target.file.fileno())  # closes the pipe, once what is in it is read
    with open(reading, "rb") as reader:
        piped = reader.read()
    target.writer.flush()
    target.say(count)
    text = piped + target.path.read_bytes()
    lines = [json.loads(line) for line in text.splitlines()]
    said = [int(line["message"].rstrip("x")) for line in lines if line["event"] == "test"]
    (gap,) = [line for line in lines if line["event"] == "gap"]
    assert said == [*range(len(said) - 1), count], "the oldest are kept, and the first that comes after"
    assert gap["lost"] == count + 1 - len(said) == sum(target.lost)
    assert len(text) < MOST_WAITING + 100_000


def test_a_reader_that_goes_on_gets_all_that_waited(target: Target) -> None:
    reading, writing = os.pipe()
    target.leads_to(writing)
    os.close(writing)
    count = MOST_WAITING // 4_000
    target.say(*range(count), filling="x" * 2_000)
    read: list[bytes] = []

    def read_all() -> None:
        with open(reading, "rb") as reader:
            read.append(reader.read())

    thread = threading.Thread(target=read_all)
    thread.start()
    target.writer.flush(60.0)
    target.leads_to(target.file.fileno())
    thread.join()
    assert [int(json.loads(line)["message"].rstrip("x")) for line in read[0].splitlines()] == list(range(count))
    assert target.lost == []


@pytest.mark.parametrize("length", [PIECE - 200, PIECE, 3 * PIECE])
def test_lines_of_any_length_stay_whole(target: Target, length: int) -> None:
    with full_disk(target):
        target.say(1, 2, 3, filling="x" * length)
    target.say(4, filling="x" * length)
    assert [line["message"].rstrip("x") for line in target.lines()] == [
        "1",
        "2 lines were lost: the log could not be written.",
        "4",
    ]


def test_lines_of_many_threads_stay_whole(target: Target) -> None:
    threads = [threading.Thread(target=target.say, args=range(start, start + 200)) for start in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(line["message"]) for line in target.lines()) == list(range(800))


def test_a_stream_without_a_descriptor_is_written_as_a_whole() -> None:
    stream = io.BytesIO()
    LogWriter("INFO", stream).service("INFO", "test", "1")
    assert json.loads(stream.getvalue())["message"] == "1"
