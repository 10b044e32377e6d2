"""A report as a section of a comment on a pull request: folded, and nobody is called by an @."""

from __future__ import annotations

from policies.output.folding import by_resource, by_rule, fixes, in_state, shown_type
from policies.report import Document, is_mandatory


def markdown(document: Document) -> str:
    """The violations by resource with what to write instead, the rest counted by rule."""
    write = fixes(document)
    lines: list[str] = []
    if groups := by_resource(document):
        lines += ["", "**Findings**", "", "| resource | rule | what it says | write instead |", "|---|---|---|---|"]
        for resource, findings in groups:
            shown = f"`{_code(resource['name'])}`<br>{_cell(shown_type(resource['type']))}"
            for finding in findings:
                where = f"`{_code(finding['path'])}`: " if finding["path"] else ""
                level = finding["severity"] if is_mandatory(finding) else f"{finding['severity']}, advice"
                said = f"{where}{_cell(finding['message'])}"
                lines.append(f"| {shown} | `{finding['rule']}`<br>{level} | {said} | {_cell(write[finding['rule']])} |")
                shown = ""
    for state, title in (
        ("undecided", "Undecided until `up`"),
        ("excepted", "Let pass by an exception"),
        ("accepted", "In the baseline"),
    ):
        if found := in_state(document, state):
            lines += ["", f"<details><summary>{title.replace('`', '')}: {len(found)}</summary>", ""]
            lines += ["| rule | how often | where |", "|---|--:|---|"]
            for rule, number in by_rule(document, state):
                names = list(dict.fromkeys(f"`{_code(f['name'])}`" for f in found if f["rule"] == rule))
                rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
                lines.append(f"| `{rule}` | {number} | {', '.join(names[:5])}{rest} |")
            lines += ["", "</details>"]
    return "\n".join([*lines, *(f"\n{_cell(note)}" for note in document["notes"])])


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("<", "&lt;").replace("@", "&#64;").replace("\n", " ")


def _code(text: str) -> str:
    return text.replace("|", "/").replace("`", "'").replace("\n", " ")
