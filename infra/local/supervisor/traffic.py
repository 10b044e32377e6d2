"""Which revision answers the next request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"


@dataclass
class Target:
    """A revision's share of the requests in percent, and the tag of its own address, if it has one."""

    revision: str
    percent: int
    tag: str | None = None
    latest: bool = False
    credit: int = 0


def targets(traffics: Sequence[Mapping[str, Any]], latest: str) -> list[Target]:
    """The targets of a service's specification; all to the latest revision where there are none."""
    if not traffics:
        return [Target(latest, 100, latest=True)]
    return [
        Target(
            revision=latest if one.get("type") == LATEST or not one.get("revision") else str(one["revision"]),
            percent=int(one.get("percent") or 0),
            tag=one.get("tag"),
            latest=one.get("type") == LATEST or not one.get("revision"),
        )
        for one in traffics
    ]


def choose(found: list[Target]) -> Target:
    """Smooth weighted round robin: over any 100 requests each target gets its percentage exactly."""
    best = found[0]
    for target in found:
        target.credit += target.percent
        if target.credit > best.credit:
            best = target
    best.credit -= sum(target.percent for target in found)
    return best


def tagged(found: list[Target], host: str) -> Target | None:
    """The target whose tag begins the host's name, as in `canary---service.example`."""
    tag, mark, _ = host.partition("---")
    return next((target for target in found if mark and target.tag == tag), None)


def served(found: list[Target]) -> Iterator[str]:
    """The revisions that must run: they get requests, or have an address of their own."""
    yield from dict.fromkeys(target.revision for target in found if target.percent or target.tag)


def share(found: list[Target], revision: str) -> int:
    """The percentage of the requests that a revision gets."""
    return sum(target.percent for target in found if target.revision == revision)
