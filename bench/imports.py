"""A million-line CSV through `make import`, beside pandas that merely reads it: each run in a process of its own."""

import csv
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

LINES = 1_000_000
SEED = 15
ROUNDS = 3
LIMIT_MIB = 500
REPORT = Path("reports/bench/imports.json")
COLUMNS = "Order,Placed,Customer,Email,City,Postcode,Country,Payment,Sku,Category,Quantity,Price".split(",")
MAPPING = """
[values]
date_format = "%Y-%m-%d %H:%M:%S"
zone = "Europe/Berlin"
[order]
order_id = "Order"
created_at = "Placed"
currency = { value = "EUR" }
customer.id = "Customer"
customer.email = "Email"
shipping_address.city = "City"
shipping_address.postcode = "Postcode"
shipping_address.country = "Country"
payment.method = "Payment"
[items]
sku = "Sku"
category = "Category"
quantity = "Quantity"
unit_price = "Price"
"""
PROGRAMS = {
    "pandas": "import pandas; begun = time.perf_counter(); pandas.read_csv(sys.argv[1])",
    "import": """
from data.importing.command import main
begun = time.perf_counter()
assert main([sys.argv[1], "--mapping", sys.argv[2], "--out", sys.argv[3], "--quarantine", sys.argv[3]]) == 0""",
}
_AROUND = """
import json, resource, sys, time
from data.importing.processes import workers
{program}
seconds = time.perf_counter() - begun
spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
peak = spent[0].ru_maxrss + workers() * spent[1].ru_maxrss
processor = sum(one.ru_utime + one.ru_stime for one in spent)
print(json.dumps({{"seconds": seconds, "processor_seconds": processor, "peak_mib": peak / 1024}}))
"""


def main() -> None:
    """Write the two files, run both programs on each in turn, print a table and write the report."""
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        mapping = Path(folder, "mapping.toml")
        mapping.write_text(MAPPING)
        for name, order in ARRANGED.items():
            file = Path(folder, "lines.csv")
            # A process's peak begins with its parent's: what writes a million lines is not to be the parent.
            writer = get_context("spawn").Process(target=write, args=(file, order))
            writer.start()
            writer.join()
            runs: dict[str, list[dict[str, float]]] = {program: [] for program in PROGRAMS}
            for _ in range(ROUNDS):
                for program, done in runs.items():
                    done.append(run(program, file, mapping, Path(folder, "out")))
            report[name] = {program: min(done, key=lambda one: one["seconds"]) for program, done in runs.items()}
            report[name]["file"] = {"mib": file.stat().st_size / 2**20, "lines": LINES}
    told(report)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def write(file: Path, arranged: Callable[[list[list[object]]], list[list[object]]], lines: int = LINES) -> None:
    """A made-up shop's lines, from a fixed seed."""
    chance = random.Random(SEED)
    rows: list[list[object]] = []
    number = 0
    while len(rows) < lines:
        number += 1
        customer = chance.randrange(lines // 12 + 1)
        day, clock = f"2026-{number % 12 + 1:02}-{chance.randint(1, 28):02}", (chance.randint(0, 59) for _ in range(2))
        placed = f"{day} {chance.randint(0, 23):02}:{next(clock):02}:{next(clock):02}"
        head = [
            f"A-{number}",
            placed,
            f"C{customer}",
            f"c{customer}@example.org",
            f"Town {customer % 900}",
            f"{customer % 9999:05}",
            "DE",
        ]
        head.append(("card", "paypal", "invoice")[customer % 3])
        for _ in range(min(chance.randint(1, 4), lines - len(rows))):
            article = int(chance.paretovariate(1.1)) % 5_000
            price = f"{3 + article % 90}.{chance.choice(('00', '49', '95', '99'))}"
            rows.append([*head, f"SKU-{article:05}", f"group {article % 40}", chance.choice((1, 1, 1, 2, 3)), price])
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(arranged(rows))


def shuffled(rows: list[list[object]]) -> list[list[object]]:
    """The rows in any order."""
    random.Random(SEED).shuffle(rows)
    return rows


ARRANGED: dict[str, Callable[[list[list[object]]], list[list[object]]]] = {
    "lines of an order together": list,
    "lines in any order": shuffled,
}


def run(program: str, file: Path, mapping: Path, out: Path) -> dict[str, float]:
    """Seconds and peak memory of a program on a file."""
    script = _AROUND.format(program=PROGRAMS[program])
    command = [sys.executable, "-c", script, str(file), str(mapping), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def told(report: dict[str, Any]) -> None:
    """The table."""
    print(f"{'file':30}{'program':>10}{'seconds':>10}{'lines/s':>12}{'processor s':>13}{'peak MiB':>10}")
    for name, programs in report.items():
        for program in PROGRAMS:
            one = programs[program]
            print(
                f"{name:30}{program:>10}{one['seconds']:>10.2f}{LINES / one['seconds']:>12,.0f}"
                f"{one['processor_seconds']:>13.2f}{one['peak_mib']:>10.0f}"
            )
        ratio = programs["pandas"]["seconds"] / programs["import"]["seconds"]
        print(f"{name:30} {ratio:.2f} of pandas' speed (wanted: 0.50), {LIMIT_MIB} MiB at most")


if __name__ == "__main__":
    main()
