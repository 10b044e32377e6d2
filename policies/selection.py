"""Which rules a run applies: a profile, narrowed by framework, severity and name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from policies.frameworks import CIS, cis_levels
from policies.rule import GENERIC, MANDATORY, PLATFORM, Rule, Severity

PROFILES = {
    PLATFORM: "this platform: every rule, its duties and its residency",
    GENERIC: "any program: nothing that fits this platform alone, residency only where locations are configured",
    "cis-l1": "what CIS Google Cloud Foundations asks for at level 1; all of it mandatory, in every stack",
    "cis-l2": "the same at levels 1 and 2",
}
_SEVERITIES = tuple(Severity)


class SelectionError(ValueError):
    """A selection that can't be used; the message names what was given and what there is."""


@dataclass(frozen=True)
class Selection:
    """`frameworks` and `rules` are patterns, small and capital letters alike: a rule is in when one of each fits.
    `severity` is the least that counts.
    """

    profile: str = GENERIC
    frameworks: tuple[str, ...] = ()
    severity: str = "low"
    rules: tuple[str, ...] = ()

    def narrowed(self) -> str:
        """What is chosen of the profile, in words; empty where all of it is."""
        parts = [f"standard {pattern}" for pattern in self.frameworks] + [f"rule {pattern}" for pattern in self.rules]
        return ", ".join([*parts, f"severity {self.severity} or worse"] if self.severity != "low" else parts)


def selected(rules: Iterable[Rule], selection: Selection) -> tuple[Rule, ...]:
    """The rules that are in, each with the defaults of the profile. Raises `SelectionError` where that is none."""
    if selection.profile not in PROFILES:
        raise SelectionError(f"there is no profile {selection.profile!r}; there are {', '.join(PROFILES)}")
    if selection.severity not in {severity.value for severity in _SEVERITIES}:
        known = ", ".join(severity.value for severity in _SEVERITIES)
        raise SelectionError(f"there is no severity {selection.severity!r}; there are {known}")
    in_profile = [made for rule in rules if (made := _in_profile(rule, selection.profile))]
    least = _SEVERITIES.index(Severity(selection.severity))
    found = tuple(
        rule
        for rule in in_profile
        if _SEVERITIES.index(rule.severity) >= least
        and _fits(selection.frameworks, (str(framework) for framework in rule.frameworks))
        and _fits(selection.rules, (rule.name,))
    )
    if not found:
        raise SelectionError(
            f"no rule of profile {selection.profile} fits frameworks {list(selection.frameworks)},"
            f" rules {list(selection.rules)} and severity {selection.severity} or more"
        )
    return found


def _in_profile(rule: Rule, profile: str) -> Rule | None:
    """The rule as the profile has it, if it has it. What CIS asks for is asked for in every stack."""
    if profile == PLATFORM:
        return rule if PLATFORM in rule.profiles else None
    defaults = {**rule.settings, **rule.generic}
    if profile == GENERIC:
        return replace(rule, settings=defaults) if GENERIC in rule.profiles else None
    highest = 1 if profile == "cis-l1" else 2
    levels = (cis_levels().get(f.reference, 2) for f in rule.frameworks if f.name == CIS)
    if not any(level <= highest for level in levels):
        return None
    return replace(rule, settings=defaults, level=MANDATORY, stacks=("*",))


def _fits(patterns: tuple[str, ...], texts: Iterable[str]) -> bool:
    """Whether a pattern fits the beginning of a text, or there is none."""
    wanted = [pattern.lower() for pattern in patterns]
    return not wanted or any(fnmatchcase(text.lower(), f"{p}*") for text in texts for p in wanted)
