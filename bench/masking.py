"""Recall, precision and speed of masking, against Presidio's defaults and scrubadub: `python -m bench masking [DIR]`.

Quality is measured on the generated corpus (data/privacy_corpus) and on texts of Microsoft's public evaluation
generator, which masking was not developed with. A labelled value counts as found when nothing of it is left, whatever
it is taken for. A second corpus of public texts is read from DIR, if given. Speed is orders a second of processor
time, so that a busy machine changes it little.
"""

import contextlib
import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from bench import masking_phones
from bench.environments import python_with
from bench.masking_public import GOALS, HOW, second_corpus
from data.generator.sample import lines as sample_lines
from data.generator.sample import make_world
from data.privacy_corpus.corpus import corpus
from data.privacy_corpus.hostile import hostile
from data.privacy_corpus.public_cases import public_cases
from data.privacy_corpus.samples import Label, Sample
from data.privacy_corpus.scoring import Result, score
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.masking.order import known_values
from orderguard.masking.text import find_personal
from orderguard.schema import Order, OrderError, decode_order

SEED = 20261123
REQUIREMENTS = Path("requirements/bench-masking.txt")
REPORT = Path("reports/bench/masking.json")
PEERS = ("presidio", "scrubadub")
KINDS = ("EMAIL", "CARD", "IBAN", "IP", "ID", "PHONE", "URL", "NAME", "ADDRESS")
PUBLIC_TEXTS = 3_000
HOSTILE = 3_000
ROUNDS = 5
PEERS_ORDERS = 500
SAMPLE_ORDERS = 4_000
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)

Spans = list[tuple[int, int, str]]
Value = TypeVar("Value")


class Found(NamedTuple):
    """What a library found in each text, and how long that took, in seconds."""

    spans: list[Spans]
    seconds: float


def main(folder: str = "") -> None:
    """Measure, print the tables and write the report; `folder` holds the second corpus."""
    second = second_corpus(folder) if folder else {}
    python = python_with(REQUIREMENTS)
    texts = corpus(SEED)
    own_known = [known_values(own.order) for own in texts.orders]
    sets = {
        "strangers' data in order texts": texts.strangers,
        "the order's own data in its texts": [own.note for own in texts.orders],
        "impersonal texts": texts.impersonal,
        "hostile impersonal texts": list(hostile(random.Random(SEED), HOSTILE)),
        "Microsoft's public evaluation texts": list(public_texts(python)),
        "cases of public issues": list(public_cases()),
        **{f"second corpus: {name}": samples for name, samples in second.items()},
    }
    report: dict[str, Any] = {
        "seed": SEED,
        "texts": {name: len(samples) for name, samples in sets.items()},
        "quality": {},
    }
    for name, samples in sets.items():
        known = own_known if "own" in name else [None] * len(samples)
        found = {"orderguard": ours([sample.text for sample in samples], known)}
        found |= {peer: theirs(python, peer, [sample.text for sample in samples]) for peer in PEERS}
        results = {who: judged(samples, one.spans) for who, one in found.items()}
        print_quality(name, samples, results, found)
        report["quality"][name] = quality(samples, results, found)
    report["second corpus"] = show_goals([sample for samples in second.values() for sample in samples])
    report["phones"] = masking_phones.measured()
    report["speed"] = {
        "a shop's orders": speed(python, sample_orders()),
        "orders that all have a note about people": speed(python, [own.order for own in texts.orders]),
    }
    for name, figures in report["speed"].items():
        print_speed(name, figures)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def show_goals(samples: Sequence[Sample]) -> dict[str, float]:
    """The recall on the whole second corpus beside what is promised of it."""
    if not samples:
        print(f"\n{HOW}")
        return {}
    result = judged(samples, ours([sample.text for sample in samples], [None] * len(samples)).spans)
    print(f"\nsecond corpus, {len(samples)} texts: recall, and what is promised")
    for kind, goal in GOALS.items():
        one = result.scores[kind]
        verdict = "holds" if one.recall >= goal else "MISSED"
        print(f"  {kind + f' ({one.labelled})':24}{one.recall:>8.4f} {goal:>6} {verdict}")
    for sample, label in result.missed:
        if label.kind in GOALS:
            print(f"    missed in {sample.generator}: {label.kind} of {label.end - label.start} characters")
    return {kind: result.scores[kind].recall for kind in GOALS}


