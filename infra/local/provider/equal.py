"""When two different values are the same to the real provider: each equality by its name in the facts (`eq`).

An equality gets the old and the new value, "" for one that is absent, and says whether there is no change.
"""

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from infra.local.provider.named_checks import parsed

Same = Callable[[str, str], bool]


def last(text: str) -> str:
    """The part after the last slash."""
    return text.rpartition("/")[2]


def path(text: str) -> str:
    """A link without host and API version: from `projects/` on."""
    return text[text.index("projects/") :] if "projects/" in text else ""


def _path(old: str, new: str) -> bool:
    return bool(path(old)) and path(old) == path(new)


def _link(old: str, new: str) -> bool:
    if "/" not in new:
        return bool(new) and last(old) == new
    return _path(old, new)


def _case(old: str, new: str) -> bool:
    return old.lower() == new.lower()


_EXACT_MEMBER = re.compile(r"allUsers|allAuthenticatedUsers|^(principal|principalSet|principalHierarchy):")


def _member(old: str, new: str) -> bool:
    return old == new if _EXACT_MEMBER.search(old) or _EXACT_MEMBER.search(new) else _case(old, new)


def _documents(old: str, new: str, form: Callable[[Any], Any]) -> bool:
    try:
        return bool(old and new) and bool(form(parsed(old)) == form(parsed(new)))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False


def _policy(document: Any) -> Any:
    """An IAM policy with what has no order sorted; bindings of one role and condition are one."""
    bindings: dict[str, set[str]] = {}
    for one in document.get("bindings") or []:
        role = f"{one.get('role')} {sorted((one.get('condition') or {}).items())}"
        bindings.setdefault(role, set()).update(str(member) for member in one.get("members") or [])
    audits = [
        (
            one.get("service"),
            sorted(
                (str(log.get("logType")), sorted(log.get("exemptedMembers") or []))
                for log in one.get("auditLogConfigs") or []
            ),
        )
        for one in document.get("auditConfigs") or []
    ]
    return bindings, sorted(audits, key=str)


_SYNONYMS = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def columns(schema: Any) -> Any:
    """A table's schema with synonyms resolved and columns by name."""
    if isinstance(schema, list):
        return {str(column["name"]): columns(column) for column in schema}
    found = {name: value for name, value in schema.items() if value is not None}
    kind = str(found.get("type", "")).upper()
    found["type"] = _SYNONYMS.get(kind, kind)
    found["mode"] = str(found.get("mode") or "NULLABLE").upper()
    if "fields" in found:
        found["fields"] = columns(found["fields"])
    return found


def _dashboard(old: str, new: str) -> bool:
    def without(document: Any, given: Any) -> Any:
        if isinstance(document, dict) and isinstance(given, dict):
            return {
                name: without(value, given.get(name))
                for name, value in document.items()
                if name in given or name not in ("etag", "name")
            }
        return document

    try:
        before, after = parsed(old), parsed(new)
        return bool(without(before, after) == after)
    except (ValueError, RecursionError):
        return False


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str, *, days: bool = False) -> float | None:
    """A Go duration (`1m`, `60.0s`, `1h30m`) in seconds; None for what is none."""
    units = "|".join(_UNITS if days else [one for one in _UNITS if one != "d"])
    if not re.fullmatch(rf"[+-]?((\d+\.?\d*|\.\d+)({units}))+", text, re.A):
        return None
    return round(sum(float(n) * _UNITS[unit] for n, unit in re.findall(rf"(\d+\.?\d*|\.\d+)({units})", text)), 9)


def _duration(old: str, new: str, *, days: bool = False) -> bool:
    before, after = seconds(old, days=days), seconds(new, days=days)
    return before is not None and before == after


def _ttl(old: str, new: str) -> bool:
    def plain(text: str) -> str:
        number = text.removesuffix("s").lstrip("0")
        return number.rstrip("0").rstrip(".") if "." in number else number

    return plain(old) == plain(new)


def address(text: str) -> Any:
    """An IP address, with its length where it has one; None for what is none."""
    try:
        return ipaddress.ip_interface(text) if "/" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def same_address(old: str, new: str) -> bool:
    """Whether two texts are one IP address; a reference in place of an address may be it."""
    before, after = address(old), address(new)
    if before is None or after is None:
        return before is not None and bool(new)
    if "/" in old and "/" in new:
        return bool(before == after)
    return bool(getattr(before, "ip", before) == getattr(after, "ip", after))


