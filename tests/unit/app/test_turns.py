"""Long work and the event loop: a turn stays short however many requests have long work."""

import asyncio
import time
from collections.abc import Generator

from app.scoring.turns import SLICE_SECONDS, Turns

WORK_SECONDS = 0.5 * SLICE_SECONDS


def working(pieces: int) -> Generator[None, None, int]:
    for _ in range(pieces):
        until = time.perf_counter() + WORK_SECONDS
        while time.perf_counter() < until:
            pass
        yield
    return pieces


def test_what_takes_no_time_is_done_at_once() -> None:
    async def run() -> list[int]:
        turns = Turns()
        return [await turns.run(working(pieces)) for pieces in (0, 1)]

    assert asyncio.run(run()) == [0, 1]


def test_however_many_have_long_work_a_turn_has_two_slices_of_it() -> None:
    worked = []

    def noting(pieces: int) -> Generator[None, None, int]:
        work = working(pieces)
        for _ in range(pieces):
            next(work)
            worked.append(turn)
            yield
        return pieces

    turn = 0

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def run() -> list[int]:
        turns = Turns()
        counting = asyncio.create_task(count_turns())
        results = await asyncio.gather(*(turns.run(noting(4)) for _ in range(10)))
        counting.cancel()
        return results

    assert asyncio.run(run()) == [4] * 10
    pieces_a_slice = SLICE_SECONDS / WORK_SECONDS + 1
    assert max(worked.count(one) for one in set(worked)) <= 2 * pieces_a_slice


def test_what_fails_lets_the_next_one_work() -> None:
    def failing() -> Generator[None, None, int]:
        yield from working(3)
        raise ValueError("no")

    async def run() -> int:
        turns = Turns()
        results = await asyncio.gather(*(turns.run(failing()) for _ in range(3)), return_exceptions=True)
        assert [str(result) for result in results] == ["no"] * 3
        return await turns.run(working(5))

    assert asyncio.run(run()) == 5
