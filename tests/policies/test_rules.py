"""Every rule against its examples, on the proxies that the engine passes, with unknowns at every path."""

import pytest

from policies.catalogue import RULES
from policies.examples import EXAMPLES
from policies.rule import Rule
from policies.testing import Subject, with_unknown_at, with_value_at

BY_NAME = {rule.name: rule for rule in RULES}
ODD_VALUES: tuple[object, ...] = (None, "", "text", 7, True, [], {}, [None], {"a": None})


def _subjects(holding: bool) -> list[object]:
    return [
        pytest.param(BY_NAME[examples.rule], subject, id=f"{examples.rule}-{number}")
        for examples in EXAMPLES
        for number, subject in enumerate(examples.subjects(holding))
    ]


KEEPING, BREAKING = _subjects(holding=True), _subjects(holding=False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_examples_of_both_kinds_unless_it_forbids_a_type_as_such(rule: Rule) -> None:
    mine = [examples for examples in EXAMPLES if examples.rule == rule.name]
    assert any(examples.violated for examples in mine), f"add Examples({rule.name!r}, …) to policies/examples/"
    for examples in mine:
        if not examples.holds:
            assert all(subject.verdict(rule, {}).state == "violated" for subject in examples.subjects(holding=False))


@pytest.mark.parametrize(("rule", "subject"), KEEPING)
def test_what_keeps_a_rule_passes(rule: Rule, subject: Subject) -> None:
    assert subject.verdict(rule, subject.properties).state == "holds"


@pytest.mark.parametrize(("rule", "subject"), BREAKING)
def test_what_breaks_a_rule_is_found(rule: Rule, subject: Subject) -> None:
    assert subject.verdict(rule, subject.properties).state == "violated"


@pytest.mark.parametrize(("rule", "subject"), KEEPING)
def test_an_unknown_is_never_a_violation_by_itself(rule: Rule, subject: Subject) -> None:
    for path in subject.paths():
        assert subject.verdict(rule, with_unknown_at(subject.properties, path)).state in {"holds", "undecided"}, path


@pytest.mark.parametrize(("rule", "subject"), BREAKING)
def test_an_unknown_never_turns_a_violation_into_a_pass(rule: Rule, subject: Subject) -> None:
    for path in subject.paths():
        assert subject.verdict(rule, with_unknown_at(subject.properties, path)).state in {"violated", "undecided"}, path


@pytest.mark.parametrize(("rule", "subject"), KEEPING + BREAKING)
def test_odd_values_never_raise(rule: Rule, subject: Subject) -> None:
    for path in subject.paths():
        for odd in ODD_VALUES:
            subject.verdict(rule, with_value_at(subject.properties, path, odd))
