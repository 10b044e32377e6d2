"""The table of standards and rules: every id is there, and says truly whether a rule decides it."""

import pytest

from policies.catalogue import RULES
from policies.frameworks import CIS, Requirement, requirements
from policies.frameworks.__main__ import PAGE, deciding, page

NAMED = deciding(RULES)
STANDARDS = {CIS: 93, "Checkov": 162, "Trivy": 75}
"""How many ids each standard has in the version that its table names."""


def test_no_id_of_a_standard_is_left_out_or_there_twice() -> None:
    for name, count in STANDARDS.items():
        references = [item.framework.reference for item in requirements() if item.framework.name == name]
        assert len(references) == len(set(references)) == count


@pytest.mark.parametrize(
    "requirement", requirements(), ids=lambda item: f"{item.framework.name}-{item.framework.reference}"
)
def test_what_is_decided_has_a_rule_and_what_is_not_has_a_reason(requirement: Requirement) -> None:
    rules = NAMED.get((requirement.framework.name, requirement.framework.reference), [])
    assert requirement.standing in {"decided", "undecidable", "not applicable"}
    assert (requirement.standing == "decided") == bool(rules) == (not requirement.why)
    assert requirement.title and (requirement.level in {1, 2}) == (requirement.framework.name == CIS)


def test_what_a_rule_says_of_a_standard_is_in_its_table() -> None:
    known = {(item.framework.name, item.framework.reference) for item in requirements()}
    assert not {named for named in NAMED if named[0] in STANDARDS} - known


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run `make pages`"
