"""Work that costs little more for many than for one: whoever asks at the same time shares it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

MOST_TOGETHER = 64
"""The largest group: some milliseconds of work, so that others have their turn."""
MOST_GROUPS = 2
"""So many groups are at work at most: while one waits for the store, another one is computed."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Hands items to `work` in groups, in the order in which they come.

    A group is what comes in turns of the event loop that follow each other at once, and what comes while the groups
    before it are at work. One item's failure is its own: where a group fails, each of it is tried alone, so `work` has
    to bear that an item comes again. Who no longer waits (a cancelled task) holds up nobody.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._groups = set[asyncio.Task[None]]()
        self._looks = False
        self._seen = 0

    def result(self, item: Item) -> "asyncio.Future[Result]":
        """What `work` gives for an item, or raises for it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if not self._looks:
            self._look_later(loop)
        return future

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looks, self._seen = True, len(self._waiting)
        loop.call_soon(self._look)

    def _look(self) -> None:
        """Begin with who waits, unless the last turn has brought more: the next one may, too."""
        if self._seen < len(self._waiting) < MOST_TOGETHER:
            self._look_later(asyncio.get_running_loop())
            return
        self._looks = False
        while self._waiting and len(self._groups) < MOST_GROUPS:
            group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            task = asyncio.get_running_loop().create_task(self._answer(group))
            self._groups.add(task)
            task.add_done_callback(self._end)

    def _end(self, group: "asyncio.Task[None]") -> None:
        self._groups.discard(group)
        if self._waiting and not self._looks:
            self._look_later(asyncio.get_running_loop())

    async def _answer(self, group: "list[tuple[Item, asyncio.Future[Result]]]") -> None:
        try:
            results = await self._work([item for item, _ in group])
        except Exception as error:
            if len(group) > 1:
                for one in group:
                    await self._answer([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)
