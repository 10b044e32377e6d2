"""The rules of one run, ready to be applied: selected, configured, with the baseline; and all that they said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from policies.baseline import Baseline, Fingerprints
from policies.configuration import Configuration, ConfigurationError, read
from policies.evaluation import Verdict, evaluate
from policies.report import Report
from policies.rule import SETTINGS, Level, Resource, Rule, Stack
from policies.value import Value


@dataclass
class Pack:
    """What a run holds to. `verbose` lists what is undecided instead of counting it."""

    rules: tuple[Rule, ...]
    profile: str
    today: date
    baseline: Baseline | None = None
    verbose: bool = False
    narrowed: str = ""
    report: Report = field(init=False)
    fingerprints: Fingerprints = field(default_factory=Fingerprints)
    _configurations: dict[str, Configuration] = field(init=False)
    _levels: dict[str, Level] = field(default_factory=dict)
    _by_type: dict[str, tuple[Rule, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._configurations = {rule.name: read(rule, None) for rule in self.rules}
        self.report = Report(self.profile, self.today, {rule.name: rule for rule in self.rules}, self.narrowed)

    def configure(self, name: str, given: Mapping[str, Any], level: Level | None = None) -> None:
        """Take the configuration of a rule. Raises `ConfigurationError`; one for a rule that is not selected is none
        of this run's business.
        """
        for rule in self.rules:
            if rule.name == name:
                self._configurations[name] = read(rule, given)
                if level is not None:
                    self._levels[name] = level
                    self._by_type.clear()

    def level(self, rule: Rule) -> Level:
        return self._levels.get(rule.name, rule.level)

    def rules_for(self, type_token: str) -> tuple[Rule, ...]:
        """The rules that look at single resources of this type."""
        if type_token not in self._by_type:
            self._by_type[type_token] = tuple(
                rule
                for rule in self.rules
                if not rule.whole_stack and rule.applies_to(type_token) and self.level(rule) is not Level.DISABLED
            )
        return self._by_type[type_token]

    def stack_rules(self) -> tuple[Rule, ...]:
        """The rules that look at a whole stack."""
        return tuple(rule for rule in self.rules if rule.whole_stack and self.level(rule) is not Level.DISABLED)

    def judge(self, resource: Resource) -> Iterator[tuple[Rule, Verdict]]:
        """What the rules for its type say of a resource; the report keeps it."""
        self.report.see(resource.urn, resource.type)
        if self.baseline is not None:
            self.fingerprints.take(resource)
        version = resource.provider["version"]
        major = int(version.text.partition(".")[0]) if version.known and version.text[:1].isdigit() else None
        for rule in self.rules_for(resource.type):
            if major is None or major >= rule.since:
                yield rule, self._verdict(rule, resource)

    def judge_stack(
        self, known: Mapping[str, Resource], dependencies: Mapping[str, Mapping[str, list[str]]]
    ) -> Iterator[tuple[Rule, Verdict]]:
        """What the rules over the whole stack say of these resources (by URN) and of what their properties are made
        of.
        """
        if self.baseline is not None:
            self.fingerprints.link(known, dependencies)
        for rule in self.stack_rules():
            yield rule, self._verdict(rule, stack_for(rule, known, dependencies))

    def would_violate(self, rule: Rule, resource: Resource) -> bool:
        """Whether a rule is violated by a resource; nothing is kept of it."""
        return bool(evaluate(rule, resource, self._configurations[rule.name], self.today).violations)

    def finish(self) -> list[str]:
        """End the run, once all is judged: write the baseline, or tell which entries of it are stale. The notes; the
        report has them, too.
        """
        if self.baseline is not None and self.baseline.writing:
            count = self.baseline.write()
            self.report.notes = [f"{count} violations are written down in {self.baseline.path.name}"]
        elif self.baseline is not None:
            self.report.notes = self.baseline.stale({rule.name for rule in self.rules})
        return self.report.notes

    def _verdict(self, rule: Rule, subject: Resource | Stack) -> Verdict:
        verdict = evaluate(rule, subject, self._configurations[rule.name], self.today)
        if self.baseline is not None:
            verdict = self.baseline.applied(rule, subject, verdict, self.fingerprints, self.today)
        self.report.take(rule, self.level(rule), subject, verdict)
        return verdict


def stack_for(rule: Rule, known: Mapping[str, Resource], dependencies: Mapping[str, Mapping[str, list[str]]]) -> Stack:
    """The resources (by URN) of the types that a stack rule reads, each with what its properties depend on."""
    return Stack(
        tuple(
            resource.linked(
                {key: [known[on] for on in urns if on in known] for key, urns in dependencies.get(urn, {}).items()}
            )
            for urn, resource in known.items()
            if rule.applies_to(resource.type)
        )
    )


def settings_of(project: str, stack: str, clear: Mapping[str, str]) -> Resource:
    """The stack's settings that are in clear, as rules see them."""
    return Resource(SETTINGS, project, f"urn:pulumi:{stack}::{project}::{SETTINGS}::{project}", Value(clear))


def configured(pack: Pack, file: Mapping[str, Any]) -> None:
    """Take a whole configuration file, as `--policy-pack-config` has it. Raises `ConfigurationError`."""
    known = {rule.name: rule for rule in pack.rules}
    for name, given in file.items():
        own = {"enforcementLevel": given} if isinstance(given, str) else dict(given)
        level = own.pop("enforcementLevel", None)
        try:
            wanted = None if level is None else Level(level)
        except ValueError:
            raise ConfigurationError(
                f"{name}: enforcementLevel must be one of {', '.join(item.value for item in Level)}, not {level!r}"
            ) from None
        if name == "all":
            for rule in known.values():
                pack.configure(rule.name, {}, wanted)
        else:
            pack.configure(name, own, wanted)
