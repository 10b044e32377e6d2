"""What is decided of an order: by the model, by a rule, or by a list.

The safer one wins: a token that is blocked, then one that is allowed, then a rule that flags, then one that clears,
then the model's score with what rules add to it. Of several that say the same, the first in the file is named. A rule
in `shadow` is evaluated and told, and decides nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orderguard.rules.errors import RulesError
from orderguard.rules.file import Action, Entry, Listed, Mode, Rule, RuleFile, read_rules
from orderguard.schema import MaskedOrder

if TYPE_CHECKING:
    from orderguard.rules.expressions import Expressions
    from orderguard.rules.fields import Values

MODEL = "model"


class Hit(NamedTuple):
    """A rule or an entry of a list that an order met. `id` is the rule's, or what the token is of."""

    kind: str
    id: str
    action: Action | Listed
    mode: Mode
    reason: str
    by: float = 0.0

    @property
    def name(self) -> str:
        """As decisions name it: `rule:gift-cards`, `list:block:device`."""
        return f"rule:{self.id}" if self.kind == "rule" else f"list:{self.action}:{self.id}"


class Decision(NamedTuple):
    """Whether an order is an anomaly, with which score, who says so, and all that it met, shadowed rules too."""

    anomaly: bool
    score: float
    decided_by: str
    hits: tuple[Hit, ...]


class Rulebook:
    """Rules and lists, compiled. Safe to share between threads."""

    def __init__(self, file: RuleFile, name: str, key: str = "") -> None:
        """`key` is the fingerprint of the masking key in use: entries that another key made never match, and are
        `stale`. Raises `RulesError`.
        """
        self.file = file
        self.stale = tuple(entry for entry in file.entries if key and _is_stale(entry, file.key, key))
        stale = set(self.stale)
        self._entries = {entry.token: entry for entry in reversed(file.entries) if entry not in stale}
        for entry in file.entries:  # a token that both lists hold is blocked
            if entry.listed == "block" and entry not in stale:
                self._entries[entry.token] = entry
        self._expressions, self._values = _compiled(file.rules, name)
        self.on_failure: Callable[[str], None] = _unheard
        """Is told the id of a rule that could not be evaluated for an order."""

    def decide(
        self, order: MaskedOrder, vector: Sequence[float], score: float, threshold: float, now: datetime
    ) -> Decision | None:
        """The decision about an order, None where no rule and no entry was met: then the model's stands.

        `vector` (d,) are its features, `now` is the moment at which entries must not have expired.
        """
        hits = [*self._listed(order, now), *self._met(order, vector, score, threshold)]
        return decision(hits, score, threshold) if hits else None

    def description(self) -> dict[str, str | int]:
        """What is in force, in numbers, and the SHA-256 of the file."""
        modes = Counter(rule.mode for rule in self.file.rules)
        lists = Counter(entry.listed for entry in self.file.entries)
        return {
            "sha256": self.file.sha256,
            "acting": modes["act"],
            "shadowed": modes["shadow"],
            "blocked": lists["block"],
            "allowed": lists["allow"],
            "stale": len(self.stale),
        }

    def _listed(self, order: MaskedOrder, now: datetime) -> list[Hit]:
        if not self._entries:
            return []
        found = (self._entries[token] for token in tokens_of(order) if token in self._entries)
        return [
            Hit("list", entry.of, entry.listed, "act", entry.reason)
            for entry in dict.fromkeys(found)
            if now < entry.acts_until
        ]

    def _met(self, order: MaskedOrder, vector: Sequence[float], score: float, threshold: float) -> list[Hit]:
        if self._expressions is None or self._values is None:
            return []
        held, failed = self._expressions.of(self._values.of(order, vector, score, threshold))
        rules = self.file.rules
        for place in failed:
            self.on_failure(rules[place].id)
        return [_hit(rule) for rule, holds in zip(rules, held, strict=True) if holds]


def _unheard(rule: str) -> None:
    """Nobody asked to be told."""


def _hit(rule: Rule) -> Hit:
    return Hit("rule", rule.id, rule.action, rule.mode, rule.reason, rule.by)


def tokens_of(order: MaskedOrder) -> list[str]:
    """The tokens that lists may hold."""
    addresses = [address for address in (order.billing, order.shipping) if address]
    found = [order.customer_token, order.email_token, order.device_token, order.network_token, order.card_token]
    found += [token for address in addresses for token in (address.token, address.name_token)]
    return [token for token in found if token]


def decision(hits: Sequence[Hit], score: float, threshold: float) -> Decision:
    """What the hits of an order and its score make of it."""
    acting = [hit for hit in hits if hit.mode == "act"]
    told = tuple(hits)
    for action, anomaly in (("block", True), ("allow", False), ("flag", True), ("clear", False)):
        for hit in acting:
            if hit.action == action:
                return Decision(anomaly, score, hit.name, told)
    raising = [hit for hit in acting if hit.action == "raise"]
    raised = min(1.0, score + sum(hit.by for hit in raising))
    by_rule = raising and raised >= threshold > score
    return Decision(raised >= threshold, raised, raising[0].name if by_rule else MODEL, told)


def _is_stale(entry: Entry, made_with: str, key: str) -> bool:
    return entry.key_id != key.partition(":")[0] or bool(made_with and made_with != key)


def _compiled(rules: Sequence[Rule], name: str) -> "tuple[Expressions | None, Values | None]":
    if not rules:
        return None, None
    # The library takes 14 MB and some milliseconds: nothing of it loads where there are no rules.
    from orderguard.rules.cost import MOST_OF_ALL
    from orderguard.rules.expressions import ExpressionError, Expressions, check, fields_of
    from orderguard.rules.fields import Values

    mistakes, cost = list[str](), 0
    for rule in rules:
        try:
            cost += check(rule.when)
        except ExpressionError as error:
            mistakes.append(f"rule {rule.id}, line {rule.line + error.line}: `when` {error}")
    if cost > MOST_OF_ALL:
        mistakes.append(f"its rules are up to {cost:,} units of work an order, at most {MOST_OF_ALL:,} are allowed")
    if mistakes:
        raise RulesError(name, mistakes)
    named = dict.fromkeys(field for rule in rules for field in fields_of(rule.when))
    return Expressions([rule.when for rule in rules]), Values(list(named))


def load_rules(path: Path, key: str = "") -> Rulebook:
    """The rules of a file, compiled. `key` is the fingerprint of the masking key in use. Raises `RulesError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RulesError(str(path), [f"can't be read ({error.strerror})"]) from None
    return Rulebook(read_rules(data, path.name), path.name, key)
