"""Callers of the demonstration: they send orders all along, and note who answered and what."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from delivery.asking import ask

PAUSE = 0.01
"""Seconds between two orders of one caller."""


class Seen(NamedTuple):
    """An answer. `at` and `seconds` are by the machine's monotonic clock; `model` is empty for one that failed."""

    at: float
    seconds: float
    status: int
    model: str
    anomaly: bool


class Told(NamedTuple):
    """What one model version's answers were; `median` and `slowest` (of 99 in 100) are in milliseconds."""

    answers: int
    failed: int
    anomalies: int
    median: float
    slowest: float


@dataclass
class Shoppers:
    """So many callers at once, each with a connection for each order, over and over through the same orders."""

    url: str
    headers: Mapping[str, str]
    orders: Sequence[Mapping[str, Any]]
    count: int = 4
    seen: list[Seen] = field(default_factory=list)

    def __enter__(self) -> "Shoppers":
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._shop, args=(number,)) for number in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _shop(self, number: int) -> None:
        place = number
        while not self._over.wait(PAUSE):
            begin = time.monotonic()
            status, body = ask(self.url, "/v1/score", self.headers, self.orders[place % len(self.orders)])
            model = str(body.get("model_version", "")) if status == 200 else ""
            self.seen.append(Seen(begin, time.monotonic() - begin, status, model, bool(body.get("anomaly"))))
            place += self.count

    def is_alive(self) -> bool:
        """Whether all of them still send orders."""
        return all(thread.is_alive() for thread in self._threads)

    def failed(self) -> int:
        """How many orders got no score."""
        return sum(one.status != 200 for one in self.seen)

    def by_model(self, since: float) -> dict[str, Told]:
        """What each model's answers were, of those asked for since a moment."""
        answered = [one for one in list(self.seen) if one.at >= since]
        return {
            model: _told([one for one in answered if one.model == model])
            for model in sorted({one.model for one in answered})
        }


def _told(answers: Sequence[Seen]) -> Told:
    times = sorted(one.seconds * 1000.0 for one in answers)
    return Told(
        len(answers),
        sum(one.status != 200 for one in answers),
        sum(one.anomaly for one in answers),
        times[len(times) // 2],
        times[min(len(times) - 1, len(times) * 99 // 100)],
    )
