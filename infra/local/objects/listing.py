"""What a bucket holds, a page at a time: https://cloud.google.com/storage/docs/json_api/v1/objects/list"""

import base64
import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from infra.local import clock
from infra.local.objects import names
from infra.local.objects.failure import invalid
from infra.local.objects.index import DELETED, NONCURRENT, Version
from infra.local.objects.retention import stamp
from infra.local.objects.store import Store

MOST = 1000
"""Items of a page."""
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Asked:
    """What is to be listed."""

    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    glob: str = ""
    versions: bool = False
    soft_deleted: bool = False
    trailing: bool = False
    """Whether an object whose name ends in the delimiter is an item, too."""
    most: int = MOST
    token: str = ""


@dataclass
class Page:
    """Items and prefixes, and the token of the next page; empty for none."""

    items: list[Version] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    token: str = ""


def page(store: Store, asked: Asked) -> Page:
    """A page of what is asked for. Raises Failure for a token that no page has had."""
    name, generation = _of_token(asked.token)
    found, matches = Page(), _glob(asked.glob)
    start = max(asked.start, name if generation else name + _LAST)  # past what a prefix stood for
    for version in _versions(store, asked, start):
        own = version if isinstance(version, str) else version.name
        if asked.end and own >= asked.end:
            break
        if own == name and (isinstance(version, str) or version.generation <= generation):
            continue
        if matches and not matches.fullmatch(own):
            continue
        group = _group(own, asked)
        if group and (group == name or group in found.prefixes[-1:]):
            if not (asked.trailing and own == group):
                continue
        known = store.live(version) if isinstance(version, str) else version
        if known is None:
            continue
        if len(found.items) + len(found.prefixes) >= min(max(asked.most, 1), MOST):
            found.token = _token(found)
            break
        if group:
            found.prefixes.append(group)
        if not group or (asked.trailing and own == group):
            found.items.append(known)
    return found


def _versions(store: Store, asked: Asked, start: str) -> Iterator[str | Version]:
    """Names of live objects, and versions that are not live, in the order of name and generation."""
    if asked.soft_deleted:
        now = stamp(clock.now(store.cloud))
        kept = store.index.kept(DELETED, asked.prefix, start)
        yield from (one for one in kept if one.document["hardDeleteTime"] > now)
        return
    live = live_names(store, asked.prefix, start)
    if not asked.versions:
        yield from live
        return
    former = store.index.kept(NONCURRENT, asked.prefix, start)
    current = (one for one in map(store.live, live) if one)
    yield from heapq.merge(former, current, key=lambda one: (one.name, one.generation))


def live_names(store: Store, prefix: str = "", start: str = "") -> Iterator[str]:
    """The names under which an object is live, in order."""
    before = ""
    both: Iterable[str] = heapq.merge(names.files(store.folder, prefix, start), store.index.aside(prefix, start))
    for name in both:
        if name != before:
            yield name
        before = name


def every_version(store: Store) -> Iterator[Version]:
    """Every live and noncurrent version."""
    yield from (one for one in map(store.live, live_names(store)) if one)
    yield from store.index.kept(NONCURRENT)


def _group(name: str, asked: Asked) -> str:
    """The prefix that stands for the name; empty for one that stands for itself."""
    if not asked.delimiter:
        return ""
    head, found, _ = name[len(asked.prefix) :].partition(asked.delimiter)
    return asked.prefix + head + found if found else ""


def _token(found: Page) -> str:
    """After what the next page begins: the last item or prefix of this one."""
    last = found.items[-1] if found.items else None
    if found.prefixes and (last is None or found.prefixes[-1] >= last.name):
        text = f"0 {found.prefixes[-1]}"
    else:
        assert last  # a page that is full holds something
        text = f"{last.generation} {last.name}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _of_token(token: str) -> tuple[str, int]:
    if not token:
        return "", -1
    try:
        generation, _, name = base64.urlsafe_b64decode(token.encode()).decode().partition(" ")
        return name, int(generation)
    except ValueError:
        raise invalid(f"Invalid pageToken: {token[:80]!r}") from None


def _glob(pattern: str) -> "re.Pattern[str] | None":
    """A `matchGlob`: `*` and `?` stay within a folder, `**` doesn't, `{a,b}` is one of both, `[a-z]` one sign."""
    if not pattern:
        return None
    written, depth, at = "", 0, 0
    while at < len(pattern):
        sign = pattern[at]
        if pattern.startswith("**", at):
            written, at = written + ".*", at + 1
        elif sign == "[" and "]" in pattern[at + 2 :]:
            end = pattern.index("]", at + 2)
            inner = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[").replace("&", "\\&")
            written += (
                "[" + ("^" + inner[1:] if inner[0] in "!^" else inner).replace("~", "\\~").replace("|", "\\|") + "]"
            )
            at = end
        elif sign in "{}," and (sign == "{" or depth):
            depth += {"{": 1, "}": -1}.get(sign, 0)
            written += {"{": "(?:", "}": ")", ",": "|"}[sign]
        else:
            written += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
        at += 1
    try:
        return re.compile(written, re.DOTALL)
    except re.error:
        raise invalid(f"Invalid matchGlob: {pattern[:80]!r}") from None
