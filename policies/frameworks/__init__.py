"""What published standards ask for, and where each of it stands: decided by a rule, undecidable for a program, or not
applicable to one.

One table a standard, `NAME-VERSION.tsv`. The titles are our own words.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from policies.rule import Framework

CIS = "CIS Google Cloud Foundations"
_TABLES = {
    CIS: ("5.0.0", "cis-5.0.0.tsv"),
    "Checkov": ("3.3", "checkov-3.3.tsv"),
    "Trivy": ("", "trivy.tsv"),
}


@dataclass(frozen=True)
class Requirement:
    """One requirement of a standard. `level` is 1 or 2 where the standard has levels, else 0. `standing` is `decided`,
    `undecidable` or `not applicable`; `why` says it of all but the first.
    """

    framework: Framework
    level: int
    standing: str
    title: str
    why: str


@cache
def requirements() -> tuple[Requirement, ...]:
    """All requirements of all tables, in their order."""
    found = []
    for name, (version, file) in _TABLES.items():
        path = Path(__file__).with_name(file)
        if not path.exists():
            continue
        with path.open(encoding="utf-8", newline="") as table:
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
                framework = Framework(name, version, row["reference"])
                found.append(
                    Requirement(framework, int(row["level"] or 0), row["standing"], row["title"], row["why"] or "")
                )
    return tuple(found)


@cache
def cis_levels() -> dict[str, int]:
    """The level of each recommendation of CIS, by its number."""
    return {r.framework.reference: r.level for r in requirements() if r.framework.name == CIS}
