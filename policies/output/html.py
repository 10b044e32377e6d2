"""A compliance report that an auditor can read: one page, nothing from elsewhere, no script.

For each standard every requirement with how it stands, and for what a rule decides the evidence: which resources were
looked at, what was found where, who let it pass and until when.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from policies.output.folding import by_resource, fixes, shown_type, summary
from policies.report import Document, is_mandatory, standings

_STATES = {
    "broken": "Broken",
    "open": "Undecided",
    "excepted": "Let pass",
    "kept": "Kept",
    "nothing to look at": "Nothing to look at",
    "not selected": "Not in this run",
    "undecidable": "A program can't decide it",
    "not applicable": "Not applicable",
}
_FINDINGS = {"violated": "broken", "undecided": "undecided", "excepted": "let pass", "accepted": "in the baseline"}
_SHOWN_NAMES = 12


def html(document: Document) -> str:
    """The whole page."""
    tool, place = document["tool"], "/".join(part for part in (document["project"], document["stack"]) if part)
    found = standings(document)
    frameworks = dict.fromkeys(item["framework"] for item in found)
    title = f"Compliance of {place or 'a stack'}"
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title><style>{style}</style></head><body>",
        '<a class="skip" href="#main">To the report</a>',
        f"<header><h1>{escape(title)}</h1>",
        f"<p>{escape(summary(document).capitalize())}.</p>",
        f"<p class=quiet>{escape(document['day'])} · profile {escape(document['profile'])} · "
        f"{len(document['rules'])} rules of {escape(tool['name'])} {escape(tool['version'])}</p></header>",
        '<nav aria-label="Contents"><ul><li><a href="#findings">Findings</a></li>',
        *(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in frameworks),
        '<li><a href="#rules">Evidence by rule</a></li></ul></nav><main id="main">',
        *_resources(document),
        *(part for name in frameworks for part in _framework(name, [i for i in found if i["framework"] == name])),
        *_evidence(document),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _resources(document: Document) -> Iterator[str]:
    write, groups = fixes(document), by_resource(document)
    yield '<section aria-labelledby="findings"><h2 id="findings">Findings, by resource</h2>'
    if not groups:
        yield "<p>Nothing is violated.</p>"
    for resource, findings in groups:
        yield f"<article><h3>{escape(resource['name'])} <small>{escape(shown_type(resource['type']))}</small></h3><ul>"
        for finding in findings:
            level = finding["severity"] if is_mandatory(finding) else f"{finding['severity']}, advisory"
            where = f"<code>{escape(finding['path'])}</code>: " if finding["path"] else ""
            yield f'<li><b class="{finding["severity"]}">{level}</b>'
            yield f' <a href="#rule-{finding["rule"]}">{finding["rule"]}</a>'
            yield f"<br>{where}{escape(finding['message'])}.<br><i>Write instead:</i> "
            yield f"{escape(write[finding['rule']])}</li>"
        yield "</ul></article>"
    yield from (f"<p>{escape(note)}</p>" for note in document["notes"])
    yield "</section>"


def _framework(name: str, found: list[dict[str, Any]]) -> Iterator[str]:
    anchor, counts = _anchor(name), Counter(item["state"] for item in found)
    told = " · ".join(f"{counts[state]} {label.lower()}" for state, label in _STATES.items() if counts[state])
    yield f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{escape(name)}</h2><p>{told}</p>'
    for state, label in _STATES.items():
        rows = [item for item in found if item["state"] == state]
        if not rows:
            continue
        opened = " open" if state in {"broken", "open", "excepted"} else ""
        yield f"<details{opened}><summary>{label} <span>{len(rows)}</span></summary>"
        yield '<table><thead><tr><th scope="col">No.</th><th scope="col">What it asks for</th>'
        yield '<th scope="col">Evidence</th></tr></thead><tbody>'
        for row in rows:
            level = f" <small>level {row['level']}</small>" if row["level"] else ""
            links = ", ".join(f'<a href="#rule-{rule}">{rule}</a>' for rule in row["rules"])
            yield f'<tr class="{state.replace(" ", "-")}"><th scope="row">{escape(row["reference"])}{level}</th>'
            yield f"<td>{escape(row['title'])}</td><td>{links or escape(row['why']) or '–'}</td></tr>"
        yield "</tbody></table></details>"
    yield "</section>"


def _evidence(document: Document) -> Iterator[str]:
    yield '<section aria-labelledby="rules"><h2 id="rules">Evidence by rule</h2>'
    idle = [rule for rule in document["rules"] if not rule["looked_at"]]
    for rule in document["rules"]:
        if not rule["looked_at"]:
            continue
        findings = [finding for finding in document["findings"] if finding["rule"] == rule["name"]]
        counts = Counter(finding["state"] for finding in findings)
        told = ", ".join(f"{counts[state]} {label}" for state, label in _FINDINGS.items() if counts[state])
        yield f'<article id="rule-{rule["name"]}"><h3>{rule["name"]} <small>{rule["severity"]}, {rule["level"]}</small>'
        yield f"</h3><p>{escape(rule['description'])}</p><p>{_looked(rule)}: {told or 'all keep it'}.</p>"
        if findings:
            yield "<ul>"
            for finding in findings:
                note = f" <i>{escape(finding['note'])}</i>" if finding["note"] else ""
                where = f"<code>{escape(finding['path'])}</code>: " if finding["path"] else ""
                yield f"<li>{escape(finding['name'])}: {where}{escape(finding['message'])}{note}</li>"
            yield "</ul>"
        yield "</article>"
    if idle:
        yield f"<h3>Rules that had nothing to look at <small>{len(idle)}</small></h3><ul>"
        yield from (f'<li id="rule-{r["name"]}">{r["name"]}: {escape(r["description"])}</li>' for r in idle)
        yield "</ul>"
    yield "</section>"


def _looked(rule: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(resource["name"] for resource in rule["looked_at"]))
    rest = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    shown = ", ".join(escape(name) for name in names[:_SHOWN_NAMES])
    return f"Looked at {len(rule['looked_at'])} resource{'s' * (len(rule['looked_at']) != 1)} ({shown}{rest})"


def _anchor(name: str) -> str:
    return "f-" + "-".join(name.lower().split())
