"""A URL map: which backend a request goes to, or where it is sent instead.

cloud.google.com/load-balancing/docs/url-map-concepts. A host's path matcher has rules of paths, of which the longest
decides, or rules of routes, of which the first by priority does.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from infra.local.balancer.request import Request

_STATUS = {
    "MOVED_PERMANENTLY_DEFAULT": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}
Given = Mapping[str, Any]
Weights = Callable[[Sequence[tuple[str, int]]], str]
"""Chooses one of several backends by their weights."""


@dataclass(frozen=True)
class Target:
    """Where a request goes: a backend by its full name, with another path and host where they are rewritten, and
    headers that are added; or with a status elsewhere.
    """

    backend: str = ""
    path: str = ""
    host: str = ""
    added: tuple[tuple[str, str], ...] = ()
    status: int = 0
    location: str = ""


def choose(url_map: Given, request: Request, weigh: Weights) -> Target:
    """Where a request goes; a status of 404 where the map leads nowhere."""
    matcher = _matcher(url_map, request.host)
    if matcher is None:
        return _default(url_map, request, weigh)
    for rule, prefix in _rules(matcher, request):
        return _action(rule, request, weigh, prefix, matcher)
    return _default(matcher, request, weigh)


def backends_of(url_map: Given) -> set[str]:
    """The full names of all backends that a map leads to."""
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, Mapping):
            for name, one in value.items():
                if name in ("service", "defaultService", "backendService") and isinstance(one, str):
                    found.add(one)
                collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)

    collect(url_map)
    return found


def _matcher(url_map: Given, host: str) -> Given | None:
    """The path matcher of a host: that of its own name, before that of the longest ending, before that of any host."""
    name = host.partition(":")[0].lower()
    best: tuple[int, str] = (-1, "")
    for rule in url_map.get("hostRules") or ():
        for pattern in rule.get("hosts") or ():
            wanted = str(pattern).lower().partition(":")[0]
            own = wanted == name
            ending = wanted.startswith("*") and name.endswith(wanted[1:]) and len(name) >= len(wanted)
            if own or ending:
                best = max(best, (len(wanted) + 1000 * own, str(rule["pathMatcher"])))
    return next((one for one in url_map.get("pathMatchers") or () if one["name"] == best[1]), None)


def _rules(matcher: Given, request: Request) -> Iterator[tuple[Given, str]]:
    """The rules that match, the one that decides first; each with the part of the path that it is for."""
    paths = [
        (len(str(path)), rule, str(path).removesuffix("/*") if str(path).endswith("/*") else str(path))
        for rule in matcher.get("pathRules") or ()
        for path in rule.get("paths") or ()
        if _is_below(request.path, str(path))
    ]
    if paths:
        _, rule, prefix = max(paths, key=lambda one: one[0])
        yield rule, prefix
    for rule in sorted(matcher.get("routeRules") or (), key=lambda one: int(one["priority"])):
        for match in rule.get("matchRules") or ({"prefixMatch": "/"},):
            if _matches(match, request):
                yield rule, str(match.get("prefixMatch") or match.get("fullPathMatch") or "")
                break


def _is_below(path: str, pattern: str) -> bool:
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1]) or path == pattern[:-2]
    return path == pattern


def _matches(match: Given, request: Request) -> bool:
    path = request.path
    ignores = bool(match.get("ignoreCase"))

    def same(text: Any) -> str:
        return str(text).lower() if ignores else str(text)

    if match.get("prefixMatch") is not None and not same(path).startswith(same(match["prefixMatch"])):
        return False
    if match.get("fullPathMatch") is not None and same(path) != same(match["fullPathMatch"]):
        return False
    if match.get("regexMatch") is not None and not re.fullmatch(str(match["regexMatch"]), path):
        return False
    if match.get("pathTemplateMatch") is not None and not re.fullmatch(_template(match["pathTemplateMatch"]), path):
        return False
    headers = all(
        _is_value(one, request.headers.get(str(one["headerName"]).lower())) != bool(one.get("invertMatch"))
        for one in match.get("headerMatches") or ()
    )
    return headers and all(
        _is_value(one, request.parameters.get(str(one["name"]))) for one in match.get("queryParameterMatches") or ()
    )


def _is_value(wanted: Given, value: str | None) -> bool:
    """Whether a header's or a parameter's value, None where there is none, is the one that is asked for."""
    if wanted.get("presentMatch"):
        return value is not None
    if value is None:
        return False
    if wanted.get("exactMatch"):
        return value == str(wanted["exactMatch"])
    if wanted.get("prefixMatch"):
        return value.startswith(str(wanted["prefixMatch"]))
    if wanted.get("suffixMatch"):
        return value.endswith(str(wanted["suffixMatch"]))
    if wanted.get("regexMatch"):
        return re.fullmatch(str(wanted["regexMatch"]), value) is not None
    if span := wanted.get("rangeMatch"):
        digits = value.removeprefix("-")
        return digits.isdecimal() and int(span["rangeStart"]) <= int(value) < int(span["rangeEnd"])
    return False


def _template(template: Any) -> str:
    """A pattern of a path template: `*` and `{name}` are one segment, `**` and `{name=**}` any number."""
    parts = re.split(r"(\{[^}]*\}|\*\*|\*)", str(template))
    pattern = ""
    for part in parts:
        inner = part[1:-1].partition("=")[2] or "*" if part.startswith("{") else part
        pattern += ".*" if inner == "**" else "[^/]+" if inner == "*" else re.escape(part)
    return pattern


def _default(owner: Given, request: Request, weigh: Weights) -> Target:
    """What a matcher, or the map, does with what no rule of its takes."""
    given = {
        "service": owner.get("defaultService"),
        "urlRedirect": owner.get("defaultUrlRedirect"),
        "routeAction": owner.get("defaultRouteAction"),
    }
    return _action(given, request, weigh, "", {})


def _action(rule: Given, request: Request, weigh: Weights, prefix: str, matcher: Given) -> Target:
    if redirect := rule.get("urlRedirect"):
        return _redirected(redirect, request, prefix)
    action = rule.get("routeAction") or {}
    weighted = [(str(one["backendService"]), int(one["weight"])) for one in action.get("weightedBackendServices") or ()]
    backend = weigh(weighted) if weighted else str(rule.get("service") or "")
    if not backend:
        return _default(matcher, request, weigh) if matcher else Target(status=404)
    rewrite = action.get("urlRewrite") or {}
    path = _rewritten(request.path, prefix, rewrite.get("pathPrefixRewrite"))
    added = ((rule.get("headerAction") or {}).get("requestHeadersToAdds")) or ()
    headers = tuple((str(one["headerName"]), str(one.get("headerValue") or "")) for one in added)
    return Target(backend, path, str(rewrite.get("hostRewrite") or request.host), headers)


def _rewritten(path: str, prefix: str, instead: Any) -> str:
    """The path with another beginning, as its rule has it; between the two stands one slash at most."""
    if instead is None:
        return path
    rest = path.removeprefix(prefix)
    return f"{instead}{rest[1:] if str(instead).endswith('/') and rest.startswith('/') else rest}"


def _redirected(redirect: Given, request: Request, prefix: str) -> Target:
    scheme = "https" if redirect.get("httpsRedirect") else request.scheme
    path = str(redirect.get("pathRedirect") or _rewritten(request.path, prefix, redirect.get("prefixRedirect")))
    query = "" if redirect.get("stripQuery") or not request.query else f"?{request.query}"
    status = _STATUS.get(str(redirect.get("redirectResponseCode") or ""), 301)
    host = str(redirect.get("hostRedirect") or request.host)
    return Target(status=status, location=f"{scheme}://{urlsplit(f'//{host}').netloc}{path}{query}")
