"""Catalogue codes of public order feeds through masking: `python -m bench codes DIR`, where DIR holds NAME.ndjson.

The codes are masked as an order's are that comes without a catalogue; a code that does not stay as it is is a false
alarm. `python -m bench.feeds.convert` makes the files from public data, which are no part of this repository.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.feeds.run import HOW
from ml.reading import blocks_of, lines_of
from orderguard.masking.judging import judged
from orderguard.schema import OrderError, decode_order

REPORT = Path("reports/bench/codes.json")
SHOWN = 5


def main(folder: str = "") -> None:
    """Mask each feed's codes, print a table and write the report."""
    paths = sorted(Path(folder).glob("*.ndjson")) if folder else []
    if not paths:
        print(HOW.replace("feeds DIR", "codes DIR").replace("AREA=feeds", "AREA=codes"))
        return
    report: dict[str, Any] = {path.stem: measured(path) for path in paths}
    print(f"{'feed':14}{'codes':>8}{'masked':>8}{'µs a code':>11}  the first that were masked")
    for name, one in report.items():
        print(f"{name:14}{one['codes']:>8,}{one['masked']:>8,}{one['microseconds']:>11.0f}  {one['first'] or 'none'}")
    codes, masked = (sum(one[name] for one in report.values()) for name in ("codes", "masked"))
    print(f"{'all':14}{codes:>8,}{masked:>8,}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def measured(path: Path) -> dict[str, Any]:
    """How many distinct codes a feed has, how many of them masking takes for personal, and how long it looks at one."""
    codes = list(dict.fromkeys(codes_of(path)))
    begun = time.process_time()
    masked = [code for code in codes if judged(code).kind]
    seconds = time.process_time() - begun
    return {
        "codes": len(codes),
        "masked": len(masked),
        "microseconds": seconds / len(codes) * 1e6,
        "first": masked[:SHOWN],
    }


def codes_of(path: Path) -> Iterator[str]:
    """The codes of all orders that can be used."""
    for block in blocks_of(path):
        for line in lines_of(block):
            try:
                order = decode_order(line or b"")
            except OrderError:
                continue
            for item in order.items:
                yield item.sku
                if item.category:
                    yield item.category
            for part in (order.payment, order.shipping):
                if part and part.method:
                    yield part.method
