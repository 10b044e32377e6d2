"""Today's violations, written down with a day and an owner, so that only new ones fail.

An entry holds for one rule, one resource and one message, and only while the resource is as it was: it carries a hash
of the resource's inputs. For a rule over the whole stack that is the resource and what is connected with it. A
secret's content is not part of the hash, which could otherwise be searched for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from policies.evaluation import Accepted, Verdict, shown_path
from policies.patterns import lazy
from policies.rule import Resource, Rule, Stack
from policies.value import ASSET, UNKNOWN, Secret, Violation

VERSION = 1
_SHOWN = 5
_NAMES = ("name", "accountId", "email", "secretId", "bucket", "id", "selfLink")
"""Properties by which others name a resource."""
_DRAWN = lazy(r"[\w.\-]+-[0-9a-f]{7}(?![\w\-])")
_DRAWN_END = lazy(r"-[0-9a-f]{7}")
Key = tuple[str, str, str, str]
"""Rule, resource (URN), path and message."""


class BaselineError(ValueError):
    """A baseline that can't be used; the message names the file and what is wrong in it."""


@dataclass
class Fingerprints:
    """Hashes of the inputs of resources, by URN, and which resources hang together.

    Where a program gives no name, the engine draws `NAME-0a1b2c3`, another one in each preview until the resource is
    made. It counts as `NAME-*`, there and wherever another resource names it.
    """

    _of: dict[str, str] = field(default_factory=dict)
    _drawn: dict[str, str] = field(default_factory=dict)
    _linked: dict[str, set[str]] = field(default_factory=dict)

    def take(self, resource: Resource) -> None:
        """Resources come after those that they are made of, as the engine makes them and a state lists them."""
        name = resource.properties["name"].raw
        if isinstance(name, str) and _DRAWN_END.fullmatch(name.removeprefix(resource.name)):
            self._drawn[name] = f"{resource.name}-*"
        self._of[resource.urn] = digest(resource.properties.raw, self._drawn)

    def link(self, known: Mapping[str, Resource], dependencies: Mapping[str, Mapping[str, list[str]]]) -> None:
        """Learn which resources are made of which, or name them."""
        named = {
            resource.properties[key].content: urn
            for urn, resource in known.items()
            for key in _NAMES
            if not resource.properties[key].unknown and isinstance(resource.properties[key].content, str)
        }
        for urn, resource in known.items():
            others = {on for urns in dependencies.get(urn, {}).values() for on in urns}
            others |= {named[s.content] for s in resource.properties.strings() if s.known and s.content in named}
            for other in others - {urn}:
                self._linked.setdefault(urn, set()).add(other)
                self._linked.setdefault(other, set()).add(urn)

    def of(self, urn: str, whole_stack: bool) -> str:
        """The hash for a violation about this resource; about a stack as such there is nothing to hash."""
        others = self._linked.get(urn, ()) if whole_stack else ()
        return digest([self._of.get(urn, ""), *sorted(self._of.get(other, "") for other in others)])


def digest(content: Any, drawn: Mapping[str, str] = MappingProxyType({})) -> str:
    """A hash of properties: the same whatever the order of their keys, and without what the engine keeps for itself
    and what secrets hold. `drawn` says what counts instead of the names that the engine has drawn.
    """
    written = json.dumps(_plain(content, drawn), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(written.encode()).hexdigest()}"


def _plain(content: Any, drawn: Mapping[str, str]) -> Any:
    if isinstance(content, Secret):
        return "[secret]"
    if content is UNKNOWN or content is ASSET:
        return f"[{content!r}]"
    if isinstance(content, Mapping):
        return {key: _plain(value, drawn) for key, value in content.items() if not key.startswith("__")}
    if isinstance(content, list | tuple):
        return [_plain(element, drawn) for element in content]
    if isinstance(content, str):
        return _DRAWN.sub(lambda name: drawn.get(name[0], name[0]), content)
    return content if isinstance(content, int | float | bool) or content is None else repr(type(content))


