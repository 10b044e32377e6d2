"""Several processes that do one thing, which they have from the process that they were forked from."""

import os
from collections.abc import Callable, Iterable, Iterator
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from orderguard.interrupts import left_to_parent

Given = TypeVar("Given")
Made = TypeVar("Made")
_held: dict[str, Callable[[Any], Any]] = {}


def workers() -> int:
    """How many processes there are to be: one for each core, two at most."""
    return min(2, len(os.sched_getaffinity(0)))


def each(work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """What `work` makes of each, in order. Few are under way at a time, so that memory is bounded."""
    waiting: deque[Future[Made]] = deque()
    with ProcessPoolExecutor(workers(), get_context("fork"), _hold, (work,)) as pool:
        try:
            for one in given:
                waiting.append(pool.submit(_do, one))
                if len(waiting) > workers() + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _hold(work: Callable[[Any], Any]) -> None:
    left_to_parent()
    _held["work"] = work


def _do(one: Any) -> Any:
    return _held["work"](one)
