"""Telephone numbers in every national format, and what is taken for one: ours beside phonenumbers' own matcher.

phonenumbers needs to be told a country. It is given the number's own, which a text never says: the most that an
order's countries could bring.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import phonenumbers

from data.privacy_corpus.hostile import hostile
from data.privacy_corpus.phone_formats import COUNTRIES, labelled, unlabelled
from data.privacy_corpus.samples import Sample
from data.privacy_corpus.scoring import score
from orderguard.masking.text import find_personal

Find = Callable[[Sample], Iterable[tuple[int, int, str]]]
SEED = 20261129
HOSTILE = 30_000
SHARE = 10
"""phonenumbers gets every tenth text: it takes that much longer."""
_IMPORT = (
    "import os, time; rss = lambda: int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE');"
    "before, begun = rss(), time.process_time(); import phonenumbers;"
    "print(time.process_time() - begun, rss() - before)"
)


def measured() -> dict[str, Any]:
    """Recall by form, false alarms and time of both; printed as a table."""
    texts = {
        "labelled": list(labelled(random.Random(SEED))),
        "no label": list(unlabelled(random.Random(SEED))),
        "nothing personal": list(hostile(random.Random(SEED), HOSTILE)),
    }
    finders: dict[str, tuple[Find, int]] = {
        "orderguard": (_ours, 1),
        "phonenumbers, its own country": (lambda sample: _theirs(sample, (_country(sample),)), SHARE),
        f"phonenumbers, all {len(COUNTRIES)} countries": (lambda sample: _theirs(sample, COUNTRIES), 10 * SHARE),
    }
    figures: dict[str, Any] = {name: _figures(texts, find, share) for name, (find, share) in finders.items()}
    figures["phonenumbers: import"] = dict(zip(("seconds", "bytes"), _cost_of_import(), strict=True))
    _show(texts, figures)
    return figures


def _ours(sample: Sample) -> list[tuple[int, int, str]]:
    return [(start, end, kind) for start, end, kind, _ in find_personal(sample.text)]


def _theirs(sample: Sample, countries: Sequence[str]) -> list[tuple[int, int, str]]:
    return [
        (match.start, match.end, "PHONE")
        for country in countries
        for match in phonenumbers.PhoneNumberMatcher(sample.text, country)
    ]


def _country(sample: Sample) -> str:
    """The country that the number is of; an order of Germany's where there is no number."""
    return sample.generator.removeprefix("phone of ") if sample.labels else "DE"


def _figures(texts: dict[str, list[Sample]], find: Find, share: int) -> dict[str, float]:
    figures = {}
    for name, samples in texts.items():
        some = samples[::share]
        begun = time.process_time()
        found = [list(find(sample)) for sample in some]
        seconds = time.process_time() - begun
        turn = iter(found)
        result = score(some, lambda _, turn=turn: next(turn))  # type: ignore[misc]
        if name == "nothing personal":
            figures["texts with false alarms"] = sum(map(bool, found)) / len(some)
        else:
            figures[f"recall, {name}"] = result.scores["PHONE"].recall
        figures[f"microseconds a text, {name}"] = seconds / len(some) * 1e6
    return figures


def _cost_of_import() -> tuple[float, float]:
    """Processor seconds and bytes of `import phonenumbers`, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)
    seconds, size = done.stdout.split()
    return float(seconds), float(size)


def _show(texts: dict[str, list[Sample]], figures: dict[str, Any]) -> None:
    sizes = ", ".join(f"{len(samples):,} {name}" for name, samples in texts.items())
    print(f"\ntelephone numbers of {len(COUNTRIES)} countries: {sizes}")
    for name, values in figures.items():
        if "seconds" not in values:
            print(f"  {name}")
            for what, value in values.items():
                print(f"    {what:44}{value:>10.4f}" if "micro" not in what else f"    {what:44}{value:>10,.0f}")
    cost = figures["phonenumbers: import"]
    print(f"  import phonenumbers: {cost['seconds'] * 1e3:.0f} ms of processor time, {cost['bytes'] / 2**20:.1f} MB")
