"""A security policy of Cloud Armor: its rules in the order of their priority, the first that matches decides."""

import re
from collections import Counter as Counts
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local.balancer.expressions import Holds, NoExpression, compiled, in_range, unknown_in
from infra.local.balancer.limits import Counter, key_of, limit_of
from infra.local.balancer.request import Request

_STATUS = re.compile(r"deny(?:\((\d+)\))?")


@dataclass(frozen=True)
class Verdict:
    """What a policy makes of a request: None to let it pass, a status to refuse it with, or where it is sent to.
    `added` are headers that the backend gets.
    """

    status: int | None = None
    location: str = ""
    added: tuple[tuple[str, str], ...] = ()


PASSES = Verdict()


@dataclass
class Rule:
    """One rule. `declared` says what of it is never true here, `counts` how often it has matched and refused."""

    priority: int
    action: str
    preview: bool
    matches: Holds
    options: Mapping[str, Any]
    counter: Counter | None = None
    declared: tuple[str, ...] = ()
    counts: "Counts[str]" = field(default_factory=Counts)


class Policy:
    """A security policy before one backend, with the counts of its clients."""

    def __init__(self, name: str, rules: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self.problems: list[str] = []
        self.rules = sorted(filter(None, map(self._rule, rules)), key=lambda rule: rule.priority)

    def _rule(self, given: Mapping[str, Any]) -> Rule | None:
        priority, expression = int(given["priority"]), _expression(given)
        try:
            matches = compiled(expression) if expression else _by_address(given)
        except NoExpression as problem:
            self.problems.append(f"{self.name}, rule {priority}: {problem}")
            return None
        options = given.get("rateLimitOptions")
        return Rule(
            priority,
            str(given["action"]),
            bool(given.get("preview")),
            matches,
            given,
            Counter(limit_of(options)) if options else None,
            tuple(unknown_in(expression)),
        )

    def decide(self, request: Request, now: float) -> Verdict:
        """What becomes of a request at `now`, in seconds. A rule in preview is counted, and the next one asked."""
        for rule in self.rules:
            if not rule.matches(request):
                continue
            verdict = self._applied(rule, request, now)
            rule.counts["matched"] += 1
            rule.counts["refused"] += verdict.status is not None
            if not rule.preview:
                return verdict
        return PASSES

    def _applied(self, rule: Rule, request: Request, now: float) -> Verdict:
        options = rule.options
        if rule.counter:
            limits = options["rateLimitOptions"]
            if not rule.counter.conforms(key_of(rule.counter.limit, request), now):
                return _refused(str(limits.get("exceedAction") or "deny(429)"), limits.get("exceedRedirectOptions"))
        elif rule.action != "allow":
            return _refused(rule.action, options.get("redirectOptions"))
        added = (options.get("headerAction") or {}).get("requestHeadersToAdds") or ()
        return Verdict(added=tuple((str(one["headerName"]), str(one.get("headerValue") or "")) for one in added))

    def told(self) -> Iterator[str]:
        """What its rules have counted, and what of them is declared only."""
        for rule in self.rules:
            words = [f"{rule.action}{' (preview)' if rule.preview else ''}: {rule.counts['matched']} matched"]
            words += [f"{rule.counts['refused']} refused"] if rule.counts["refused"] else []
            words += [f"{name} is declared only" for name in rule.declared]
            yield f"{self.name} {rule.priority} {', '.join(words)}"
        yield from self.problems


def _expression(given: Mapping[str, Any]) -> str:
    return str(((given.get("match") or {}).get("expr") or {}).get("expression") or "")


def _by_address(given: Mapping[str, Any]) -> Holds:
    ranges = [str(one) for one in ((given.get("match") or {}).get("config") or {}).get("srcIpRanges") or ()]
    return lambda request: any(one == "*" or in_range(request.address, one) for one in ranges)


def _refused(action: str, redirect: Mapping[str, Any] | None) -> Verdict:
    if action == "redirect":
        target = str((redirect or {}).get("target") or "")
        # A challenge of reCAPTCHA is Google's own page.
        return Verdict(302, target) if target else Verdict(403)
    found = _STATUS.fullmatch(action)
    return Verdict(int(found[1] or 403) if found else 403)
