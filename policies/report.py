"""All that a run found, as one document that every output is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from policies.baseline import about
from policies.evaluation import Verdict, shown_path
from policies.frameworks import requirements
from policies.rule import Level, Resource, Rule, Severity, Stack
from policies.version import PACK_NAME, PACK_VERSION

FORMAT = 1
"""The version of the document's form."""
STATES = ("violated", "undecided", "excepted", "accepted")
Document = Mapping[str, Any]


@dataclass
class Report:
    """Verdicts by rule and subject. A resource that is judged again replaces what was said of it before. `narrowed`
    says what was chosen of the profile, where that was not all of it.
    """

    profile: str
    today: date
    rules: Mapping[str, Rule]
    narrowed: str = ""
    notes: list[str] = field(default_factory=list)
    _seen: dict[str, str] = field(default_factory=dict)
    _levels: dict[str, Level] = field(default_factory=dict)
    _verdicts: dict[tuple[str, str], tuple[Resource | Stack, Verdict]] = field(default_factory=dict)

    def take(self, rule: Rule, level: Level, subject: Resource | Stack, verdict: Verdict) -> None:
        """Keep what a rule said. A stack that has nothing for a rule was not looked at by it."""
        if isinstance(subject, Stack) and not subject.resources:
            return
        self._levels[rule.name] = level
        self._verdicts[rule.name, subject.urn if isinstance(subject, Resource) else ""] = (subject, verdict)

    def see(self, urn: str, type_token: str) -> None:
        """Count a resource, whether or not a rule looks at it."""
        if not type_token.startswith("pulumi:"):
            self._seen[urn] = type_token

    def accepted(self) -> Counter[str]:
        """How many violations of each rule the baseline lets pass."""
        return Counter(name for (name, _), (_, verdict) in self._verdicts.items() for _ in verdict.accepted)

    def document(self) -> Document:
        """Plain data that JSON can hold. The order is that of the rules, then of the program."""
        findings = [
            finding
            for (name, _), (subject, verdict) in self._verdicts.items()
            for finding in _findings(self.rules[name], self._levels[name], subject, verdict)
        ]
        place = {name: number for number, name in enumerate(self.rules)}
        findings.sort(key=lambda finding: place[finding["rule"]])
        stack, project = self._stack()
        return {
            "format": FORMAT,
            "tool": {"name": PACK_NAME, "version": PACK_VERSION},
            "profile": self.profile,
            "narrowed": self.narrowed,
            "project": project,
            "stack": stack,
            "day": self.today.isoformat(),
            "summary": {
                **{state: sum(finding["state"] == state for finding in findings) for state in STATES},
                "mandatory": sum(is_mandatory(finding) for finding in findings),
            },
            "scope": self._scope(),
            "rules": [self._rule(rule) for rule in self.rules.values()],
            "findings": findings,
            "notes": list(self.notes),
        }

    def _scope(self) -> list[dict[str, Any]]:
        """How many resources of each type there are, and whether a rule of this run looked at them."""
        looked = {
            resource.type
            for subject, _ in self._verdicts.values()
            for resource in ((subject,) if isinstance(subject, Resource) else subject.resources)
        }
        counts = sorted(Counter(self._seen.values()).items())
        return [{"type": token, "resources": count, "looked_at": token in looked} for token, count in counts]

    def _rule(self, rule: Rule) -> dict[str, Any]:
        mine = [(subject, verdict) for (name, _), (subject, verdict) in self._verdicts.items() if name == rule.name]
        states = Counter(verdict.state for _, verdict in mine)
        looked = [
            {"name": resource.name, "type": resource.type}
            for subject, _ in mine
            for resource in ((subject,) if isinstance(subject, Resource) else subject.resources)
        ]
        return {
            "name": rule.name,
            "description": rule.description,
            "severity": rule.severity.value,
            "level": self._levels.get(rule.name, rule.level).value,
            "fix": rule.fix,
            "frameworks": [
                {"name": framework.name, "version": framework.version, "reference": framework.reference}
                for framework in rule.frameworks
            ],
            "whole_stack": rule.whole_stack,
            "looked_at": looked,
            "held": states["holds"],
        }

    def _stack(self) -> tuple[str, str]:
        """The stack's and the project's name, from any URN."""
        for subject, _ in self._verdicts.values():
            resources = (subject,) if isinstance(subject, Resource) else subject.resources
            for resource in resources:
                return resource.stack, resource.urn.split("::")[1]
        return "", ""


