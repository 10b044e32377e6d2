"""Sharing the event loop: long work is done in slices, and others get their turn after each."""

import asyncio
import time

from orderguard.masking.steps import Result, Steps

SLICE_SECONDS = 0.005


class Turns:
    """Runs work in steps. Whoever asks, a turn of the loop has no more of it than a slice of short work, all of it
    together, and a slice of one long work: so a turn stays short however many requests there are.
    """

    def __init__(self) -> None:
        self._long_work = asyncio.Lock()
        self._in_turn = False
        self._until = 0.0

    async def run(self, steps: Steps[Result]) -> Result:
        """The result of all steps."""
        if not self._in_turn:
            self._in_turn, self._until = True, time.perf_counter() + SLICE_SECONDS
            asyncio.get_running_loop().call_soon(self._end_of_turn)
        clock, until = time.perf_counter, self._until
        try:
            while clock() < until:
                next(steps)
            while True:
                async with self._long_work:
                    until = clock() + SLICE_SECONDS
                    while clock() < until:
                        next(steps)
                    await asyncio.sleep(0)
        except StopIteration as done:
            result: Result = done.value
            return result

    def _end_of_turn(self) -> None:
        self._in_turn = False
