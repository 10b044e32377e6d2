"""Who asks at the same time shares the work, and nothing else."""

import asyncio
from collections.abc import Sequence

import pytest

from app.scoring.batcher import MOST_GROUPS, MOST_TOGETHER, Batcher


class Work:
    """Doubles numbers, in groups that it remembers; fails for what is bad. Each group takes as many turns as told."""

    def __init__(self, bad: Sequence[int] = (), turns: int = 0) -> None:
        self.bad = set(bad)
        self.turns = turns
        self.groups: list[list[int]] = []
        self.at_work = self.most_at_work = 0

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.at_work -= 1
        if self.bad & set(items):
            raise ValueError("bad")
        return [2 * item for item in items]


async def asked(batcher: Batcher[int, int], items: Sequence[int]) -> list[int | BaseException]:
    async def ask(item: int) -> int:
        return await batcher.result(item)

    return await asyncio.gather(*(ask(item) for item in items), return_exceptions=True)


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("count", [1, 2, MOST_TOGETHER, 3 * MOST_TOGETHER + 5])
def test_each_gets_its_own_result_and_groups_are_as_few_as_they_may_be(count: int, turns: int) -> None:
    work = Work(turns=turns)
    assert asyncio.run(asked(Batcher(work), range(count))) == [2 * item for item in range(count)]
    assert [item for group in work.groups for item in group] == list(range(count)), "in the order in which they came"
    assert len(work.groups) == -(-count // MOST_TOGETHER)
    assert work.most_at_work <= MOST_GROUPS


def test_what_comes_while_groups_are_at_work_goes_together() -> None:
    work = Work(turns=50)

    async def scenario() -> None:
        batcher: Batcher[int, int] = Batcher(work)
        waiting = []
        for item in range(20):
            waiting.append(batcher.result(item))
            for _ in range(3):
                await asyncio.sleep(0)
        assert await asyncio.gather(*waiting) == [2 * item for item in range(20)]

    asyncio.run(scenario())
    assert len(work.groups) <= MOST_GROUPS + 3


def test_a_failure_is_of_those_who_fail_alone() -> None:
    work = Work(bad=[3, 7])
    results = asyncio.run(asked(Batcher(work), range(10)))
    failed = [place for place, result in enumerate(results) if isinstance(result, ValueError)]
    assert failed == [3, 7]
    assert [result for result in results if isinstance(result, int)] == [2 * n for n in range(10) if n not in failed]


def test_one_who_leaves_holds_up_nobody() -> None:
    async def scenario() -> list[int]:
        batcher: Batcher[int, int] = Batcher(Work(turns=3))
        tasks = [asyncio.ensure_future(batcher.result(item)) for item in range(4)]
        for _ in range(4):
            await asyncio.sleep(0)
        tasks[1].cancel()
        tasks[3].cancel()
        return [await tasks[0], await tasks[2]]

    assert asyncio.run(scenario()) == [0, 4]


def test_others_have_their_turn_between_two_groups() -> None:
    """However many wait: a turn of the event loop begins no more groups than may be at work."""
    begun: list[int] = []
    turn = 0

    async def work(items: Sequence[int]) -> list[int]:
        begun.append(turn)
        return list(items)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def scenario() -> None:
        counting = asyncio.create_task(count_turns())
        await asked(Batcher(work), range(20 * MOST_TOGETHER))
        counting.cancel()

    asyncio.run(scenario())
    assert len(begun) == 20 and max(begun.count(turn) for turn in begun) <= MOST_GROUPS
