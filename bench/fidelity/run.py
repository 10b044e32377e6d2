"""How far the local cloud's provider agrees with the real one: `python -m bench fidelity [FILE]`.

FILE holds cases that the real provider has answered (see `cases.py`); without it, those that CI holds. Then every
statement of the facts is put to all types, and inputs of any shape.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.fidelity.asker import Asker
from bench.fidelity.cases import judged
from bench.fidelity.fuzz import crashes
from bench.fidelity.statements import sample
from infra.local.facts import known_types

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "local_cloud" / "provider_answers.json"
REPORT = ROOT / "reports" / "bench" / "fidelity.json"
SHOWN = 10
FUZZED = 5_000


def main(file: str = "") -> None:
    """Print the agreement by kind and the first disagreements."""
    path = Path(file) if file else CASES
    with TemporaryDirectory() as home:
        ask = Asker(Path(home))
        table = _cases(ask, path.name, json.loads(path.read_bytes()))
        stated = sample(ask, seed=1, types=len(list(known_types())), share=1.0)
        crashed = list(crashes(ask, seed=1, inputs=FUZZED))
    wrong = [one.disagrees for one in stated if one.disagrees]
    print(f"    statements of the facts put to all types: {len(stated):,}, of which {len(wrong)} disagree")
    print(f"    inputs of any shape: {FUZZED:,}, to Check, Diff and Create: {len(crashed)} crashes")
    for text in [*wrong, *crashed][:SHOWN]:
        print(f"    differs: {text[:400]}")
    found = {"kinds": table, "statements": len(stated), "statements_disagree": len(wrong), "crashes": len(crashed)}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"cases": path.name, **found}, indent=1) + "\n")


def _cases(ask: Asker, name: str, cases: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Kind of case → how many there are, and how many agree."""
    agreed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    sentences: Counter[str] = Counter()
    wrong = defaultdict(list)
    for one in judged(ask, cases):
        total[one.kind] += 1
        agreed[one.kind] += not one.disagrees
        sentences[one.kind] += one.same_sentence
        if one.disagrees:
            wrong[one.kind].append(one.disagrees)
    print(f"    {name}: {len(cases.get('checks', ()))} checks, {len(cases.get('diffs', ()))} diffs")
    print(f"    {'kind':<22}{'cases':>7}{'agree':>7}{'':>8}{'same sentences':>17}")
    for kind in sorted(total):
        share = f"{agreed[kind] / total[kind]:.1%}"
        said = f"{sentences[kind]:>17}" if kind.startswith("check") else ""
        print(f"    {kind:<22}{total[kind]:>7}{agreed[kind]:>7}{share:>8}{said}")
    for text in [text for texts in wrong.values() for text in texts][:SHOWN]:
        print(f"    differs: {text}")
    return {kind: {"cases": total[kind], "agree": agreed[kind]} for kind in sorted(total)}
