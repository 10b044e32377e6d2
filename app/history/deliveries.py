"""Which deliveries of webhooks came before: marks with a time to live, beside the histories in the same store.

A delivery has several marks (its id, its content). One that is known by any of them is no new one. While a delivery is
worked on its marks say so, for a moment only: what an instance that died was working on may come again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

State = Literal["under way", "done"]
LETTER = "d"
"""Begins each mark's key, as others begin with the letter of their kind of record."""
MOST_MARKS = 20_000
STATES: dict[bytes, State] = {b"w": "under way", b"d": "done"}
UNDER_WAY, DONE = STATES


class DeliveryStore(Protocol):
    """Keeps marks of deliveries."""

    async def begin(self, marks: Sequence[str], seconds: int) -> State | None:
        """Set all marks for so long, unless one is known: then what is known of it. Raises `HistoryUnavailable`."""

    async def end(self, marks: Sequence[str], seconds: int) -> None:
        """Keep the marks for so long as done; with 0 seconds, forget them. Raises `HistoryUnavailable`."""


class MemoryDeliveries:
    """Marks in this process's memory; of very many it knows the newest."""

    def __init__(self, *, most: int = MOST_MARKS, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self._marks: OrderedDict[str, tuple[float, State]] = OrderedDict()

    async def begin(self, marks: Sequence[str], seconds: int) -> State | None:
        now = self._clock()
        known = [self._marks[mark] for mark in marks if mark in self._marks]
        for until, state in known:
            if until >= now:
                return state
        self._set(marks, now + seconds, "under way")
        return None

    async def end(self, marks: Sequence[str], seconds: int) -> None:
        if seconds:
            self._set(marks, self._clock() + seconds, "done")
        else:
            for mark in marks:
                self._marks.pop(mark, None)

    def _set(self, marks: Sequence[str], until: float, state: State) -> None:
        for mark in marks:
            self._marks[mark] = (until, state)
            self._marks.move_to_end(mark)
        while len(self._marks) > self._most:
            self._marks.popitem(last=False)
