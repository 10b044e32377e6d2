"""Anomalies told back to the shop: by Shopify's order risk assessment, by a signed webhook, or by both.

What is told holds no personal data: the score, what the features that raised it mean (sentences of this program's own),
the model's version, the order's pseudonym, and the number that the vendor gave the order. Where it goes stands in the
settings alone. It never holds up an answer: it waits in a queue of limited length, is tried some times, and is then
given up. Each has a line in the log, by which they are counted.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from app.hooks.deliveries import Deliveries, UnderWay
from app.hooks.targets import Anomaly, Failed, Target
from app.logs import LogWriter, TellLine
from app.scoring.service import Scored

MOST_WAITING = 256
AT_ONCE = 4
ATTEMPTS = 5
FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS = 1.0, 30.0
TIMEOUT_SECONDS = 5.0
LAST_SECONDS = 5.0
"""So long is left for what waits when the service ends: Cloud Run gives ten in all."""

TOLD, GIVEN_UP, DROPPED = "told", "given up", "dropped"


class Telling:
    """The queue, and who works it off. `sleep` and `chance` are parameters, so that tests need neither."""

    def __init__(
        self,
        targets: Sequence[Target],
        deliveries: Deliveries,
        logs: LogWriter,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._targets = targets
        self._deliveries = deliveries
        self._logs = logs
        self._sleep, self._chance = sleep, chance
        self._waiting: asyncio.Queue[tuple[Target, Anomaly]] = asyncio.Queue(MOST_WAITING)
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to work. Without a target nothing is loaded and nothing runs."""
        for target in self._targets:
            await asyncio.to_thread(target.open)
        if self._targets:
            self._workers = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """Tell what waits, as far as that goes in a few seconds; the rest is given up."""
        if not self._targets:
            return
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._waiting.join()
        except TimeoutError:
            pass
        for worker in self._workers:
            worker.cancel()
        while not self._waiting.empty():
            self._log(self._waiting.get_nowait()[0], GIVEN_UP, "the service ended")
        for target in self._targets:
            await target.close()

    async def tell(self, vendor: str, order_id: str, scored: Scored) -> None:
        """Put an anomaly into the queue, once for each order, however often a shop sends it."""
        answer = scored.answer
        meanings = [one.meaning for one in answer.contributions if one.contribution > 0]
        token = scored.masked.order_token
        anomaly = Anomaly(vendor, order_id, token, answer.score, answer.threshold, meanings, answer.model_version)
        for target in self._targets:
            if not target.takes(anomaly):
                continue

            async def put(target: Target = target) -> None:
                try:
                    self._waiting.put_nowait((target, anomaly))
                except asyncio.QueueFull:
                    self._log(target, DROPPED, f"{MOST_WAITING} were waiting already")

            try:
                await self._deliveries.once(self._deliveries.marks(f"told {target.name}", [], token.encode()), put)
            except UnderWay:
                continue  # another instance has just put it into its own queue

    async def _work(self) -> None:
        while True:
            target, anomaly = await self._waiting.get()
            try:
                await self._told(target, anomaly)
            except Exception as error:
                self._logs.failure(error, event="tell")
                self._log(target, GIVEN_UP, type(error).__name__)
            finally:
                self._waiting.task_done()

    async def _told(self, target: Target, anomaly: Anomaly) -> None:
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await target.send(anomaly)
            except (Failed, TimeoutError) as error:
                failed = error if isinstance(error, Failed) else Failed("it took too long")
                if not failed.retry or attempt == ATTEMPTS:
                    self._log(target, GIVEN_UP, failed.reason)
                    return
                # Half of the wait is by chance, so that instances don't ask together.
                await self._sleep(failed.wait_seconds or wait * (0.5 + self._chance()))
                wait = min(2 * wait, MOST_WAIT_SECONDS)
            else:
                self._log(target, TOLD)
                return

    def _log(self, target: Target, outcome: str, reason: str | None = None) -> None:
        self._logs.write(
            TellLine(
                severity="INFO" if outcome == TOLD else "WARNING",
                time=self._logs.now(),
                event="tell",
                message=(
                    "A shop was notified of an anomaly."
                    if outcome == TOLD
                    else "A shop could not be notified of an anomaly."
                ),
                target=target.name,
                outcome=outcome,
                reason=reason,
            )
        )
