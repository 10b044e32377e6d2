"""`python -m data.generator`: make the sample, or a larger one."""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO

import msgspec
from tqdm import tqdm

from data.generator.sample import Line, lines, make_world
from orderguard.order_folders import SAMPLE
from orderguard.private_files import make_private_folder, open_private

SCORED_ORDERS = 60
SCORED_ANOMALY_SHARE = 0.25


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m data.generator", description="Make sample orders, with the truth about their anomalies apart."
    )
    parser.add_argument(
        "--out", type=Path, default=SAMPLE, help="folder for sample-YYYY-MM.ndjson (default data/sample)"
    )
    parser.add_argument(
        "--truth",
        type=Path,
        default=Path("data/truth"),
        help="folder for what training must not see (default data/truth)",
    )
    parser.add_argument(
        "--score", type=Path, default=Path("data/score"), help="folder for later orders to score (default data/score)"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--orders", type=int, default=24_000)
    parser.add_argument(
        "--start", type=datetime.fromisoformat, default=datetime(2026, 3, 1), help="first day, as YYYY-MM-DD"
    )
    parser.add_argument("--months", type=int, default=8)
    parser.add_argument("--faultless", action="store_true", help="no broken, repeated or late lines")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


@contextmanager
def written_aside(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is whole."""
    make_private_folder(path.parent)
    aside = path.with_name(f".{path.name}.part")
    try:
        with open_private(aside, "wb") as file:
            yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write(feed: Iterable[Line], orders: Path, truth: Path, prefix: str, *, by_month: bool) -> tuple[int, int]:
    """Write lines to `orders` and their truth to `truth`; returns the numbers of orders and of anomalies.

    Other `sample*.ndjson` files in `orders` are an older sample: they go once the new one is whole.
    """
    count = anomalies = 0
    open_files: dict[str, BinaryIO] = {}
    with ExitStack() as files:
        anomaly_file = files.enter_context(written_aside(truth / f"{prefix}anomalies.ndjson"))
        personal_file = files.enter_context(written_aside(truth / f"{prefix}personal_values.ndjson"))
        for line in feed:
            month = line.delivered.astimezone(timezone.utc).strftime("-%Y-%m") if by_month else ""
            name = f"sample{month}.ndjson"
            if name not in open_files:
                open_files[name] = files.enter_context(written_aside(orders / name))
            open_files[name].write(line.data + b"\n")
            count += line.order_id is not None
            if line.kind:
                anomalies += 1
                anomaly_file.write(msgspec.json.encode({"order_id": line.order_id, "kind": line.kind}) + b"\n")
            for planted in line.planted:
                personal_file.write(
                    msgspec.json.encode({"kind": f"note.{planted.kind}", "value": planted.value}) + b"\n"
                )
    for old in orders.glob("sample*.ndjson"):
        if old.name not in open_files:
            old.unlink()
    return count, anomalies


def months_later(start: datetime, months: int) -> datetime:
    """The first of the month that is `months` after that of `start`."""
    month = start.month - 1 + months
    return start.replace(year=start.year + month // 12, month=month % 12 + 1, day=1)


def main(argv: list[str] | None = None) -> int:
    """Write the sample; exit code 0, or 2 for wrong arguments."""
    options = arguments().parse_args(argv)
    if options.orders < 100 or not 1 <= options.months <= 60:
        print("--orders must be at least 100 and --months from 1 to 60.", file=sys.stderr)
        return 2
    start = options.start.replace(tzinfo=timezone.utc)
    end = months_later(start, options.months)
    world = make_world(options.seed, options.orders, start, end)
    feed = lines(world, options.orders, start, end, faulty=not options.faultless)
    shown = tqdm(
        feed, total=options.orders, unit=" lines", unit_scale=True, disable=options.quiet or None
    )  # None: no bar into files
    count, anomalies = write(shown, options.out, options.truth, "", by_month=True)
    later = lines(
        world, SCORED_ORDERS, end, end + timedelta(days=2), anomaly_share=SCORED_ANOMALY_SHARE, prefix="N", faulty=False
    )
    scored, odd = write(later, options.score, options.truth, "score_", by_month=False)
    print(f"{count} orders with {anomalies} anomalies in {options.out}")
    print(f"{scored} orders to score with {odd} anomalies in {options.score}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
