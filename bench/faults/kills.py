"""kill -9 at seeded moments of `up`, update and `down`; the command after it heals, and what it promises holds."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.stage import Ended, Stage

OPERATIONS = ("up", "update", "down")
_LONGEST = {"up": 8.0, "update": 5.0, "down": 4.0}
"""Seconds that each takes at first guess; then as long as the last of its kind."""


@dataclass(frozen=True)
class Point:
    """One kill: in which operation, after how much of its time, with whom, and which command heals."""

    number: int
    operation: str
    part: float
    tree: bool
    supervisor: bool
    next: str


@dataclass
class Outcome:
    """What came after a kill. `wrong` is empty where all held."""

    point: Point
    after: float
    killed: bool
    healing: Ended
    wrong: list[str] = field(default_factory=list)


def points(seed: int, count: int) -> Iterator[Point]:
    """The kills of a seed, in a cycle in which each finds the stack that it needs."""
    chance = random.Random(seed)  # which moment, not a secret  # nosec B311
    for number in range(count):
        operation = OPERATIONS[number % len(OPERATIONS)]
        yield Point(
            number=number + 1,
            operation=operation,
            part=chance.random(),
            tree=chance.random() < 0.6,
            supervisor=chance.random() < 0.3,
            next="up" if operation != "down" or chance.random() < 0.5 else "down",
        )


class Undisturbed(Exception):
    """A command that nobody killed has failed."""

    def __init__(self, done: Ended) -> None:
        super().__init__(done.text)
        self.done = done


class Killing:
    """Kills one after the other, each from a stack that is well, or from none."""

    def __init__(self, made: Stage) -> None:
        self.made = made
        self.longest = dict(_LONGEST)
        self._count = 0

    def at(self, point: Point) -> Outcome:
        """Kills at this point and runs the command after it."""
        made = self.made
        try:
            kept = self._prepare(point)
        except Undisturbed as failed:
            return Outcome(point, 0.0, False, failed.done, ["a command before it, that nothing disturbed, failed"])
        word = "down" if point.operation == "down" else "up"
        after = 0.1 + point.part * self.longest[point.operation]
        killed = made.kill(word, after, tree=point.tree)
        if killed and point.supervisor:
            made.kill_supervisor()
        healing = made.run(point.next)
        outcome = Outcome(point, after, killed, healing, list(self._wrong(point, healing, kept)))
        if not killed:
            self.longest[point.operation] = max(0.5, self.longest[point.operation] * 0.8)
        elif point.part > 0.9:
            self.longest[point.operation] *= 1.1
        return outcome

    def _prepare(self, point: Point) -> Path | None:
        """The stack that the operation needs; a person's object in it, where it is to stay."""
        made = self.made
        self._count += 1
        if point.operation == "up":
            if made.cloud.root.exists():
                self._require(made.run("down"))
            made.greet(f"hello-{self._count}")
            return None
        if not made.well:
            self._require(made.run("up"))
        kept = made.keep()
        if point.operation == "update":
            made.greet(f"hello-{self._count}")
            return kept
        return None

    @staticmethod
    def _require(done: Ended) -> None:
        if done.code:
            raise Undisturbed(done)

    def _wrong(self, point: Point, healing: Ended, kept: Path | None) -> Iterator[str]:
        if healing.code:
            yield f"the next `{point.next}` ended with {healing.code}"
        if not healing.clear:
            yield "the next command printed a traceback"
        if point.next == "down":
            if not self.made.gone:
                yield "something of the stack is left"
        else:
            if not self.made.well:
                yield f"the service says {self.made.answer() or 'nothing'}"
            if kept and not kept.is_file():
                yield "an object of a person's own is lost"
