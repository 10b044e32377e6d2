"""No skew: a service that was just deployed and seeded decides as training computes.

Training runs under a key of its own. The service has another one, and the seed is made under that. The later orders
are streamed in time order into a real process beside a real Redis server; what comes back is compared with what
training's code computes of them, all at once over columns, with the catalogue that is served.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from bench.histories.feed import Decisions, Feed
from bench.histories.processes import asked, seeded, service
from bench.redis_server import RedisServer
from ml.config import read_config
from ml.histories import write_histories
from ml.job import Job, prepare
from orderguard.masking import Keyring

LINES = 500
"""So many lines a request: a client that only reads after sending can't send more than a few hundred."""


class Skew(NamedTuple):
    """How far a service's decisions are from training's: decisions flipped, and the largest difference of a score."""

    orders: int
    flipped: int
    furthest: float
    known: int
    known_offline: int


class Answer(msgspec.Struct):
    """What counts of an answer."""

    order_id: str
    score: float
    anomaly: bool
    history: str


_answers = msgspec.json.Decoder(list[Answer]).decode


def seed(data: Path, version_dir: Path, histories: Path, keyring: Keyring) -> None:
    """Make seed and past cases of these orders for a version, under this key."""
    job = Job(data=data, models=version_dir.parent, config=read_config(), keyring=keyring, histories=histories)
    paths, table, _ = prepare(job)
    write_histories(histories, version_dir, table, paths, keyring)


Seeding = Callable[[Path, Path, Path, Keyring], None]
"""Makes the seed of orders for a version, in a folder, under a key."""


def skew(
    feed: Feed, version_dir: Path, expected: Decisions, key_text: str, folder: Path, make_seed: Seeding = seed
) -> Skew:
    """Deploy, seed, stream, and compare. `expected` is what training computes of the later orders."""
    histories = folder / "histories"
    make_seed(feed.earlier, version_dir, histories, Keyring.from_text(key_text))
    told = {
        "MASKING_KEY": key_text,
        "MODEL_DIR": str(version_dir.parent),
        "MODEL_VERSION": version_dir.name,
        "HISTORIES_DIR": str(histories),
    }
    with RedisServer(folder / "redis") as server:
        store = {"HISTORY_URL": server.url, "HISTORY_PASSWORD": server.password}
        print(f"    {seeded({**told, **store})}")
        with service({**told, **store}, folder / "service.log") as port:
            answers = streamed(port, feed.later)
    return compared(answers, expected)


def streamed(port: int, lines: Sequence[bytes]) -> list[Answer]:
    """The answers to these orders, one after another."""
    answers: list[Answer] = []
    for start in range(0, len(lines), LINES):
        body = b"\n".join(lines[start : start + LINES]) + b"\n"
        status, content = asked(port, "POST", "/v1/score/stream", body, "x-ndjson")
        if status != 200:
            raise RuntimeError(f"the stream was answered with {status}")
        answers += _answers(b"[" + b",".join(content.splitlines()) + b"]")
    return answers


def compared(answers: Sequence[Answer], expected: Decisions) -> Skew:
    """How far the answers are from what was expected, in the same order."""
    scores = np.array([answer.score for answer in answers])
    anomalies = np.array([answer.anomaly for answer in answers])
    return Skew(
        orders=len(answers),
        flipped=int((anomalies != expected.anomalies).sum()),
        furthest=float(np.abs(scores - expected.scores).max()),
        known=sum(answer.history == "used" for answer in answers),
        known_offline=expected.known,
    )
