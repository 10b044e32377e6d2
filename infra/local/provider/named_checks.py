"""The real provider's checks that have a name (`named_checks.json`): each a list of rules, tried in turn, with the
sentence that the provider says where one fails.

In a sentence {k} is the property's Terraform path, {v} the value, {key} a key of a map.
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

_TABLE: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_bytes())
_LONGEST = 65_536
"""Characters that a pattern looks at: a pattern's work is bounded whatever a program gives."""
_SUFFIX = ".svc.id.goog"


@cache
def pattern(text: str) -> re.Pattern[str]:
    """A pattern of the provider (Go's, whose `$` is the end of the text alone)."""
    return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", text))


def matches(text: str, value: Any) -> bool:
    """Whether a value holds the pattern anywhere, as Go's MatchString does."""
    return bool(pattern(text).search(str(value)[:_LONGEST]))


def named(name: str, key: str, value: Any) -> list[str]:
    """What the check of this name says of a value; nothing where it holds, and for a check that is not described."""
    check = _TABLE.get(name)
    if check is None:
        return []
    said: list[str] = []
    for rule in check["rules"]:
        failed = list(_broken(rule, key, value, measured=value.removesuffix(_SUFFIX) if name == "poolId" else value))
        said += failed
        if failed and (check.get("stop") or rule.get("stop")):
            break
    if name == "iamPolicy" and not said:
        said = list(_policy_members(key, value))
    return said


def _broken(rule: Mapping[str, Any], key: str, value: Any, measured: Any) -> Iterator[str]:
    test = next(name for name in rule if name in _TESTS)
    if test.startswith("keys_"):
        for one in value if isinstance(value, Mapping) else ():
            if not _TESTS[test](rule, one):
                yield _said(rule["says"], key, value, name=one)
    elif not _holds(test, rule, measured if test.endswith("_chars") else value):
        yield _said(rule["says"], key, value)


def _holds(test: str, rule: Mapping[str, Any], value: Any) -> bool:
    try:
        return bool(_TESTS[test](rule, value))
    except (TypeError, ValueError):
        return False


def _said(says: str, key: str, value: Any, name: str = "") -> str:
    for mark, text in (
        ("{k}", key),
        ("{key}", name),
        ("{v with six decimals}", f"{value:.6f}" if isinstance(value, (int, float)) else str(value)),
        ("{json error}", json_error(value) if "{json error}" in says else ""),
        ("{v}", shown(value)),
    ):
        says = says.replace(mark, text)
    return says


def shown(value: Any) -> str:
    """A value as Go's %v shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _base64(rule: Mapping[str, Any], value: Any) -> bool:
    return len(base64.b64decode(str(value), validate=True)) >= 0


def _cidr(rule: Mapping[str, Any], value: Any) -> bool:
    # Python would also take a netmask, and an address without a length.
    return "/" in value and value.rpartition("/")[2].isdigit() and bool(ipaddress.ip_network(value, strict=False))


def _json(rule: Mapping[str, Any], value: Any) -> bool:
    if value == "":
        return True
    found = parsed(str(value))
    wanted = {"object": dict, "list": list}.get(rule["json"])
    return wanted is None or isinstance(found, wanted)


def _seconds(rule: Mapping[str, Any], value: Any) -> bool:
    return value == "" or bool(float(str(value).removesuffix("s")) >= rule["seconds_least"])


_TESTS: dict[str, Callable[[Mapping[str, Any], Any], Any]] = {
    "re": lambda rule, value: matches(rule["re"], value),
    "not": lambda rule, value: not matches(rule["not"], value),
    "keys_re": lambda rule, key: matches(rule["keys_re"], key),
    "keys_not": lambda rule, key: not matches(rule["keys_not"], key),
    "json": _json,
    "base64": _base64,
    "cidr": _cidr,
    "ip": lambda rule, value: ipaddress.ip_address(value),
    "is": lambda rule, value: value is rule["is"],
    "least_chars": lambda rule, value: len(value) >= rule["least_chars"],
    "most_chars": lambda rule, value: len(value) <= rule["most_chars"],
    "seconds_least": _seconds,
    "in": lambda rule, value: any(least <= value <= most for least, most in rule["in"]),
    "over": lambda rule, value: rule["over"] < value <= rule["most"],
    "least": lambda rule, value: value >= rule["least"],
}


def _policy_members(key: str, value: Any) -> Iterator[str]:
    document = parsed(str(value)) if value else {}
    bindings = document.get("bindings") if isinstance(document, dict) else None
    for index, binding in enumerate(bindings if isinstance(bindings, list) else ()):
        members = binding.get("members") if isinstance(binding, dict) else None
        for number, member in enumerate(members if isinstance(members, list) else ()):
            yield from named("iamMember", f"bindings.{index}.members.{number}", str(member))


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def parsed(text: str) -> Any:
    """JSON as Go takes it; raises ValueError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("exceeded max depth") from None


_AT = {
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
}


def json_error(text: Any) -> str:
    """What Go says of a text that is no JSON, or not the kind that is due."""
    try:
        found = parsed(str(text))
    except json.JSONDecodeError as problem:
        return _json_problem(str(text), problem)
    except ValueError as problem:
        return f"invalid character '{str(problem)[:1]}' looking for beginning of value"
    kind = {list: "array", dict: "object", str: "string", bool: "bool"}.get(type(found), "number")
    return f"json: cannot unmarshal {kind} into Go value"


def _json_problem(text: str, problem: json.JSONDecodeError) -> str:
    at = problem.pos
    if at >= len(text) or problem.msg.startswith("Unterminated string"):
        return "unexpected end of JSON input"
    if problem.msg == "Expecting value":
        for literal in ("true", "false", "null"):
            same = next((n for n in range(1, 6) if text[at : at + n] != literal[:n]), 6) - 1
            if same and at + same >= len(text):
                return "unexpected end of JSON input"
            if same:
                return f"invalid character '{text[at + same]}' in literal {literal} (expecting '{literal[same]}')"
        where = "looking for beginning of value"
    elif problem.msg == "Expecting ',' delimiter":
        where = "after object key:value pair" if _in_object(text[:at]) else "after array element"
    else:
        where = next((says for begins, says in _AT.items() if problem.msg.startswith(begins)), "in literal")
    return f"invalid character '{text[at]}' {where}"


def _in_object(before: str) -> bool:
    depth: list[str] = []
    for mark in re.sub(r'"(?:\\.|[^"\\])*"', "", before):
        if mark in "{[":
            depth.append(mark)
        elif mark in "}]" and depth:
            depth.pop()
    return bool(depth) and depth[-1] == "{"
