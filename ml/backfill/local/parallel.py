"""Independent parts of a step on several processor cores, in memory that does not grow with their number."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from tqdm import tqdm

from ml.backfill.settings import BackfillError
from orderguard.interrupts import left_to_parent

T = TypeVar("T")
_make: list[Callable[[int], Any]] = []


def each(make: Callable[[int], T], count: int, jobs: int, bar: "tqdm[Any]") -> Iterator[T]:
    """What `make` makes of the numbers until `count`, in their order. Raises `BackfillError` where a process is ended
    from outside.
    """
    if min(jobs, count) <= 1:
        for number in range(count):
            yield make(number)
            bar.update()
        return
    try:
        # Forked, so that what `make` holds is inherited: a keyring is never serialised.
        with ProcessPoolExecutor(min(jobs, count), get_context("fork"), _begin, (make,)) as pool:
            ahead: deque[Future[T]] = deque()
            for number in range(count):
                ahead.append(pool.submit(_made, number))
                if len(ahead) > jobs:
                    yield ahead.popleft().result()
                    bar.update()
            while ahead:
                yield ahead.popleft().result()
                bar.update()
    except BrokenProcessPool:
        raise BackfillError(
            f"one of {jobs} processes was ended from outside, perhaps for want of memory. Run it again: it goes on "
            "where it stopped. With --jobs 1 it needs less."
        ) from None


def _begin(make: Callable[[int], Any]) -> None:
    left_to_parent()
    _make[:] = [make]


def _made(number: int) -> Any:
    return _make[0](number)
