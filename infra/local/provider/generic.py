"""Types without a table of their own: declared, with an id in the usual form and outputs of the right types.

What nobody can know here is marked as such: texts begin with `generic-`, addresses are of the range that is kept for
documentation, and names of hosts end in `.invalid`.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from infra.local.cloud import Cloud
from infra.local.facts import Block, Facts, Property, service_of
from infra.local.provider.outputs import digits
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.values import UNKNOWN

MARK = "generic-"
_ADDRESS = re.compile(
    r"^(nat|network|access|external|internal|private|public|first|gateway)?(ip|ipv4|address|ipaddress|host)$"
)
_NAMES = ("name", "accountId", "displayName", "title")


def generic(facts: Facts) -> Resource:
    """How a type without a table acts."""
    return Resource(id=_form(facts), kind="generic", identify=_last(facts))


def _form(facts: Facts) -> str:
    """`projects/P/zones/Z/instances/NAME`, as far as the inputs tell of it."""
    inputs = facts.inputs
    parts = ["projects/{project}"] if "project" in inputs else []
    kind = facts.type.rpartition(":")[2]
    compute = service_of(facts.type) == "compute"
    if "zone" in inputs:
        parts.append("zones/{zone}")
    elif "region" in inputs:
        parts.append("regions/{region}" if compute else "locations/{region}")
    elif "location" in inputs:
        parts.append("locations/{location}")
    elif compute and parts:
        parts.append("global")
    return "/".join([*parts, f"{kind[0].lower()}{kind[1:]}s", "{own}"])


def _last(facts: Facts) -> Any:
    """The id's last part: the given name, or what else names the resource, or a number."""
    ids = [name for name, one in facts.inputs.items() if name.endswith("Id") and one.type == "string" and not one.of]
    names = [*(name for name in _NAMES if name in facts.inputs), *ids]

    def identify(cloud: Cloud, inputs: Mapping[str, Any], place: Place) -> Values:
        given = [str(inputs[name]) for name in names if isinstance(inputs.get(name), str) and inputs[name]]
        # An association of two things has no name of its own.
        own = given[0].rpartition("/")[2] if given and given[0].rpartition("/")[2] else digits(place.urn, 19)
        return {"zone": inputs.get("zone") or f"{place.region}-b", "own": own}

    return identify


def shaped(prop: Property, place: Place) -> Any:
    """A value of an output's type, for what nobody can know here."""
    if prop.of == "map":
        return {}
    if prop.block is not None:
        value = {name: shaped(one, place) for name, one in prop.block.items()}
    else:
        value = _scalar(prop, place)
    return [value] if prop.of else value


def _scalar(prop: Property, place: Place) -> Any:
    name = prop.name
    lower = name.lower()
    number = digits(f"{place.id} {name}", 19)
    if prop.type in ("integer", "number"):
        return int(number[:9]) if lower.endswith(("id", "number")) else 0
    if prop.type == "boolean":
        return False
    if _ADDRESS.match(lower):
        return str(ipaddress.IPv4Address("203.0.113.0") + int(number) % 254 + 1)
    if lower.endswith(("time", "timestamp")):
        return place.created
    if lower == "selflink":
        return f"https://www.googleapis.com/{service_of(place.type)}/v1/{place.id}"
    if lower.endswith(("url", "uri", "endpoint")):
        return f"https://{MARK}{digits(place.id, 7)}.invalid"
    if lower.endswith("email") or lower == "serviceaccount":
        return f"{MARK}{digits(place.id, 7)}@{place.project or 'local'}.iam.gserviceaccount.com"
    if lower.endswith(("id", "number")):
        return number
    return f"{MARK}{name}"


def inside(block: Block, values: Mapping[str, Any], place: Place | None) -> Values:
    """Given values with the outputs within their blocks, and the blocks and addresses that the cloud would have chosen;
    unknown without a place, as in preview.
    """
    whole = dict(values)
    for name, prop in block.items():
        value = whole.get(name)
        if value is None:
            if prop.output or (prop.computed and (prop.block is not None or _ADDRESS.match(name.lower()))):
                whole[name] = UNKNOWN if place is None else _chosen(prop, place)
        elif prop.block is not None and not prop.output:
            if isinstance(value, list):
                whole[name] = [inside(prop.block, one, place) if isinstance(one, Mapping) else one for one in value]
            elif isinstance(value, Mapping):
                whole[name] = inside(prop.block, value, place)
    return {name: value for name, value in whole.items() if value is not None}


def _chosen(prop: Property, place: Place) -> Any:
    """An output, or what the cloud chooses where it is not given: of a block, what is not the program's to say."""
    if prop.output or prop.block is None:
        return shaped(prop, place)
    told = {name: one for name, one in prop.block.items() if one.output or (one.computed and not one.block)}
    chosen = {name: shaped(one, place) for name, one in (told or prop.block).items() if told or not one.block}
    if not chosen:
        return None
    return [chosen] if prop.of else chosen