def _ip_cidr(old: str, new: str) -> bool:
    before, after = address(old), address(new)
    return before is not None and before == after


def _key_ring(old: str, new: str) -> bool:
    found = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)/keyRings/([^/]+)", new)
    return bool(found) and old == "/".join(found.groups() if found else ())


def _connection(old: str, new: str) -> bool:
    found = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)/connections/([^/]+)", new)
    return bool(found) and old == ".".join(found.groups() if found else ())


def _project_number(old: str, new: str) -> bool:
    before, after = (re.sub(r"(?<=projects/)[^/]+", "*", text) for text in (old, new))
    return before == after and (re.search(r"projects/\d+(/|$)", old) is not None or old.isdigit())


_ACCESS = {"user": "userByEmail", "group": "groupByEmail", "domain": "domain"}
_ROLES = {
    "roles/bigquery.dataOwner": "OWNER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataViewer": "READER",
}


def _base64(old: str, new: str) -> bool:
    try:
        return base64.b64decode(old) == base64.b64decode(new)
    except (binascii.Error, ValueError):
        return False


def _ec(old: str, new: str) -> bool:
    def plain(text: str) -> str:
        return re.sub(r"^(ECDSA|EC_SIGN)_", "", text)

    return plain(old) == plain(new)


_NAMED: dict[str, Same] = {
    "link": _link,
    "path": _path,
    "last": lambda old, new: bool(old and new) and last(old) == last(new),
    "case": _case,
    "member": _member,
    "policyJson": partial(_documents, form=_policy),
    "json": partial(_documents, form=lambda document: document),
    "tableSchema": partial(_documents, form=columns),
    "dashboardJson": _dashboard,
    "duration": _duration,
    "days": partial(_duration, days=True),
    "ttl": _ttl,
    "trim": lambda old, new: old.strip() == new.strip(),
    "lastSlash": lambda old, new: old.removesuffix("/") == new.removesuffix("/"),
    "lastDot": lambda old, new: old.removesuffix(".") == new.removesuffix("."),
    "leadingSlash": lambda old, new: old == f"/{new}",
    "ip": same_address,
    "ipCidr": _ip_cidr,
    "portRange": lambda old, new: old == f"{new}-{new}",
    "projectNumber": _project_number,
    "keyRing": _key_ring,
    "keyVersion": lambda old, new: bool(new) and old.partition("/cryptoKeyVersions")[0] == new,
    "connectionId": _connection,
    "ecAlgorithm": _ec,
    "accessMember": _case,
    "accessRole": lambda old, new: _ROLES.get(old, old) == _ROLES.get(new, new),
    "kept": lambda old, new: bool(old) and not new,
    "auto": lambda old, new: bool(old) and new == "auto",
    "onceTrue": lambda old, new: old == "true",
    "base64": _base64,
    "always": lambda old, new: True,
    "contentHash": lambda old, new: True,
}


def text(value: Any) -> str:
    """A scalar as the provider compares it: "" for an absent one."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def written(form: str | None, value: Any) -> str:
    """A scalar as the provider writes it to the state: `upper` case, or `json` in one form."""
    plain = text(value)
    if form == "upper":
        return plain.upper()
    if form == "json":
        try:
            return json.dumps(parsed(plain), sort_keys=True)
        except (ValueError, RecursionError):
            return plain
    return plain


def same(name: str | None, old: Any, new: Any) -> bool:
    """Whether an equality of this name holds between two scalars; no name, or one that is not described, holds
    never.
    """
    if name and name.startswith("default:"):
        default = name.removeprefix("default:")
        return (text(old) or default) == (text(new) or default)
    rule = _NAMED.get(name or "")
    return rule is not None and rule(text(old), text(new))


def kept_key(name: str, key: str, old: Mapping[str, Any]) -> bool:
    """Whether a map's key that is no longer given stays as it is."""
    wanted = {"keptProjectId": "project_id", "keptCpu": "cpu"}.get(name) or name.partition(":")[2]
    return name.startswith("kept") and key == wanted and key in old


def accessed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a grant on a data set is the one that the cloud turned an `iamMember` into."""
    member = text(new.get("iamMember"))
    kind, _, who = member.partition(":")
    return bool(member) and text(old.get(_ACCESS.get(kind, "specialGroup"))).lower() == (who or kind).lower()