def _findings(rule: Rule, level: Level, subject: Resource | Stack, verdict: Verdict) -> list[dict[str, Any]]:
    """One for each violation, one for all that is undecided, one for each violation that is let pass."""
    own = {"rule": rule.name, "severity": rule.severity.value, "level": level.value}
    found = [
        {**own, "state": "violated", **_about(subject, violation), "message": violation.message, "note": ""}
        for violation in verdict.violations
    ]
    if verdict.undecided:
        paths = list(dict.fromkeys(shown_path(item.path) for item in verdict.undecided))
        urn = verdict.undecided[0].urn
        where = _about(subject, _Place(paths[0], urn))
        found.append({**own, "state": "undecided", **where, "message": f"not known: {', '.join(paths)}", "note": ""})
    for item in verdict.excepted:
        note = f"exception until {item.exemption.until.isoformat()}: {item.exemption.reason}"
        message = item.violation.message
        found.append({**own, "state": "excepted", **_about(subject, item.violation), "message": message, "note": note})
    for entry in verdict.accepted:
        note = f"in the baseline since {entry.since}, {entry.owner}"
        message = entry.violation.message
        found.append({**own, "state": "accepted", **_about(subject, entry.violation), "message": message, "note": note})
    return found


@dataclass(frozen=True)
class _Place:
    path: str
    urn: str | None


def _about(subject: Resource | Stack, place: Any) -> dict[str, str]:
    urn = about(subject, place)
    return {
        "urn": urn,
        "type": urn.split("::")[2].rpartition("$")[2],
        "name": urn.rpartition("::")[2],
        "path": shown_path(place.path),
    }


def is_mandatory(finding: Mapping[str, Any]) -> bool:
    """Whether a finding stops a run."""
    return finding["state"] == "violated" and finding["level"] in {Level.MANDATORY.value, Level.REMEDIATE.value}


def worst_first(finding: Mapping[str, Any]) -> tuple[bool, int]:
    """To sort by: what stops a run first, the most severe of it first."""
    severities = [severity.value for severity in Severity]
    return not is_mandatory(finding), -severities.index(finding["severity"])


def standings(document: Document) -> list[dict[str, Any]]:
    """For each requirement of each standard, and for each that a rule names beside the tables: how it stands.

    `state` is `broken`, `open` (a rule is undecided), `excepted` (an exception or the baseline lets a violation pass),
    `kept`, `nothing to look at`, `not selected` (its rules are not in this run), `undecidable` or `not applicable`.
    """
    by_reference: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for rule in document["rules"]:
        for framework in rule["frameworks"]:
            by_reference.setdefault((framework["name"], framework["reference"]), []).append(rule)
    listed = {(r.framework.name, r.framework.reference): r for r in requirements()}
    versions = {r.framework.name: r.framework.version for r in requirements()}
    versions |= {
        framework["name"]: framework["version"] for rule in document["rules"] for framework in rule["frameworks"]
    }
    found = []
    for name, reference in dict.fromkeys([*listed, *by_reference]):
        requirement, rules = listed.get((name, reference)), by_reference.get((name, reference), [])
        names, types = {rule["name"] for rule in rules}, (
            requirement.types if requirement and requirement.types else ("",)
        )
        findings = [f for f in document["findings"] if f["rule"] in names and f["type"].startswith(types)]
        looked = any(resource["type"].startswith(types) for rule in rules for resource in rule["looked_at"])
        found.append(
            {
                "framework": name,
                "version": versions[name],
                "reference": reference,
                "title": (requirement.title if requirement else "") or (rules[0]["description"] if rules else ""),
                "level": requirement.level if requirement else 0,
                "state": _state(requirement.standing if requirement else "decided", bool(rules), looked, findings),
                "why": requirement.why if requirement else "",
                "rules": sorted(names),
            }
        )
    return found


def _state(standing: str, asked: bool, looked: bool, findings: list[Mapping[str, Any]]) -> str:
    if not asked:
        return "not selected" if standing == "decided" else standing
    states = {finding["state"] for finding in findings}
    if "violated" in states:
        return "broken"
    if "undecided" in states:
        return "open"
    if states:
        return "excepted"
    return "kept" if looked else "nothing to look at"
