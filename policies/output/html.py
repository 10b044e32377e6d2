"""A compliance report that an auditor can read: one page, nothing from elsewhere, no script.

First what was looked at, when and with what, then how each standard stands, then every finding, what is undecided and
what is let pass, by whom and until when. Below, each standard with every requirement and its evidence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from policies.output.folding import Finding, by_resource, in_state, shown_type, summary
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
_MEANINGS = {
    "broken": "at least one resource violates it",
    "open": "nothing that is known violates it, but a value that decides it is not known",
    "excepted": "it is violated, and an exception or the baseline lets that pass",
    "kept": "every resource that its rules are about was looked at and keeps it",
    "nothing to look at": "the stack has no resource that it is about",
    "not selected": "its rules are not part of this run",
    "undecidable": "it is about something that no program shows; the reason stands beside it",
    "not applicable": "it is about something that Google Cloud or Pulumi does not have",
}
_FINDINGS = {"violated": "broken", "undecided": "undecided", "excepted": "let pass", "accepted": "in the baseline"}
_SHOWN_NAMES = 12
_CODE = re.compile(r"`([^`]+)`")


def html(document: Document) -> str:
    """The whole page."""
    place = "/".join(part for part in (document["project"], document["stack"]) if part)
    found = standings(document)
    frameworks: dict[str, list[dict[str, Any]]] = {}
    for item in found:
        frameworks.setdefault(f"{item['framework']} {item['version']}".strip(), []).append(item)
    title = f"Compliance of {place or 'a stack'}"
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    contents = [("standards", "Standards"), ("findings", "Findings"), ("undecided", "Undecided")]
    contents += [("passed", "Let pass"), ("scope", "Scope"), *((_anchor(name), name) for name in frameworks)]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title><style>{style}</style></head><body>",
        '<a class="skip" href="#main">To the report</a>',
        f"<header><h1>{escape(title)}</h1>",
        f"<p class=result>{escape(summary(document).capitalize())}.</p>",
        *_facts(document),
        '</header><nav aria-label="Contents"><ul>',
        *(f'<li><a href="#{anchor}">{escape(name)}</a></li>' for anchor, name in contents),
        '<li><a href="#rules">Evidence by rule</a></li></ul></nav><main id="main">',
        *_standards(frameworks),
        *_violated(document),
        *_undecided(document),
        *_let_pass(document),
        *_scope(document),
        *(part for name, items in frameworks.items() for part in _framework(document, name, items)),
        *_evidence(document),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _facts(document: Document) -> Iterator[str]:
    tool, scope, rules = document["tool"], document["scope"], document["rules"]
    resources = sum(item["resources"] for item in scope)
    looked = sum(item["resources"] for item in scope if item["looked_at"])
    asked = sum(bool(rule["looked_at"]) for rule in rules)
    facts = {
        "Date": document["day"],
        "Policy pack": f"{tool['name']} {tool['version']}",
        "Profile": ", ".join(part for part in (document["profile"], document["narrowed"]) if part),
        "Rules": f"{len(rules)}, of which {asked} had something to look at",
        "Resources": f"{resources}, of which rules looked at {looked}",
    }
    yield "<dl>" + "".join(
        f"<div><dt>{name}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts.items()
    ) + "</dl>"


def _standards(frameworks: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    counts = {name: Counter(item["state"] for item in items) for name, items in frameworks.items()}
    shown = [state for state in _STATES if any(count[state] for count in counts.values())]
    yield '<section aria-labelledby="standards"><h2 id="standards">Standards, by requirement</h2>'
    rows = [
        ("", [f'<a href="#{_anchor(name)}">{escape(name)}</a>', *(str(count[state] or "–") for state in shown)])
        for name, count in counts.items()
    ]
    yield from _table(["Standard", *(_STATES[state] for state in shown)], rows, kind="matrix")
    yield "<details><summary>What the words mean</summary><dl>"
    yield from (f"<div><dt>{_STATES[state]}</dt><dd>{_MEANINGS[state]}</dd></div>" for state in shown)
    yield "</dl></details></section>"


def _violated(document: Document) -> Iterator[str]:
    rules = {rule["name"]: rule for rule in document["rules"]}
    groups = by_resource(document)
    yield '<section aria-labelledby="findings"><h2 id="findings">Findings, by resource</h2>'
    if not groups:
        yield "<p>Nothing is violated.</p>"
    for resource, findings in groups:
        yield f"<article><h3>{escape(resource['name'])} <small>{escape(shown_type(resource['type']))}</small></h3><ul>"
        for name in dict.fromkeys(finding["rule"] for finding in findings):
            mine = [finding for finding in findings if finding["rule"] == name]
            level = mine[0]["severity"] if is_mandatory(mine[0]) else f"{mine[0]['severity']}, advisory"
            yield f'<li><b class="{mine[0]["severity"]}">{level}</b> <a href="#rule-{name}">{name}</a>'
            yield from (f"<br>{_said(finding)}" for finding in mine)
            yield f"<br><i>Write instead:</i> {_text(rules[name]['fix'])}{_asked_by(rules[name])}</li>"
        yield "</ul></article>"
    yield from (f"<p>{escape(note)}</p>" for note in document["notes"])
    yield "</section>"


def _undecided(document: Document) -> Iterator[str]:
    yield '<section aria-labelledby="undecided"><h2 id="undecided">Undecided</h2>'
    found = in_state(document, "undecided")
    if not found:
        yield "<p>Every rule could decide.</p></section>"
        return
    yield "<p>What decides these is not known here. In a preview it is known once the update runs, which checks it"
    yield " again before anything is made; in a state it is encrypted.</p>"
    yield from _table(
        ["Rule", "Resource", "What is not known"],
        [("open", [_link(f["rule"]), escape(f["name"]), _text(f["message"])]) for f in found],
    )
    yield "</section>"


def _let_pass(document: Document) -> Iterator[str]:
    yield '<section aria-labelledby="passed"><h2 id="passed">Let pass</h2>'
    found = [finding for state in ("excepted", "accepted") for finding in in_state(document, state)]
    if not found:
        yield "<p>No exception and no baseline lets anything pass.</p></section>"
        return
    yield from _table(
        ["Rule", "Resource", "What is violated", "Why it passes"],
        [("excepted", [_link(f["rule"]), escape(f["name"]), _said(f), escape(f["note"])]) for f in found],
    )
    yield "</section>"


def _scope(document: Document) -> Iterator[str]:
    yield '<section aria-labelledby="scope"><h2 id="scope">Scope</h2>'
    rows = [
        ("", [escape(shown_type(t["type"])), str(t["resources"]), "yes" if t["looked_at"] else "no rule of this run"])
        for t in document["scope"]
    ]
    yield from _table(["Type", "Resources", "Looked at"], rows)
    yield "</section>"


def _framework(document: Document, name: str, found: list[dict[str, Any]]) -> Iterator[str]:
    anchor, counts = _anchor(name), Counter(item["state"] for item in found)
    told = " · ".join(f"{counts[state]} {label.lower()}" for state, label in _STATES.items() if counts[state])
    evidence = {rule["name"]: _counted(document, rule) for rule in document["rules"]}
    yield f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{escape(name)}</h2><p>{told}</p>'
    for state, label in _STATES.items():
        rows = []
        for item in (item for item in found if item["state"] == state):
            level = f" <small>level {item['level']}</small>" if item["level"] else ""
            by_rule = "<br>".join(f"{_link(rule)}: {evidence[rule]}" for rule in item["rules"])
            why = by_rule or escape(item["why"]) or "–"
            rows.append((state, [f"{escape(item['reference'])}{level}", _text(item["title"]), why]))
        if rows:
            opened = " open" if state in {"broken", "open", "excepted"} else ""
            yield f"<details{opened}><summary>{label} <span>{len(rows)}</span></summary>"
            yield from _table(["No.", "What it asks for", "Evidence"], rows)
            yield "</details>"
    yield "</section>"


def _evidence(document: Document) -> Iterator[str]:
    yield '<section aria-labelledby="rules"><h2 id="rules">Evidence by rule</h2>'
    for rule in document["rules"]:
        if not rule["looked_at"]:
            continue
        findings = [finding for finding in document["findings"] if finding["rule"] == rule["name"]]
        yield f'<article id="rule-{rule["name"]}"><h3>{rule["name"]} <small>{rule["severity"]}, {rule["level"]}</small>'
        yield f"</h3><p>{_text(rule['description'])}</p><p>{_looked(document, rule)}{_asked_by(rule)}</p>"
        if findings:
            yield "<ul>"
            for finding in findings:
                note = f" <i>{escape(finding['note'])}</i>" if finding["note"] else ""
                yield f"<li>{escape(finding['name'])}, {_FINDINGS[finding['state']]}: {_said(finding)}{note}</li>"
            yield "</ul>"
        yield "</article>"
    idle = [rule for rule in document["rules"] if not rule["looked_at"]]
    if idle:
        yield f"<details><summary>Rules that had nothing to look at <span>{len(idle)}</span></summary><ul>"
        yield from (f'<li id="rule-{r["name"]}">{r["name"]}: {_text(r["description"])}</li>' for r in idle)
        yield "</ul></details>"
    yield "</section>"


def _looked(document: Document, rule: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(resource["name"] for resource in rule["looked_at"]))
    rest = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"Looked at {', '.join(escape(name) for name in names[:_SHOWN_NAMES])}{rest}: {_counted(document, rule)}."


def _counted(document: Document, rule: Mapping[str, Any]) -> str:
    """How a rule stands: `3 resources, 1 broken`."""
    counts = Counter(finding["state"] for finding in document["findings"] if finding["rule"] == rule["name"])
    told = [f"{counts[state]} {label}" for state, label in _FINDINGS.items() if counts[state]]
    number = len(rule["looked_at"])
    return ", ".join([f"{number or 'no'} resource{'s' * (number != 1)}", *(told or ["all keep it"] * bool(number))])


def _asked_by(rule: Mapping[str, Any]) -> str:
    names = [" ".join(part for part in (f["name"], f["reference"]) if part) for f in rule["frameworks"]]
    return f"<br><small>Asked for by {escape(', '.join(names))}</small>" if names else ""


def _said(finding: Finding) -> str:
    undecided = finding["state"] == "undecided"
    where = f"<code>{escape(finding['path'])}</code>: " if finding["path"] and not undecided else ""
    return f"{where}{_text(finding['message'])}"


def _table(headings: list[str], rows: Iterable[tuple[str, list[str]]], kind: str = "") -> Iterator[str]:
    """Rows are a class and cells, the first of which names the row. On a narrow page a cell says its heading itself."""
    yield f'<table class="{kind}"><thead><tr>' + "".join(
        f'<th scope="col">{h}</th>' for h in headings
    ) + "</tr></thead>"
    yield "<tbody>"
    for state, cells in rows:
        rest = "".join(f'<td data-label="{h}">{cell}</td>' for h, cell in zip(headings[1:], cells[1:], strict=True))
        yield f'<tr class="{state.replace(" ", "-")}"><th scope="row">{cells[0]}</th>{rest}</tr>'
    yield "</tbody></table>"


def _link(rule: str) -> str:
    return f'<a href="#rule-{rule}">{rule}</a>'


def _text(text: str) -> str:
    """Our own words, with what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _anchor(name: str) -> str:
    return "f-" + "-".join(name.lower().split())