@dataclass
class Baseline:
    """The entries of a file, and which of them were met in this run. With `writing`, every violation becomes one."""

    path: Path
    owner: str = ""
    writing: bool = False
    entries: dict[Key, dict[str, str]] = field(default_factory=dict)
    _met: set[Key] = field(default_factory=set)
    _changed: set[Key] = field(default_factory=set)
    _written: dict[Key, dict[str, str]] = field(default_factory=dict)

    def applied(
        self, rule: Rule, subject: Resource | Stack, verdict: Verdict, known: Fingerprints, today: date
    ) -> Verdict:
        """The verdict, with the violations that the baseline has set apart."""
        standing, accepted = [], list(verdict.accepted)
        for violation in verdict.violations:
            urn = about(subject, violation)
            key = (rule.name, urn, shown_path(violation.path), violation.message)
            inputs = known.of(urn, rule.whole_stack)
            entry = self.entries.get(key)
            if self.writing:
                if entry is None or entry["inputs"] != inputs:
                    entry = {"inputs": inputs, "since": today.isoformat(), "owner": self.owner}
                self._written[key] = entry
            if entry is None:
                standing.append(violation)
            elif entry["inputs"] != inputs:
                self._changed.add(key)
                changed = f"{violation.message}; the baseline of {entry['since']} does not hold: the resource changed"
                standing.append(replace(violation, message=changed))
            else:
                self._met.add(key)
                accepted.append(Accepted(violation, entry["owner"], entry["since"]))
        return replace(verdict, violations=tuple(standing), accepted=tuple(accepted))

    def stale(self, rules: Container[str]) -> list[str]:
        """Notes on the entries that no violation met, of the rules of this run; many are counted."""
        stale = [
            f"stale in the baseline: {rule} on {urn.rpartition('::')[2]} ({entry['owner']}, {entry['since']}) is no"
            " longer violated; write the baseline again to take it out"
            for (rule, urn, path, message), entry in sorted(self.entries.items())
            if rule in rules and (rule, urn, path, message) not in self._met | self._changed
        ]
        more = [f"and {len(stale) - _SHOWN} entries more are stale"] if len(stale) > _SHOWN else []
        return stale[:_SHOWN] + more

    def write(self) -> int:
        """Write the file, whole or not at all; how many entries it has now."""
        listed = [
            {"rule": rule, "resource": urn, "path": path, "message": message, **entry}
            for (rule, urn, path, message), entry in sorted(self._written.items())
        ]
        text = json.dumps({"version": VERSION, "entries": listed}, indent=2, ensure_ascii=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f".{self.path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(self.path)
        return len(listed)


def read_baseline(path: Path, *, writing: bool = False, owner: str = "") -> Baseline:
    """The baseline in a file; an empty one where it is to be written and is not there yet. Raises `BaselineError`."""
    if writing and not path.exists():
        return Baseline(path, owner, writing)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise BaselineError(f"{path}: this pack reads baselines of version {VERSION}, not {content['version']!r}")
        entries = {
            (entry["rule"], entry["resource"], entry["path"], entry["message"]): {
                key: str(entry[key]) for key in ("inputs", "since", "owner")
            }
            for entry in content["entries"]
        }
    except FileNotFoundError:
        raise BaselineError(f"{path}: there is no such baseline; make one with --write-baseline {path}") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        if isinstance(problem, BaselineError):
            raise
        raise BaselineError(f"{path} is no baseline ({type(problem).__name__}); write it again") from None
    return Baseline(path, owner, writing, entries)


def about(subject: Resource | Stack, violation: Violation) -> str:
    """The URN of what a violation is about; of the stack itself where it is about no resource in particular."""
    if violation.urn:
        return violation.urn
    if isinstance(subject, Resource):
        return subject.urn
    urn = next(iter(subject.resources)).urn if subject.resources else "urn:pulumi:::::"
    stack, project = urn.split("::")[0].removeprefix("urn:pulumi:"), urn.split("::")[1]
    return f"urn:pulumi:{stack}::{project}::pulumi:pulumi:Stack::{project}-{stack}"
