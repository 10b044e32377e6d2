"""The order parser and the masker under a coverage-guided fuzzer: `python -m bench.fuzz`.

A fixed number of inputs from a fixed seed, grown from a few orders and notes of the corpus. What breaks a promise (see
bench/fuzz_targets.py) or takes longer than `SLOWEST_SECONDS` is kept in reports/bench/ and reported.
"""

import asyncio
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench.environments import python_with
from bench.fuzz_sources import fuzzed as fuzzed_sources
from bench.hooks.fuzz import environment_of
from bench.hooks.fuzz import fuzzed as fuzzed_deliveries
from data.privacy_corpus.corpus import corpus
from orderguard.masking import new_key_text
from orderguard.model_version import champion

SEED = 20261123
PAYLOADS = 100_000
"""Changed payloads of vendors and exports, through sources and repair."""
MODELS = Path("models")
INPUTS = {"order": 60_000, "text": 20_000}
LONGEST = 2_000
SLOWEST_SECONDS = 5
SEEDS = 60
REQUIREMENTS = Path("requirements/bench-fuzz.txt")
REPORT = Path("reports/bench/fuzz.json")
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(r"cov: (\d+)")


def main() -> None:
    """Fuzz each target, print a table and write the report."""
    python = python_with(REQUIREMENTS)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    report = {name: fuzzed(python, name, inputs) for name, inputs in INPUTS.items()}
    print(f"{'target':10}{'inputs':>10}{'seconds':>10}{'edges covered':>16}  result")
    for name, result in report.items():
        kept = f"broken: {result['kept']}" if result["kept"] else "nothing broken"
        print(f"{name:10}{result['inputs']:>10,}{result['seconds']:>10}{result['edges']:>16,}  {kept}")
    ended = fuzzed_sources(PAYLOADS, SEED)
    print(f"{PAYLOADS:,} vendors' payloads and exports, nothing raised: ", end="")
    print(", ".join(f"{count:,} {how}" for how, count in ended.most_common()))
    report["sources"] = {"payloads": PAYLOADS, **ended}
    report["webhooks"] = deliveries()
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def deliveries() -> dict[str, Any]:
    """Odd and badly signed webhooks, through a service of the champion: what they were answered with."""
    if champion(MODELS) is None:
        print("webhooks are scored with the champion, and there is none: run `make train` first")
        return {}
    seen, log = asyncio.run(fuzzed_deliveries(environment_of(str(MODELS), new_key_text()), PAYLOADS, SEED))
    failed = sum(count for what, count in seen.items() if what.startswith("5")) + log.count('"severity":"ERROR"')
    print(f"{PAYLOADS:,} webhooks, {failed} with 5xx or a traceback: ", end="")
    print(", ".join(f"{count:,} {what}" for what, count in seen.most_common()))
    return {"deliveries": PAYLOADS, "failed": failed, **seen}


def fuzzed(python: Path, target: str, inputs: int) -> dict[str, Any]:
    """Run one target; `kept` names the file with the input that broke it, if one did."""
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds(target)):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        options = [f"-runs={inputs}", f"-seed={SEED}", f"-max_len={LONGEST}", f"-timeout={SLOWEST_SECONDS}"]
        done = subprocess.run(
            [
                str(python),
                "bench/fuzz_targets.py",
                target,
                folder,
                *options,
                f"-artifact_prefix={REPORT.parent}/{target}-",
            ],
            env={**os.environ, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            errors="replace",
        )
    ended = _DONE.search(done.stderr)
    covered = _COVERED.findall(done.stderr)
    kept = re.search(r"Test unit written to (\S+)", done.stderr)
    if not ended and not kept:
        raise RuntimeError(f"the fuzzer ended early:\n{done.stderr[-2000:]}")
    return {
        "inputs": int(ended[1]) if ended else None,
        "seconds": int(ended[2]) if ended else None,
        "edges": int(covered[-1]) if covered else 0,
        "kept": kept[1] if kept else None,
    }


def seeds(target: str) -> list[bytes]:
    """What the fuzzer starts from: some orders, or their notes and other texts of the corpus."""
    texts = corpus(SEED)
    if target == "order":
        return [msgspec.json.encode(own.order) for own in texts.orders[:SEEDS]]
    return [
        sample.text.encode()
        for sample in (*texts.strangers[:: len(texts.strangers) // SEEDS], *texts.impersonal[:SEEDS])
    ]


if __name__ == "__main__":
    main()
