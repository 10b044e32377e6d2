"""Texts that repeat one piece, and a search for the piece that takes a recogniser longest."""

import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from orderguard.masking.known import known_strings
from orderguard.masking.recognisers import RECOGNISERS, encoded
from orderguard.masking.text import mask_with
from orderguard.masking.view import View

PIECES = (
    *("0", "1", "12", "0171", "4111", "123456789", "1.", "1.1.1.1", "00", "+1", "+49", "-", "--", " ", "   ", "(", ")"),
    *("a", "A", "aB", "Ab", "Aa ", "A ", "é", "ä", "ß", "ﷺ", "한", "一", "٤", ".", "..", ":", "::", "/", "_", "=", "@"),
    *("a@", "x@x.", "=41", "=4", "%25", "%40", "&#", "&#64;", "\\u0041", "\\x41", "\\", '"', "'", "\n", "\t", "\u200b"),
    *(
        "[",
        "{",
        "<",
        "|",
        ",",
        ";",
        "*",
        "#",
        "[EMAIL]",
        "<b>",
        "Dear ",
        "Mr ",
        "name: ",
        "id ",
        "ssn ",
        "tel ",
        "phone ",
    ),
    *(
        "order ",
        "sku ",
        "no. ",
        "street ",
        "rue ",
        "calle ",
        "via ",
        "weg 1",
        "Aweg ",
        "strasse 1",
        "str. ",
        "at ",
        "dot ",
    ),
    *(
        "(at)",
        "www.",
        "http://",
        "://a?b=",
        "&t=",
        "card ",
        "born ",
        "1/1/",
        "19.07.1977",
        "jan",
        "eyJ",
        "DE89",
        "d e 8 9 ",
    ),
    *(
        "ff",
        "ff:",
        "QUFB",
        "YW5u",
        "6161",
        "O'",
        "van ",
        "de la ",
        "regards, ",
        "Thanks ",
        "is ",
        "IBAN ",
        "ext. ",
        "x12",
    ),
)
"""What the patterns look for, and what they stumble over."""
KNOWN = (
    "Anna Muster",
    "Hauptstraße 12",
    "+49 171 5550199",
    "aaaaaaaa",
    "aa aa",
    "11111111",
    "van de la Aa",
    "田中太郎",
)


class Recipe(NamedTuple):
    """A text: `unit` as often as there is room, between a beginning and an end."""

    before: str
    unit: str
    after: str

    def text(self, length: int) -> str:
        """So many characters of it."""
        room = max(0, length - len(self.after))
        return (self.before + self.unit * (room // len(self.unit) + 1))[:room] + self.after


Work = Callable[[str], object]


def works() -> dict[str, Work]:
    """What is done with a text: by each recogniser, by the search for known values, and by all of masking."""
    known = known_strings(KNOWN)
    assert known
    found: dict[str, Work] = {"view": lambda text: View(text).words}
    for find in RECOGNISERS:
        found[f"{find.__module__.rpartition('.')[2]}"] = _finding(find)
    found["encoded"] = _finding(lambda view: encoded.find(view, lambda decoded: False))
    found["known values"] = _finding(known.find)
    found["all"] = lambda text: mask_with(text, known)
    return found


def _finding(find: Callable[[View], Iterator[object]]) -> Work:
    return lambda text: list(find(View(text)))


def seconds_of(work: Work, text: str, rounds: int = 1) -> float:
    """The least time that the work takes this thread, of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.thread_time()
        work(text)
        best = min(best, time.thread_time() - begun)
    return best


class Slowest(NamedTuple):
    """A text that takes long."""

    seconds: float
    recipe: Recipe


def search(work: Work, length: int, tries: int, chance: random.Random, kept: int = 12) -> Slowest:
    """The slowest text of so many tries: half of them chance, half of them changes of the slowest until then."""
    pool: list[Slowest] = []
    for _ in range(tries):
        recipe = (
            changed_recipe(chance.choice(pool).recipe, chance) if pool and chance.random() < 0.5 else new_recipe(chance)
        )
        pool.append(Slowest(seconds_of(work, recipe.text(length)), recipe))
        pool = sorted(pool, reverse=True)[:kept]
    return pool[0]


def new_recipe(chance: random.Random) -> Recipe:
    """A text of chance."""
    ends = [chance.choice(["", _some(chance)]) for _ in range(2)]
    return Recipe(ends[0], _some(chance), ends[1])


def changed_recipe(recipe: Recipe, chance: random.Random) -> Recipe:
    """The text with something of it changed."""
    unit = chance.choice(
        [recipe.unit + _some(chance), _some(chance) + recipe.unit, recipe.unit[: len(recipe.unit) // 2 + 1]]
    )
    return chance.choice(
        [recipe._replace(before=_some(chance)), recipe._replace(after=_some(chance)), recipe._replace(unit=unit[:40])]
    )


def _some(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(1, 4)))
