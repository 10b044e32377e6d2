"""Write docs/technical/policies.md: `python -m policies.page`."""

import json
from pathlib import Path

from policies.catalogue import MODULES, RULES
from policies.examples import EXAMPLES
from policies.remediation import REMEDIES
from policies.rule import EVERY_GOOGLE_TYPE, EVERY_GRANT_TYPE, GENERIC, MANDATORY, Rule, rules_of
from policies.testing import with_unknown_at
from policies.version import PACK_VERSION

TEMPLATE = Path(__file__).with_name("page.md")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "technical" / "policies.md"

_GROUPS = {EVERY_GOOGLE_TYPE: "every type of Google Cloud", EVERY_GRANT_TYPE: "every IAM member, binding and policy"}
_SHOWN_TYPES = 4


def page() -> str:
    """The page as Markdown."""
    mandatory = sum(rule.level == MANDATORY for rule in RULES)
    return TEMPLATE.read_text().format(
        count=len(RULES),
        mandatory=mandatory,
        advisory=len(RULES) - mandatory,
        version=PACK_VERSION,
        rules=_table(),
        remedies=_remedies(),
        details="\n".join(_details(rule) for rule in RULES),
    )


def outcomes(rule: Rule) -> tuple[int, int, int]:
    """How many examples break the rule, how many keep it, and at how many of their paths an unknown leaves it open."""
    fires = passes = undecided = 0
    for examples in EXAMPLES:
        if examples.rule != rule.name:
            continue
        for holding in (True, False):
            for subject in examples.subjects(holding):
                state = subject.verdict(rule, subject.properties).state
                fires += state == "violated"
                passes += state == "holds"
                changed = (with_unknown_at(subject.properties, path) for path in subject.paths())
                undecided += sum(subject.verdict(rule, properties).state == "undecided" for properties in changed)
    return fires, passes, undecided


def _table() -> str:
    lines = ["| rule | severity | level | fires | passes | undecided |", "|---|---|---|--:|--:|--:|"]
    for module in MODULES:
        lines.append(f"| **{(module.__doc__ or '').partition(':')[0].strip().rstrip('.')}** | | | | | |")
        for rule in rules_of(module):
            counts = " | ".join(str(count) if count else "–" for count in outcomes(rule))
            lines.append(f"| [`{rule.name}`](#{rule.name}) | {rule.severity.value} | {rule.level.value} | {counts} |")
    return "\n".join(lines)


def _remedies() -> str:
    rows = [
        f"| `{rule}` | {', '.join(f'`{path}`: `{json.dumps(value)}`' for path, value in values.items())} |"
        for rule, values in REMEDIES.items()
    ]
    return "\n".join(["| rule | what is set |", "|---|---|", *rows])


def _details(rule: Rule) -> str:
    types = [_GROUPS.get(token, f"`{token}`") for token in rule.types]
    shown = ", ".join(types[:_SHOWN_TYPES]) + (
        f" and {len(types) - _SHOWN_TYPES} more" if len(types) > _SHOWN_TYPES else ""
    )
    facts = [f"{'Reads the whole stack: ' if rule.whole_stack else 'Looks at '}{shown}."]
    if rule.stacks != ("*",):
        facts.append(f"Holds for the stacks {', '.join(f'`{pattern}`' for pattern in rule.stacks)}.")
    if GENERIC not in rule.profiles:
        facts.append("Part of the profile `platform` alone.")
    if rule.since:
        facts.append(f"Asks for what pulumi-gcp has from {rule.since}.0 on: with an older one it is not applied.")
    facts += [f"Setting `{name}`, by default `{json.dumps(value)}`." for name, value in rule.settings.items()]
    facts += [f"In `generic` the setting `{name}` is `{json.dumps(value)}`." for name, value in rule.generic.items()]
    if rule.frameworks:
        facts.append(f"Asked for by {', '.join(str(framework) for framework in rule.frameworks)}.")
    return f"### {rule.name}\n\n{rule.description} {rule.fix}\n\n{' '.join(facts)}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"Wrote {PAGE.relative_to(PAGE.parents[2])}.")