def public_texts(python: Path) -> Iterator[Sample]:
    """Texts from presidio-evaluator's templates and identities, with the labels of the kinds that an order text may
    hold.
    """
    line = [str(python), "bench/masking_peers.py", "texts", str(PUBLIC_TEXTS), str(SEED)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    for one in map(json.loads, done.stdout.splitlines()):
        labels = (Label(start, end, kind) for start, end, kind in one["labels"])
        yield Sample(one["text"], tuple(labels), "en", "presidio-evaluator")


def sample_orders() -> list[Order]:
    """Good orders as the generator of the sample makes them: about one in six has a note or a gift message."""
    lines = sample_lines(make_world(SEED, SAMPLE_ORDERS, START, END), SAMPLE_ORDERS, START, END)
    orders = []
    for line in lines:
        with contextlib.suppress(OrderError):
            orders.append(decode_order(line.data))
    return orders


def ours(texts: Sequence[str], known: Sequence[Any]) -> Found:
    """What orderguard finds."""
    begun = time.process_time()
    spans = [
        [(one.start, one.end, one.kind) for one in find_personal(text, own)]
        for text, own in zip(texts, known, strict=True)
    ]
    return Found(spans, time.process_time() - begun)


def theirs(python: Path, peer: str, texts: Sequence[str]) -> Found:
    """What one of the other libraries finds."""
    done = subprocess.run(
        [str(python), "-W", "ignore", "bench/masking_peers.py", peer],
        input="".join(json.dumps(text) + "\n" for text in texts),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    return Found([[(start, end, kind) for start, end, kind in one] for one in answer["spans"]], answer["seconds"])


def judged(samples: Sequence[Sample], spans: Sequence[Spans]) -> Result:
    """The score of what was found, text by text."""
    turn = iter(spans)
    return score(samples, lambda _: next(turn))


def quality(samples: Sequence[Sample], results: dict[str, Result], found: dict[str, Found]) -> dict[str, Any]:
    """The figures of one set of texts, for the report."""
    return {
        who: {
            "kinds": {
                kind: {"labelled": one.labelled, "recall": one.recall, "precision": one.precision, "f2": one.f2}
                for kind, one in result.scores.items()
                if kind in KINDS and one.labelled
            },
            "precision": overall_precision(result),
            "texts_with_false_alarms": texts_with_false_alarms(result),
            "texts_a_second": len(samples) / found[who].seconds,
        }
        for who, result in results.items()
    }


def overall_precision(result: Result) -> float:
    """The share of all findings that touch something labelled."""
    right, wrong = (sum(getattr(one, name) for one in result.scores.values()) for name in ("right", "wrong"))
    return right / (right + wrong) if right + wrong else 1.0


def texts_with_false_alarms(result: Result) -> int:
    """How many texts had something masked that is not personal."""
    return len({id(sample) for sample, _ in result.mistaken})


def speed(python: Path, orders: Sequence[Order]) -> dict[str, float]:
    """Orders a second of processor time.

    The other libraries get the whole order as JSON, and then nothing but the texts: an order without one costs them
    nothing.
    """
    lines = [msgspec.json.encode(order) for order in orders]
    keyring = Keyring.from_text(new_key_text())
    decoded = [decode_order(line) for line in lines]
    bare = [msgspec.structs.replace(order, note=None, gift_message=None) for order in decoded]
    texts = [text for order in decoded for text in (order.note, order.gift_message) if text]
    whole = [line.decode() for line in lines[:PEERS_ORDERS]]
    figures = {
        "parse": rate(lines, decode_order),
        "parse and mask": rate(lines, lambda line: mask_order(decode_order(line), keyring)),
        "mask": rate(decoded, lambda order: mask_order(order, keyring)),
        "mask, no text": rate(bare, lambda order: mask_order(order, keyring)),
    }
    figures |= {f"{peer}, whole orders": len(whole) / theirs(python, peer, whole).seconds for peer in PEERS}
    return figures | {f"{peer}, the texts alone": len(orders) / theirs(python, peer, texts).seconds for peer in PEERS}


def rate(values: Sequence[Value], act: Callable[[Value], object]) -> float:
    """The best of some rounds, in values a second."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for value in values:
            act(value)
        best = min(best, time.process_time() - begun)
    return len(values) / best


def print_quality(name: str, samples: Sequence[Sample], results: dict[str, Result], found: dict[str, Found]) -> None:
    """A table: recall, precision and F2 by kind."""
    languages = len({sample.language for sample in samples})
    print(f"\n{name}: {len(samples)} texts, {languages} language{'s' if languages > 1 else ''}")
    print(f"  {'recall / precision / F2':24}" + "".join(f"{who:>24}" for who in results))
    for kind in KINDS:
        labelled = results["orderguard"].scores.get(kind)
        if labelled and labelled.labelled:
            cells = (result.scores[kind] for result in results.values())
            print(
                f"  {kind + f' ({labelled.labelled})':24}"
                + "".join(f"{f'{c.recall:.3f} / {c.precision:.3f} / {c.f2:.3f}':>24}" for c in cells)
            )
    print(
        f"  {'all findings: precision':24}"
        + "".join(f"{overall_precision(result):>24.3f}" for result in results.values())
    )
    print(
        f"  {'texts with false alarms':24}"
        + "".join(f"{texts_with_false_alarms(result):>24}" for result in results.values())
    )
    print(f"  {'texts a second':24}" + "".join(f"{len(samples) / one.seconds:>24,.0f}" for one in found.values()))


def print_speed(what: str, figures: dict[str, float]) -> None:
    """A table: orders a second."""
    print(f"\norders a second of processor time: {what}")
    for name, value in figures.items():
        print(f"  {name:32}{value:>12,.0f}")
    ours_whole = figures["parse and mask"]
    for what in ("whole orders", "the texts alone"):
        print(f"  as many as Presidio's on {what}: {ours_whole / figures[f'presidio, {what}']:.0f} times")


if __name__ == "__main__":
    main()
