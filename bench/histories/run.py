"""`python -m bench histories`: no skew between training and a service that was just deployed and seeded, and the table
of what each way of keeping histories costs. Takes some minutes.
"""

import os
import tempfile
from pathlib import Path

import msgspec

from bench.histories.feed import feed_of, offline
from bench.histories.skew import seed, skew
from bench.histories.table import DEPLOYMENTS, Row, measured, row, service_settings, truth_of
from ml.config import read_config
from ml.job import Job
from ml.pipeline import train_version
from orderguard.masking import Keyring, new_key_text

SAMPLE, TRUTH = Path("data/sample"), Path("data/truth/anomalies.ndjson")
REPORT = Path("reports/bench/histories.json")
FURTHEST = 1e-9
LATER_IN_TABLE = 0.2
"""The last orders that the table is about: among the last 15 % of the sample no card is tested."""


def main() -> None:
    """Measure, print, and write the report. Exits with 1 where a decision is flipped or a score is too far."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = feed_of(SAMPLE, folder / "feed")
        longer = feed.cut_at(LATER_IN_TABLE, folder / "before-the-table")
        runs_key, own_key = Keyring.from_text(new_key_text()), new_key_text()
        print(f"    training on the first {longer.cut:,} orders, under a key of this run")
        job = Job(
            data=longer.earlier,
            models=folder / "models",
            config=read_config(),
            keyring=runs_key,
            run_key=True,
            version="served",
            jobs=len(os.sched_getaffinity(0)),
        )
        train_version(job)
        version_dir, histories = job.models / "served", folder / "histories"
        expected = offline(feed, version_dir, runs_key)
        found = skew(feed, version_dir, expected, own_key, folder)
        print(
            f"    skew: {found.flipped} of {found.orders:,} decisions flipped, scores differ by {found.furthest:.1e} at"
            f" most; with history {found.known:,}, offline {found.known_offline:,}"
        )
        seed(longer.earlier, version_dir, histories, Keyring.from_text(own_key))
        kinds = truth_of(longer, TRUTH)
        rows = {"training's own code, all at once": measured(offline(longer, version_dir, runs_key), kinds, "–")}
        told = service_settings(own_key, version_dir, histories)
        for deployment in DEPLOYMENTS:
            rows[deployment.name] = row(deployment, longer, version_dir, told, kinds, folder)
            print(f"    {deployment.name}: {rows[deployment.name]}", flush=True)
    _show(rows)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    figures = {"skew": found._asdict(), "table": {name: values._asdict() for name, values in rows.items()}}
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    if found.flipped or found.furthest > FURTHEST:
        raise SystemExit("there is skew between training and a seeded service")


def _show(rows: dict[str, Row]) -> None:
    print(f"\n    {'store':<48} {'with history':>12} {'AP':>6} {'card testing':>13}  drift on clean data")
    for name, values in rows.items():
        known, precision, testing, drift = values
        print(f"    {name:<48} {known:>12.1%} {precision:>6.3f} {testing:>13}  {drift}")
