"""What callers of a service get, and who answers them, all along."""

import http.client
import json
import threading
import time
from types import TracebackType
from typing import NamedTuple

from bench.deploy.stage import Ended, Stage
from infra.local.errors import LocalCloudError
from infra.local.supervisor import client

CLIENTS = 2
PAUSE_SECONDS = 0.02
LOOK_SECONDS = 0.05
ORDER = {
    "order_id": "caller",
    "created_at": "2026-11-02T10:15:00Z",
    "customer": {"id": "caller"},
    "currency": "EUR",
    "items": [{"sku": "MUG-01", "quantity": 2, "unit_price": 9.5}],
}


class Split(NamedTuple):
    """The shares of the traffic from a moment on, revision → percent."""

    at: float
    shares: dict[str, int]


class Watch:
    """Within `with Watch(stage) as watch`, callers go on scoring orders, and each change of the split is noted."""

    def __init__(self, stage: Stage) -> None:
        self.statuses: list[tuple[float, int]] = []
        self.splits: list[Split] = []
        self._stage = stage
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._look)]
        self._threads += [threading.Thread(target=self._call) for _ in range(CLIENTS)]

    def __enter__(self) -> "Watch":
        self._headers = {"X-API-Key": self._stage.api_key(), "Content-Type": "application/json"}
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> list[tuple[float, int]]:
        """When a caller got no answer (0), or another than 200."""
        return [one for one in self.statuses if one[1] != 200]

    def since(self, moment: float) -> list[Split]:
        """The split at that moment, and every one after it."""
        before = [split for split in self.splits if split.at <= moment]
        return [*before[-1:], *(split for split in self.splits if split.at > moment)]

    def _call(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            connection = http.client.HTTPConnection("127.0.0.1", self._stage.port, timeout=60)
            try:
                connection.request("POST", "/v1/score?record=false", json.dumps(ORDER), self._headers)
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException):
                status = 0
            finally:
                connection.close()
            self.statuses.append((time.monotonic(), status))

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                (service,) = client.request(self._stage.cloud, {"do": "status"})["services"]
            except LocalCloudError:
                continue
            shares: dict[str, int] = {}
            for one in service["traffic"]:
                shares[one["revision"]] = shares.get(one["revision"], 0) + one["percent"]
            found = {name: percent for name, percent in shares.items() if percent}
            if not self.splits or self.splits[-1].shares != found:
                self.splits.append(Split(time.monotonic(), found))


def too_much(splits: list[Split], proven: str, ended: Ended) -> list[Split]:
    """The splits in which a revision beside the proven one had more than the canary's step gave it.

    A step's line is printed before the traffic moves.
    """
    allowed, found = 0, []
    lines = iter(ended.lines)
    coming = next(lines, None)
    for split in splits:
        while coming and coming.at <= split.at:
            if coming.text.startswith("==> canary: "):
                allowed = int(coming.text.split()[2])
            coming = next(lines, None)
        if any(percent > allowed for name, percent in split.shares.items() if name != proven):
            found.append(split)
    return found


def told(splits: list[Split]) -> str:
    """The splits in order: `00001 100 → 00001 90, 00002 10`."""
    return " → ".join(
        ", ".join(f"{name.split('-')[-2]} {percent}" for name, percent in sorted(split.shares.items()))
        for split in splits
    )
