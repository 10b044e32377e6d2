"""/docs: the OpenAPI document as one plain page that needs no network and no script."""

import json
from html import escape
from typing import Any

from app.problems import KINDS, MEANINGS

METHODS = ("get", "post", "put", "patch", "delete")


def page(document: dict[str, Any]) -> str:
    """The page for an OpenAPI document."""
    schemas = document.get("components", {}).get("schemas", {})
    operations = [
        (path, method, item[method]) for path, item in document["paths"].items() for method in METHODS if method in item
    ]
    index = "".join(
        f'<li><a href="#{_anchor(method, path)}"><code>{method.upper()}</code> {escape(path)}</a></li>'
        for path, method, _ in operations
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>orderguard: the API</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar"><a class="brand" href="/">orderguard</a><nav aria-label="Pages"><a href="/">Alerts</a>
<a href="/docs" aria-current="page">API</a></nav></header>
<main id="main" class="docs">
<h1>The API</h1>
<p>Every route under <code>/v1/</code> needs the header <code>X-API-Key</code>. The same as a file:
<a href="/openapi.json">openapi.json</a>.</p>
<nav aria-label="Routes"><ul class="routes">{index}</ul></nav>
{"".join(_operation(path, method, operation) for path, method, operation in operations)}
<h2 id="schemas">Structures</h2>
{"".join(_schema(name, schema) for name, schema in sorted(schemas.items()))}
<h2 id="problems">Problems</h2>
<p>Errors are problem documents (RFC 9457, <code>application/problem+json</code>).
None repeats a value of the request.</p>
<dl class="problems">{"".join(_problem(kind) for kind in KINDS)}</dl>
</main>
</body>
</html>"""


def _anchor(method: str, path: str) -> str:
    return f"{method}{path.replace('/', '-').replace('{', '').replace('}', '')}"


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {})
    request = "".join(_content(media_type, content) for media_type, content in body.items())
    answers = "".join(
        f"<tr><th scope=row>{escape(status)}</th><td>{escape(answer.get('description', ''))}</td>"
        f"<td>{_types(answer.get('content', {}))}</td></tr>"
        for status, answer in operation.get("responses", {}).items()
    )
    locked = " <span class=tag>X-API-Key</span>" if operation.get("security") or path.startswith("/v1/") else ""
    return f"""<section class="card" aria-labelledby="{_anchor(method, path)}">
<h2 id="{_anchor(method, path)}"><code class="method">{method.upper()}</code> {escape(path)}{locked}</h2>
<p><strong>{escape(operation.get("summary", ""))}.</strong> {escape(operation.get("description", ""))}</p>
{f"<h3>Body</h3>{request}" if request else ""}
<h3>Answers</h3>
<table><thead><tr><th scope=col>Status</th><th scope=col>Meaning</th><th scope=col>Body</th></tr></thead>
<tbody>{answers}</tbody></table>
{_answer_examples(operation)}
</section>"""


def _answer_examples(operation: dict[str, Any]) -> str:
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    return "".join(_examples(media.get("examples", {})) for media in content.values())


def _content(media_type: str, content: dict[str, Any]) -> str:
    kind = f"<p><code>{escape(media_type)}</code>: {_type(content.get('schema', {}))}</p>"
    return kind + _examples(content.get("examples", {}))


def _examples(examples: dict[str, Any]) -> str:
    return "".join(
        f"<details><summary>Example: {escape(example.get('summary', name))}</summary>"
        f"<pre tabindex=0><code>{escape(json.dumps(example['value'], indent=2))}</code></pre></details>"
        for name, example in examples.items()
    )


def _types(content: dict[str, Any]) -> str:
    return "<br>".join(
        f"<code>{escape(media_type)}</code> {_type(media.get('schema', {}))}" for media_type, media in content.items()
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return " or ".join(_type(part) for part in schema[union])
    if "enum" in schema:
        return "one of " + ", ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("format") or schema.get("type") or "any"
    limits = [f"{word} {schema[key]}" for key, word in LIMITS.items() if key in schema]
    return escape(kind if isinstance(kind, str) else " or ".join(kind)) + (f" ({', '.join(limits)})" if limits else "")


LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "length at least",
    "maxLength": "length at most",
    "minItems": "items at least",
    "maxItems": "items at most",
}


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", []))
    rows = "".join(
        f"<tr><th scope=row><code>{escape(field)}</code></th><td>{_type(kind)}</td>"
        f"<td>{'required' if field in required else 'optional'}</td><td>{escape(kind.get('description', ''))}</td></tr>"
        for field, kind in schema.get("properties", {}).items()
    )
    head = "".join(f"<th scope=col>{name}</th>" for name in ("Field", "Type", "Needed", "Note"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else f"<p>{_type(schema)}</p>"
    note = escape(schema.get("description", ""))
    return f'<section class="card"><h3 id="schema-{escape(name)}">{escape(name)}</h3><p>{note}</p>{table}</section>'


def _problem(kind: str) -> str:
    status, title = KINDS[kind]
    heading = f'<dt id="problem-{kind}"><code>{int(status)}</code> {escape(kind)}</dt>'
    return f"{heading}<dd>{title}. {escape(MEANINGS[kind])}</dd>"
