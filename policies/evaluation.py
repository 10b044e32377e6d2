"""Applying one rule: what is violated, what is undecided, and what an exception allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from policies.configuration import Configuration, Exemption
from policies.credentials import credential_in
from policies.patterns import lazy
from policies.personal import personal_data_in
from policies.rule import Resource, Rule, Stack
from policies.value import Undecided, UnknownHere, Value, Violation

_SHOWN_PATHS = 5
_SHOWN_RESOURCES = 3
_PLAIN_PATH = lazy(r"[\w.:\[\]*/\-]*")


@dataclass(frozen=True)
class Excepted:
    """A violation that an exception in force allows."""

    violation: Violation
    exemption: Exemption


@dataclass(frozen=True)
class Accepted:
    """A violation that the baseline has: whose it is, and since which day (YYYY-MM-DD)."""

    violation: Violation
    owner: str
    since: str


@dataclass(frozen=True)
class Verdict:
    """What one rule says of one resource, or of the whole stack. All empty: the rule holds."""

    violations: tuple[Violation, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    excepted: tuple[Excepted, ...] = ()
    accepted: tuple[Accepted, ...] = ()

    @property
    def state(self) -> str:
        """`violated`, else `undecided`, else `excepted`, else `accepted` (in the baseline), else `holds`."""
        if self.violations:
            return "violated"
        if self.undecided:
            return "undecided"
        return "excepted" if self.excepted else "accepted" if self.accepted else "holds"


def evaluate(rule: Rule, subject: Resource | Stack, configuration: Configuration, today: date) -> Verdict:
    """Run a rule. It never raises: a rule that fails on a resource counts as violated, and the message names the
    error's type alone.
    """
    if isinstance(subject, Resource):
        if not configuration.holds_for(subject):
            return Verdict()
        resources = {subject.urn: subject}
    else:
        subject = replace(subject, resources=tuple(r for r in subject.resources if configuration.holds_for(r)))
        resources = {resource.urn: resource for resource in subject.resources}
        if not resources:
            return Verdict()
    violations: list[Violation] = []
    undecided: list[Undecided] = []
    try:
        for finding in rule.check(replace(subject, settings=configuration.settings) if rule.settings else subject):
            if isinstance(finding, Violation):
                violations.append(finding)
            elif finding is not None:
                undecided.append(finding)
    except UnknownHere as here:
        undecided.append(Undecided(here.path))
    except Exception as error:  # A rule must fail closed, and an error's text may repeat a value of the resource.
        violations.append(
            Violation("", f"the rule could not be applied ({type(error).__name__}), so it counts as violated")
        )
    # What is about no resource in particular, such as an alert that is missing, is about the stack.
    itself = subject if isinstance(subject, Resource) else _stack_of(next(iter(resources.values())))
    standing: list[Violation] = []
    excepted: list[Excepted] = []
    for violation in dict.fromkeys(violations):
        covering = _covering(configuration, resources.get(violation.urn or "", itself))
        if covering and covering[-1].until >= today:
            excepted.append(Excepted(violation, covering[-1]))
        elif covering:
            ended = f"{violation.message}; an exception for it ended on {covering[-1].until.isoformat()}"
            standing.append(replace(violation, message=ended))
        else:
            standing.append(violation)
    return Verdict(tuple(standing), tuple(dict.fromkeys(undecided)), tuple(excepted))


def _stack_of(resource: Resource) -> Resource:
    """The stack that a resource is of, by the name that the engine shows for it: `PROJECT-STACK`."""
    project, kind = resource.urn.split("::")[1], "pulumi:pulumi:Stack"
    name = f"{project}-{resource.stack}"
    return Resource(kind, name, f"urn:pulumi:{resource.stack}::{project}::{kind}::{name}", Value(None))


def _covering(configuration: Configuration, about: Resource) -> list[Exemption]:
    """The exceptions for a resource; the one that ends last comes last."""
    covering = (e for e in configuration.exceptions if e.covers(about.name, about.type, about.urn))
    return sorted(covering, key=lambda exemption: exemption.until)


def violation_message(rule: Rule, violation: Violation) -> str:
    where = f"{shown_path(violation.path)}: " if violation.path else ""
    return f"{where}{violation.message}. {rule.fix}"


def undecided_message(undecided: tuple[Undecided, ...]) -> str:
    paths = list(dict.fromkeys(shown_path(item.path) for item in undecided if item.path))
    rest = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
    shown = ", ".join(paths[:_SHOWN_PATHS])
    return f"undecided: can't be decided until `up`, which checks again; not known yet: {shown}{rest}"


def undecided_on_many(by_urn: Mapping[str, tuple[Undecided, ...]]) -> str:
    """One line for a rule that is undecided on several resources, by URN."""
    shown = [
        f"{urn.rpartition('::')[2]} ({shown_path(undecided[0].path)})"
        for urn, undecided in list(by_urn.items())[:_SHOWN_RESOURCES]
    ]
    rest = f" and {len(by_urn) - _SHOWN_RESOURCES} more" if len(by_urn) > _SHOWN_RESOURCES else ""
    return (
        f"undecided on {len(by_urn)} resources: can't be decided until `up`, which checks again; not known yet:"
        f" {', '.join(shown)}{rest}"
    )


def accepted_message(accepted: Accepted) -> str:
    where = f"{shown_path(accepted.violation.path)}: " if accepted.violation.path else ""
    return f"in the baseline since {accepted.since} ({accepted.owner}): {where}{accepted.violation.message}"


def excepted_message(excepted: Excepted) -> str:
    where = f"{shown_path(excepted.violation.path)}: " if excepted.violation.path else ""
    exemption = excepted.exemption
    return f"exception until {exemption.until.isoformat()} ({exemption.reason}): {where}{excepted.violation.message}"


def shown_path(path: str) -> str:
    """A path that is safe to print: a map's key can itself hold personal data or a credential, and is then left out."""
    if _PLAIN_PATH.fullmatch(path) and not personal_data_in(path) and not credential_in(path):
        return path
    kept = path.split(".")[0] if "." in path else ""
    return (
        f"{kept}.(a key that is not shown)"
        if kept and kept != path and shown_path(kept) == kept
        else "(a key that is not shown)"
    )
