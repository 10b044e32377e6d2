"""`python -m bench [AREA …]`: run the benchmarks of some areas, or of all. `feeds` and `codes` take the feeds' folder
after them, `masking` that of its second corpus, `policies` that of public values and programs, `programs` that of
programs alone, `fidelity` a file of cases.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import importlib
import sys
import time

AREAS = {
    "features": "orders in to features out, against bare parsing, from 10,000 to 1,000,000 orders",
    "repair": "orders as shops export them, read and repaired, beside the strict decoder alone",
    "model": "one row and many through the ONNX graph, against a bare session and scikit-learn",
    "imports": "a million-line CSV through make import, beside pandas that merely reads it",
    "feeds": "what is found in other people's orders, against PyOD's detectors (feeds DIR)",
    "codes": "the catalogue codes of other people's orders through masking (codes DIR)",
    "masking": "recall, precision and speed of masking, against Presidio and scrubadub (masking DIR)",
    "retrieval": "recall and nDCG of retrieval, against plain BM25",
    "panel": "the panel's answers on people's questions, and turned-round facts against the guard",
    "policies": "what a resource costs in the policy pack, its import, and a preview of 1,000 with it and without",
    "programs": "other people's programs on the local cloud: up, up again, down (programs DIR)",
    "fidelity": "the local cloud's provider against what the real one answered, by kind (fidelity FILE)",
    "preview": "a preview of prod with the pack, against an empty program with an empty pack",
    "histories": "training against a service just deployed and seeded, and what each store of histories costs",
    "backfill": "features of past orders in constant memory, against memory; kills, growth (backfill [DIR])",
    "serving": "requests a second of the service, against plain FastAPI and other model servers",
    "rules": "requests a second with twenty decision rules and with none, a backtest, random rules over random orders",
    "store": "the shared store: cost of a group, exactness of several processes, failures under load",
    "desk": "what kept alerts cost scoring, 10,000 alerts filtered, a database that is killed, slow or full",
    "page": "the desk in Chromium: 10,000 open alerts, a day's work by keyboard, two people at once",
    "deploy": "deployments killed at each of their steps, and the next one after them, with callers all along",
    "faults": "the local cloud under kill -9 at 200 points, damaged files, a full disk, a taken port, two at once",
    "clients": "1,000 objects of 1 MiB up and down through Google's Storage client, beside the disk itself",
    "scale": "the local cloud's instances: from 1 to 4 under load, a rollout, to zero and back",
    "images": "what the images weigh, and how long a start takes in the container and outside",
    "soak": "memory and errors of the service under hours of load, told in minutes",
    "slow": "a search for the slowest texts and request bodies within the limits",
    "fuzz": "the order parser and the masker under a coverage-guided fuzzer, and vendors' payloads changed",
}
MODULES = {
    "backfill": "bench.backfill.run",
    "deploy": "bench.deploy.run",
    "desk": "bench.desk.run",
    "faults": "bench.faults.run",
    "feeds": "bench.feeds.run",
    "fidelity": "bench.fidelity.run",
    "histories": "bench.histories.run",
    "store": "bench.store.run",
    "slow": "bench.slow.run",
}
WITH_FOLDER = ("backfill", "feeds", "codes", "masking", "policies", "programs", "fidelity")


def main(words: list[str]) -> None:
    """Run the areas in the table's order; what each prints is its result."""
    table = "\n".join(f"  {name:10} {meaning}" for name, meaning in AREAS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=f"areas:\n{table}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("areas", nargs="*", metavar="AREA", help="all, where none is named")
    chosen = parser.parse_args(words).areas
    given = {name: chosen.pop(chosen.index(name) + 1) for name in WITH_FOLDER if folder_follows(chosen, name)}
    if unknown := set(chosen) - set(AREAS):
        parser.error(f"no such area: {', '.join(sorted(unknown))}; there are: {', '.join(AREAS)}")
    for name in [name for name in AREAS if not chosen or name in chosen]:
        print(f"\n==> {name}: {AREAS[name]}", flush=True)
        begun = time.monotonic()
        importlib.import_module(MODULES.get(name, f"bench.{name}")).main(*([given[name]] if name in given else []))
        print(f"    {time.monotonic() - begun:.0f} s; figures in reports/bench/{name}.json")


def folder_follows(words: list[str], area: str = "feeds") -> bool:
    """After `area` stands a folder rather than the next area."""
    after = words[words.index(area) + 1 :] if area in words else []
    return bool(after) and after[0] not in AREAS


if __name__ == "__main__":
    main(sys.argv[1:])
