"""Write docs/technical/policy-frameworks.md: `python -m policies.frameworks`."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from policies.catalogue import RULES
from policies.frameworks import Requirement, requirements
from policies.rule import Rule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "technical" / "policy-frameworks.md"
_HEAD = """# Standards and rules

What the CIS Google Cloud Foundations Benchmark, Checkov and Trivy ask for, a row for each of their ids, and where the
pack stands:

- **decided**: the rules named decide it from what a program declares;
- **undecidable**: a program does not show it;
- **not applicable**: it is about nothing that a program can declare.

The titles are our own words. A rule may decide several ids: then each row names the others. This page is generated
(`make pages`), and a test holds it to the rules.
"""


def page() -> str:
    """The page as Markdown: a table for each standard, in its own order."""
    by_standard: dict[str, list[Requirement]] = {}
    for requirement in requirements():
        by_standard.setdefault(f"{requirement.framework.name} {requirement.framework.version}".strip(), []).append(
            requirement
        )
    named = deciding(RULES)
    return _HEAD + "".join(_section(name, rows, named) for name, rows in by_standard.items())


def deciding(rules: Iterable[Rule]) -> dict[tuple[str, str], list[str]]:
    """The names of the rules that decide a requirement, by its standard and reference."""
    found: dict[tuple[str, str], list[str]] = {}
    for rule in rules:
        for framework in rule.frameworks:
            found.setdefault((framework.name, framework.reference), []).append(rule.name)
    return found


def _section(name: str, rows: list[Requirement], named: dict[tuple[str, str], list[str]]) -> str:
    counts = Counter(row.standing for row in rows)
    told = ", ".join(f"{counts[standing]} {standing}" for standing in ("decided", "undecidable", "not applicable"))
    lines = [
        f"\n## {name}\n",
        f"{len(rows)} in all: {told}.\n",
        "| id | what it asks for | where it stands |",
        "|---|---|---|",
    ]
    for row in rows:
        level = f" (level {row.level})" if row.level else ""
        links = ", ".join(
            f"[`{rule}`](policies.md#{rule}){_others(row, rule, rows, named)}" for rule in named.get(_id(row), ())
        )
        standing = links if row.standing == "decided" else f"{row.standing}: {row.why}"
        lines.append(f"| {row.framework.reference}{level} | {row.title} | {standing} |")
    return "\n".join(lines) + "\n"


def _others(row: Requirement, rule: str, rows: list[Requirement], named: dict[tuple[str, str], list[str]]) -> str:
    """The other ids of the same standard that the rule decides."""
    decided = [other.framework.reference for other in rows if rule in named.get(_id(other), ())]
    others = [reference for reference in decided if reference != row.framework.reference]
    return f" (with {', '.join(others)})" if others else ""


def _id(row: Requirement) -> tuple[str, str]:
    return row.framework.name, row.framework.reference


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"Wrote {PAGE.relative_to(PAGE.parents[2])}.")
