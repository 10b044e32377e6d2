"""A report for a terminal: by resource with what to write instead; what is undecided is counted."""

from __future__ import annotations

from collections.abc import Iterator

from policies.output.folding import Finding, by_resource, by_rule, fixes, in_state, shown_type, summary
from policies.report import Document, is_mandatory

_NEXT = (
    "✗ stops an update, ! is advice. What shall stay: an exception in the configuration for one, --write-baseline FILE"
    " for all of today."
)


def text(document: Document, *, verbose: bool = False) -> str:
    """The report as lines. With `verbose`, what is undecided, excepted or in the baseline is listed."""
    tool, place = document["tool"], "/".join(part for part in (document["project"], document["stack"]) if part)
    head = f"{tool['name']} {tool['version']}, profile {document['profile']}{f', {place}' if place else ''}"
    lines = [f"{head}: {summary(document)}", *_violations(document)]
    lines += _folded(document, "undecided", "Undecided, since a value is not known; `up` checks again", verbose)
    lines += _folded(document, "excepted", "Let pass by an exception", verbose)
    lines += _folded(document, "accepted", "In the baseline", verbose)
    lines += [f"note: {note}" for note in document["notes"]]
    lines += ["", _NEXT] if document["summary"]["violated"] else []
    return "\n".join(lines) + "\n"


def _violations(document: Document) -> Iterator[str]:
    write, told = fixes(document), set[str]()
    for resource, findings in by_resource(document):
        yield ""
        yield f"{shown_type(resource['type'])}  {resource['name']}"
        for rule in dict.fromkeys(finding["rule"] for finding in findings):
            mine = [finding for finding in findings if finding["rule"] == rule]
            yield f"  {'✗' if is_mandatory(mine[0]) else '!'} {mine[0]['severity']:<8}  {rule}"
            yield from (f"      {_said(finding)}" for finding in mine)
            if rule not in told:  # the same sentence under each resource would hide the resources
                yield f"      → {write[rule]}"
            told.add(rule)


def _folded(document: Document, state: str, title: str, verbose: bool) -> Iterator[str]:
    counted = by_rule(document, state)
    if not counted:
        return
    yield ""
    yield f"{title}{'' if verbose else ' (--verbose lists them)'}:"
    for rule, number in counted:
        yield f"  {number:>4}  {rule}"
        if verbose:
            yield from (f"        {f['name']}: {_said(f)}" for f in in_state(document, state) if f["rule"] == rule)


def _said(finding: Finding) -> str:
    where = f"{finding['path']}: " if finding["path"] and finding["state"] != "undecided" else ""
    note = f" [{finding['note']}]" if finding["note"] else ""
    return f"{where}{finding['message']}{note}"
