"""docs/technical/privacy.md claims nothing that no test proves and no rule backs."""

import ast
import re
from itertools import takewhile
from pathlib import Path

import pytest

from orderguard.schema import CLASSIFICATION

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/technical/privacy.md").read_text(encoding="utf-8")
PROMISES = [
    line.strip("| ").split(" | ")
    for line in takewhile(lambda line: line.startswith("|"), PAGE.split("| promise |")[1].splitlines()[2:])
]


def functions_of_tests() -> set[str]:
    names = set()
    for path in (REPOSITORY / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return names


def test_the_page_makes_promises() -> None:
    assert len(PROMISES) > 10
    assert {len(row) for row in PROMISES} == {5}


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: str(row[0])[:60])
def test_every_promise_names_law_tests_and_rules_that_exist(row: list[str]) -> None:
    _, gdpr, ccpa, tests, rules = row
    assert re.fullmatch(r"\d+(\(\d+\)(\([a-f]\))?)?(, \d+(\(\d+\)(\([a-f]\))?)?)*", gdpr)
    assert ccpa.startswith("1798.")
    named = re.findall(r"`([^`]+)`", tests)
    existing = functions_of_tests()
    assert named and not [name for name in named if name not in existing and not (REPOSITORY / name).is_dir()]
    policies = (REPOSITORY / "docs/technical/policies.md").read_text(encoding="utf-8")
    assert not [rule for rule in re.findall(r"`([^`]+)`", rules) if f"### {rule}\n" not in policies]


def test_the_classes_on_the_page_are_those_of_the_schema() -> None:
    for handling in set(CLASSIFICATION.values()):
        assert f"| {handling} |" in PAGE
