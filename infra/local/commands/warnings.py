"""What a person should know of services that run: what is open beyond this machine, and what doesn't run here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.local.sockets import listening
from infra.local.supervisor.service import WAY_OUT


def warnings(services: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each; `services` is what the supervisor's status says."""
    return [line for service in services for line in (*_not_run(service), *_limited(service), *_reachable(service))]


def is_declared(service: Mapping[str, Any]) -> bool:
    """Whether requests to a service get no other answer than that this machine can't run it."""
    return any(_answers_503(service, revision) for revision in service["revisions"])


def _answers_503(service: Mapping[str, Any], revision: Mapping[str, Any]) -> bool:
    return bool(revision["absent"]) and any(one["revision"] == revision["name"] for one in service["traffic"])


def _not_run(service: Mapping[str, Any]) -> Iterator[str]:
    for revision in service["revisions"]:
        if _answers_503(service, revision):
            yield f"{service['name']} is declared only, its URL answers 503: {revision['absent']}. {WAY_OUT}"
        for name, why in revision["skipped"].items():
            yield f"{service['name']} runs without its container {name}: {why}."


def _limited(service: Mapping[str, Any]) -> Iterator[str]:
    for revision in service["revisions"]:
        if revision["limited"]:
            count = len(revision["instances"])
            yield f"{service['name']} has {count} of {revision['scaling']['max']} instances: {revision['limited']}"


def _reachable(service: Mapping[str, Any]) -> Iterator[str]:
    pids = {pid for revision in service["revisions"] for pid in revision["pids"]}
    for listeners in listening(pids).values() if pids else ():
        for one in sorted(one for one in listeners if one.reachable):
            yield (
                f"{service['name']} listens on {one}, reachable from the network. A program that listens on the address"
                " in HOST (127.0.0.1 here, unset in Google Cloud) stays on this machine."
            )
