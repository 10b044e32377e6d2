"""Decision rules and lists: what a file may say, what is refused and how, and who decides."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bench.rules import fuzz
from orderguard.features import FEATURE_NAMES, FEATURES
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.rules import Decision, RulesError, load_rules
from orderguard.rules.cost import MOST_OF_RULE, cost_of
from orderguard.rules.expressions import check
from orderguard.rules.fields import FIELDS, MOST_LINES
from orderguard.schema import MaskedItem, MaskedOrder, decode_order

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEYRING = Keyring.from_text(new_key_text())
ORDER = mask_order(
    decode_order(b"""{"order_id": "O-1", "created_at": "2026-11-29T03:15:00+01:00", "currency": "EUR", "channel": "web",
        "customer": {"id": "C-1", "email": "anna@example.com"}, "device": {"id": "d-1"},
        "items": [{"sku": "GIFT-100", "category": "gift cards", "quantity": 6, "unit_price": 100},
                  {"sku": "MUG-1", "quantity": 1, "unit_price": 7.5}],
        "payment": {"method": "card", "card_country": "DE"},
        "billing_address": {"country": "DE", "postcode": "10115"}}"""),
    KEYRING,
)
VECTOR = [0.0] * len(FEATURES)

RULE = """
[[rule]]
id = "{id}"
when = '''{when}'''
action = "{action}"
mode = "{mode}"
reason = "many gift cards"
owner = "payments"
reviewed = 2026-11-29
{more}
"""
ENTRY = """
[[{listed}]]
token = "{token}"
reason = "charged back"
owner = "payments"
expires = {expires}
"""

Write = Callable[[str], Path]


def rule(when: str, action: str = "flag", mode: str = "act", id: str = "r", more: str = "") -> str:
    return RULE.format(id=id, when=when, action=action, mode=mode, more=more)


def entry(listed: str, token: str | None, expires: str = "2026-11-29") -> str:
    return ENTRY.format(listed=listed, token=token, expires=expires)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
        return tmp_path / "rules.toml"

    return written


def decided(
    path: Path, order: MaskedOrder = ORDER, score: float = 0.4, now: datetime = NOW, **features: float
) -> Decision | None:
    vector = [features.get(name, 0.0) for name in FEATURE_NAMES]
    return load_rules(path, KEYRING.fingerprint).decide(order, vector, score, 0.5, now)


@pytest.mark.parametrize(
    "when",
    [
        "order.value > 600.0 && order.currency == 'EUR'",
        "order.lines.exists(line, order.category[line] == 'gift cards' && order.quantity[line] >= 5.0)",
        "order.sku.exists(code, code.matches('^GIFT-[0-9]+$'))",
        "order.hour < 6 && order.weekday == 7 && order.placed.getHours() == 2",
        "order.billing_country == 'DE' && order.shipping_country == '' && !order.guest",
        "!told.shipping_cost && !(order.shipping_cost > 0.0) && !(order.shipping_cost <= 0.0)",
        "features.orders_before < 1.0 && features.lines == 1.0  // in their own units: two lines are ln 1 here",
        "score < threshold",
        "order.customer.startsWith('cus_') && order.device != '' && order.line_count == 2",
    ],
)
def test_an_order_meets_what_is_true_of_it(write: Write, when: str) -> None:
    found = decided(write(rule(when)))
    assert found and found.anomaly and found.decided_by == "rule:r"
    assert decided(write(rule(f"!({when.partition('//')[0]})"))) is None


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (
            "order.valu > 500.0",
            "there is no field `order.valu`, column 6 of the expression: did you mean `order.value`?",
        ),
        ("features.order_before > 1.0", "did you mean `features.orders_before`?"),
        (
            "order.value > 500",
            "`>` can't be done with (double, int), column 13 of the expression: write numbers with a point",
        ),
        ("order.currency > 5.0", "`>` can't be done with (string, double)"),
        ("order.value", "gives number, and not yes or no"),
        ("order.sku", "gives texts, and not yes or no"),
        ("1 < 2", "names no field"),
        ("true", "names no field"),
        ("order.value > 1.0 &&", "Syntax error"),
        ("(" * 40 + "order.guest" + ")" * 40, "nested too deeply"),
        ("order.sku.exists(a, order.sku.exists(b, a == b))", "`exists` within another"),
        ("order.sku.exists(a, [1].all(b, order.sku.map(c, c) == []))", "`all` within another"),
        ("order.sku.exists(a, a.matches(order.channel))", "must be a text in quotes"),
        ("order.channel.matches('(')", "is no regular expression"),
        ("order.channel.matches('(a{1,30}){1,30}')", "no counts"),
        ("order.sku.all(a, [order.sku, order.sku].size() > 1)", "units of work"),
        ("dyn(order.value) == 'x'", "`dyn` hides what a field is"),
    ],
)
def test_an_expression_that_is_no_rule_is_refused_with_rule_field_line_and_way_out(
    write: Write, when: str, told: str
) -> None:
    with pytest.raises(RulesError) as refused:
        load_rules(write(rule("order.guest", id="well") + rule(when, id="wrong")))
    (mistake,) = refused.value.mistakes
    assert mistake.startswith("rule wrong, line 14: `when` ") and told in mistake


def test_a_mistake_further_down_in_an_expression_is_told_with_its_own_line(write: Write) -> None:
    with pytest.raises(RulesError, match=r"rules.toml: rule r, line 6: `when` there is no field `order.x`"):
        load_rules(write(rule("\norder.guest\n&& order.x > 1.0")))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule]\n", "is no TOML"),
        ("[[rules]]\nid = 'a'", "has [rules]"),
        ("rule = 3", "[[rule]] must stand"),
        (rule("order.guest") * 2, "another rule has this id"),
        (rule("order.guest", action="drop"), "line 5: `action` must be one of flag, clear, raise"),
        (rule("order.guest", mode="on"), "line 6: `mode` must be one of shadow, act"),
        (rule("order.guest", action="raise"), "`by` is missing"),
        (rule("order.guest", more="by = 0.1"), "line 10: `by` is for action `raise` alone"),
        (rule("order.guest", action="raise", more="by = 2"), "`by` must be a number above 0 and at most 1"),
        (rule("order.guest", more="note = 1"), "line 10: there is no field `note`"),
        (rule("order.guest").replace("2026-11-29", "'today'"), "line 9: `reviewed` must be a day without quotes"),
        (rule("order.guest").replace("many gift cards", "call +49 30 901820"), "holds what looks like personal data"),
        (rule("order.guest").replace('owner = "payments"', ""), "`owner` is missing"),
        (entry("block", "anna@example.com"), "line 3: `token` is no token"),
        (entry("block", "ord_k1_" + "a" * 22), "line 3: `token` is no token"),
        (entry("allow", ORDER.customer_token).replace("expires", "until"), "`expires` is missing"),
        (entry("allow", ORDER.customer_token) * 2, "stands there twice"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_no_value_of_it_repeated(write: Write, text: str, told: str) -> None:
    with pytest.raises(RulesError) as refused:
        load_rules(write(text))
    assert told in str(refused.value) and "anna" not in str(refused.value) and "+49" not in str(refused.value)


BLOCK, ALLOW = entry("block", ORDER.device_token), entry("allow", ORDER.customer_token)
FLAG, CLEAR = rule("order.value > 1.0", "flag", id="f"), rule("order.value > 1.0", "clear", id="c")
RAISE = rule("order.value > 1.0", "raise", id="up", more="by = 0.2")
SHADOW = rule("order.value > 1.0", "flag", "shadow", id="s")


@pytest.mark.parametrize(
    ("text", "score", "expected"),
    [
        (BLOCK + ALLOW + FLAG + CLEAR, 0.1, (True, 0.1, "list:block:device")),
        (ALLOW + FLAG + CLEAR, 0.9, (False, 0.9, "list:allow:customer")),
        (CLEAR + FLAG, 0.1, (True, 0.1, "rule:f")),
        (CLEAR + RAISE, 0.9, (False, 0.9, "rule:c")),
        (RAISE, 0.25, (False, 0.45, "model")),
        (RAISE, 0.35, (True, 0.55, "rule:up")),
        (RAISE, 0.95, (True, 1.0, "model")),
        (RAISE + RAISE.replace('"up"', '"more"'), 0.2, (True, 0.6, "rule:up")),
        (SHADOW, 0.1, (False, 0.1, "model")),
        (SHADOW + CLEAR, 0.9, (False, 0.9, "rule:c")),
    ],
)
def test_the_safer_decision_wins_and_says_who_made_it(
    write: Write, text: str, score: float, expected: tuple[bool, float, str]
) -> None:
    found = decided(write(text), score=score)
    assert found and (found.anomaly, round(found.score, 9), found.decided_by) == expected
    assert len(found.hits) == text.count("[["), "all that it met is told"


def test_an_entry_acts_until_the_end_of_its_day_and_no_longer(write: Write) -> None:
    path = write(BLOCK)
    assert decided(path, now=datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC))
    assert decided(path, now=datetime(2026, 11, 30, tzinfo=UTC)) is None


def test_tokens_that_another_key_made_match_nothing_and_are_known_to_be_stale(write: Write) -> None:
    path = write(BLOCK + entry("block", "cus_k0_" + "a" * 22))
    assert [one.line for one in load_rules(path, KEYRING.fingerprint).stale] == [9]
    rotated = Keyring.from_text(new_key_text("k2"))
    assert len(load_rules(path, rotated.fingerprint).stale) == 2
    same_id = Keyring.from_text(new_key_text())
    assert len(load_rules(write(f'key = "{KEYRING.fingerprint}"\n{BLOCK}'), same_id.fingerprint).stale) == 1


def test_a_rule_that_fails_for_an_order_does_not_hold_and_stops_no_other(write: Write) -> None:
    path = write(rule("1 / (order.line_count - 2) > 0", "clear", id="broken") + rule("order.hour == 3", id="well"))
    rules, failed = load_rules(path), list[str]()
    rules.on_failure = failed.append
    found = rules.decide(ORDER, VECTOR, 0.1, 0.5, NOW)
    assert found and found.decided_by == "rule:well" and failed == ["broken"]


def test_of_many_lines_those_of_the_highest_value_are_seen(write: Write) -> None:
    cheap = [MaskedItem(sku="CHEAP", quantity=1.0, unit_price=0.01)] * 4_999
    dear = MaskedItem(sku="GIFT-500", quantity=2.0, unit_price=500.0)
    hidden = msgspec.structs.replace(ORDER, items=[*cheap, dear])
    path = write(rule(f"order.sku.exists(code, code == 'GIFT-500') && order.sku.size() == {MOST_LINES}"))
    assert decided(path, hidden)


def test_the_work_that_a_rule_may_take_is_told_before_it_runs() -> None:
    cheap, dear = "order.value > 1.0", "order.lines.all(l, " + " && ".join(["order.sku[l] != 'x'"] * 30) + ")"
    assert cost_of(cheap) < 10 < 1_000 * cost_of(cheap) < cost_of(dear) < MOST_OF_RULE
    assert check(dear) == cost_of(dear)


def test_every_field_can_be_named_and_has_a_value(write: Write) -> None:
    bare = msgspec.structs.replace(ORDER, channel=None, billing=None, device_token=None)
    anything = {
        "text": "{0} == {0}",
        "number": "({0} == {0}) == ({0} == {0})",
        "whole number": "{0} > -2",
        "yes or no": "{0} || !{0}",
        "moment": "{0} > timestamp('1970-01-01T00:00:00Z')",
    }
    for start in range(0, len(FIELDS), 20):
        named = list(FIELDS.values())[start : start + 20]
        when = " && ".join(anything.get(field.kind, "{0}.size() >= 0").format(field.name) for field in named)
        path = write("".join(rule(part, id=f"r{place}") for place, part in enumerate(when.split(" && "))))
        for order in (ORDER, bare):
            found = decided(path, order)
            assert found and len(found.hits) == len(named)


def test_the_language_loads_where_there_are_rules_and_nowhere_else(write: Write) -> None:
    lists = write(BLOCK)
    program = (
        "import sys; from pathlib import Path; from orderguard.rules import load_rules; load_rules(Path(sys.argv[1])); "
        "sys.exit('cel_expr_python' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(lists)]).returncode == 0


def test_random_rules_over_random_orders_never_crash() -> None:
    """A small sample of what `make bench AREA=rules` tries."""
    counts = fuzz(11, 250)
    assert counts["accepted"] > 60 and counts["refused"] > 20 and counts["held"] > 40 and counts["not held"] > 40
