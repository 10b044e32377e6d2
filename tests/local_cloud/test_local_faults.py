"""Commands that are killed at any moment, services and supervisor with them: the next one heals, and really answers.

A small sample of `make bench AREA=faults`.
"""

import random
from pathlib import Path

from bench.faults.stage import stage

KILLS = 2
"""Of each operation, one after the other."""


def test_the_command_after_killed_ones_heals_and_nothing_is_lost(tmp_path: Path) -> None:
    chance = random.Random(1)
    with stage(tmp_path) as made:
        for operation, longest in (("up", 6.0), ("update", 4.0), ("down", 3.0)):
            word = "down" if operation == "down" else "up"
            kept = None
            if operation == "update":
                kept = made.keep()
                made.greet("again")
            for number in range(KILLS):
                made.kill(word, chance.uniform(0.5, longest), tree=number == 0)
                if number:
                    made.kill_supervisor()
            healing = made.run(word)
            assert (healing.code, healing.clear) == (0, True), healing.text
            assert made.gone if operation == "down" else made.well, (operation, made.answer(), healing.text)
            assert kept is None or kept.is_file()
