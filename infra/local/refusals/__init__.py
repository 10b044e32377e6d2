"""What Google Cloud refuses in `up`, of every type: tables from a property to what its values have to be.

`of_inputs` looks at a resource alone, in Check; `Parents` at what it belongs to, when it is made.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.facts import service_of
from infra.local.provider.rules import Inputs, Problem
from infra.local.provider.values import Unknown
from infra.local.refusals import formats
from infra.local.refusals.names import name_problems
from infra.local.refusals.places import is_location, is_region, is_zone

Judge = Callable[[object], str | None]
_SERVICES = Path(__file__).with_name("services.txt")

_LEAVES: Mapping[str, Judge] = {
    "port": formats.port,
    "containerPort": formats.port,
    "defaultPort": formats.port,
    "producerPort": formats.port,
    "portRange": formats.port_range,
    "ipCidrRange": formats.network,
    "destRange": formats.network,
    "ipCidrRanges": formats.network,
    "sourceRanges": formats.block,
    "destinationRanges": formats.block,
    "srcIpRanges": formats.block,
    "destIpRanges": formats.block,
    "cidrBlock": formats.block,
    "allowedIpCidrRanges": formats.block,
    "masterIpv4CidrBlock": formats.network,
    "clusterIpv4CidrBlock": formats.sized_network,
    "servicesIpv4CidrBlock": formats.sized_network,
    "clusterIpv4Cidr": formats.sized_network,
    "timeZone": formats.time_zone,
    "cronSchedule": formats.schedule,
}
"""A property's last name → what its values have to be, whatever the type."""
_PATHS: tuple[tuple[str, str, Judge], ...] = (
    (r"gcp:compute/firewall:.*", r"(allows|denies)\[\d+\]\.ports\[\d+\]", formats.port_range),
    (r"gcp:compute/(instance|regionInstance).*", r".*aliasIpRanges\[\d+\]\.ipCidrRange", formats.sized_network),
    (r"gcp:compute/.*[pP]olic.*", r".*srcIpRanges\[\d+\]", lambda value: value != "*" and formats.block(value) or None),
    (r"gcp:cloudscheduler/job:Job", r"schedule", formats.schedule),
    (r"gcp:sql/databaseInstance:.*", r".*authorizedNetworks\[\d+\]\.value", formats.block),
)
"""Types and properties with a rule of their own; it goes before that of the last name."""
_PLACES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "region": (is_region, "region"),
    "zone": (is_zone, "zone"),
    "location": (is_location, "location"),
    "nodeLocations": (is_zone, "zone"),
    "distributionPolicyZones": (is_zone, "zone"),
}
_PLACED = re.compile(r"(region|zone|location)|(nodeLocations|distributionPolicyZones)\[\d+\]|replication\..*\.location")
"""Where these are places of Google Cloud: at the top, and in a secret's copies."""


def of_inputs(token: str, inputs: Inputs) -> Iterator[Problem]:
    """What is wrong with these inputs, in words like Google Cloud's."""
    service = service_of(token)
    if not token.startswith("gcp:"):
        return
    for path, value in leaves(inputs):
        leaf = re.sub(r"\[\d+\]", "", path).rpartition(".")[2]
        if _PLACED.fullmatch(path) and isinstance(value, str) and value:
            exists, kind = _PLACES[leaf]
            if not exists(value):
                yield path, _no_place(service, kind, value)
        elif judge := _judge(token, path, leaf):
            if says := judge(value):
                yield path, f"googleapi: Error 400: Invalid value for field '{path}': '{value}' {says}., invalid"
    yield from name_problems(token, inputs)
    if token == "gcp:projects/service:Service":
        yield from _services(inputs)


def _judge(token: str, path: str, leaf: str) -> Judge | None:
    for kind, where, judge in _paths_of(token):
        if re.fullmatch(where, path):
            return judge
    return _LEAVES.get(leaf)


@cache
def _paths_of(token: str) -> tuple[tuple[str, str, Judge], ...]:
    return tuple(one for one in _PATHS if re.fullmatch(one[0], token))


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every known text, number and truth at any depth, with its path."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if not key.startswith("__"):
                yield from leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from leaves(value, f"{path}[{index}]")
    elif values is not None and not isinstance(values, Unknown):
        yield path, values


def _no_place(service: str, kind: str, value: str) -> str:
    if service == "storage":
        return f"googleapi: Error 400: The specified location constraint is not valid: {value}., invalid"
    if kind != "location":
        return f"googleapi: Error 400: Invalid value for field '{kind}': '{value}'. Unknown {kind}., invalid"
    return f"googleapi: Error 403: Permission denied on 'locations/{value}' (or it may not exist)., forbidden"


@cache
def known_services() -> frozenset[str]:
    """The services of Google's that the local cloud knows by name."""
    lines = _SERVICES.read_text().splitlines()
    return frozenset(f"{name}.googleapis.com" for line in lines if not line.startswith("#") for name in line.split())


def _services(inputs: Inputs) -> Iterator[Problem]:
    name = inputs.get("service")
    if not isinstance(name, str) or name in known_services():
        return
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.cloud\.goog", name):
        yield (
            "service",
            (
                f"googleapi: Error 403: Not found or permission denied for service(s): {name}., forbidden (it is none"
                " of Google's services that the local cloud knows)"
            ),
        )
