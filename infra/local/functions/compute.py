"""Zones, networks, images and versions: what every project has before anything is made in it."""

import ipaddress
from typing import Any

from infra.local.cloud import Values
from infra.local.functions import records
from infra.local.functions.asked import Asked, Function
from infra.local.provider.outputs import digits
from infra.local.provider.resource import Refused
from infra.local.refusals.places import PUBLIC_REGIONS, zones_of

_COMPUTE = "https://www.googleapis.com/compute/v1/"
_AUTO = ipaddress.IPv4Network("10.128.0.0/9")
_FAMILIES = {
    "debian-cloud": "debian-12",
    "ubuntu-os-cloud": "ubuntu-2404-lts-amd64",
    "cos-cloud": "cos-stable",
    "rocky-linux-cloud": "rocky-linux-9",
    "rhel-cloud": "rhel-9",
    "windows-cloud": "windows-2022",
}
_GKE = ("1.34.1-gke.2037000", "1.33.5-gke.1308000", "1.32.9-gke.1207000")


def _regions(asked: Asked) -> Values:
    project = asked.project
    return {"id": f"projects/{project}", "names": PUBLIC_REGIONS, "project": project, **_status(asked)}


def _zones(asked: Asked) -> Values:
    project, region = asked.project, asked.region
    if region not in PUBLIC_REGIONS:
        raise Refused(
            f"googleapi: Error 404: The resource 'projects/{project}/regions/{region}' was not found, notFound"
        )
    return {
        "id": f"projects/{project}/regions/{region}",
        "names": zones_of(region),
        "project": project,
        "region": region,
        **_status(asked),
    }


def _status(asked: Asked) -> dict[str, Any]:
    return {"status": asked.arguments["status"]} if asked.arguments.get("status") else {}


def _image(asked: Asked) -> Values:
    family, name = asked.arguments.get("family"), asked.arguments.get("name")
    if made := asked.record("gcp:compute/image:Image", **({"name": name} if name else {"family": family})):
        return {**made.outputs, "id": made.id}
    project = asked.project
    if project == asked.configured.get("project") or not (family or name):
        raise Refused(records.not_found(asked, "this stack made no such image"))
    family = str(family or _FAMILIES.get(project) or str(name).rpartition("-v")[0])
    name = str(name or f"{family}-v20251111")
    path = f"projects/{project}/global/images/{name}"
    return {
        "id": path,
        "name": name,
        "family": family,
        "project": project,
        "selfLink": _COMPUTE + path,
        "imageId": digits(path, 19),
        "creationTimestamp": "2025-11-11T00:00:00.000-08:00",
        "description": family,
        "diskSizeGb": 10,
        "archiveSizeBytes": 1_000_000_000,
        "status": "READY",
        "licenses": [f"{_COMPUTE}projects/{project}/global/licenses/{family}"],
        "labels": {},
    }


def _network(asked: Asked) -> Values:
    """A network of this stack's, or the default one that a project begins with."""
    name, project = str(asked.arguments.get("name")), asked.project
    if made := asked.record("gcp:compute/network:Network", name=name):
        own = [str(one.outputs.get("selfLink")) for one in asked.records(_SUBNETWORK, network=name)]
        return {**made.outputs, "id": made.id, "subnetworksSelfLinks": own}
    if name != "default":
        raise Refused(records.not_found(asked, "a project has the network 'default' and those that the program makes"))
    path = f"projects/{project}/global/networks/default"
    return {
        "id": path,
        "name": "default",
        "project": project,
        "description": "Default network for the project",
        "selfLink": _COMPUTE + path,
        "numericId": digits(path, 19),
        "networkId": int(digits(path, 15)),
        "gatewayIpv4": "",
        "subnetworksSelfLinks": [
            f"{_COMPUTE}projects/{project}/regions/{region}/subnetworks/default" for region in PUBLIC_REGIONS
        ],
    }


_SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"


def _subnetwork(asked: Asked) -> Values:
    link = str(asked.arguments.get("selfLink") or "")
    name = str(asked.arguments.get("name") or link.rpartition("/")[2])
    region = link.partition("/regions/")[2].partition("/")[0] or asked.region
    if made := asked.record(_SUBNETWORK, name=name, region=region or None):
        return {**made.outputs, "id": made.id}
    if name != "default" or region not in PUBLIC_REGIONS:
        raise Refused(
            records.not_found(asked, "each region has the subnetwork 'default' and those that the program makes")
        )
    project, path = asked.project, f"projects/{asked.project}/regions/{region}/subnetworks/default"
    block = tuple(_AUTO.subnets(new_prefix=20))[PUBLIC_REGIONS.index(region)]
    return {
        "id": path,
        "name": "default",
        "project": project,
        "region": region,
        "network": f"{_COMPUTE}projects/{project}/global/networks/default",
        "ipCidrRange": str(block),
        "gatewayAddress": str(block[1]),
        "selfLink": _COMPUTE + path,
        "subnetworkId": int(digits(path, 15)),
        "privateIpGoogleAccess": False,
        "secondaryIpRanges": [],
        "stackType": "IPV4_ONLY",
    }


def _machine_types(asked: Asked) -> Values:
    zone = str(asked.arguments.get("zone") or asked.configured.get("zone") or "")
    sizes = {"e2-micro": (2, 1024), "e2-small": (2, 2048), "e2-medium": (2, 4096)}
    sizes |= {f"{kind}-standard-{count}": (count, count * 4096) for kind in ("e2", "n2") for count in (2, 4, 8, 16)}
    listed = [
        {
            "name": name,
            "guestCpus": cpus,
            "memoryMb": memory,
            "selfLink": f"{_COMPUTE}projects/{asked.project}/zones/{zone}/machineTypes/{name}",
        }
        for name, (cpus, memory) in sizes.items()
    ]
    return {**asked.arguments, "id": zone, "zone": zone, "project": asked.project, "machineTypes": listed}


def _engine_versions(asked: Asked) -> Values:
    prefix = str(asked.arguments.get("versionPrefix") or "")
    listed = [one for one in _GKE if one.startswith(prefix)]
    newest = listed[0] if listed else ""
    return {
        "id": "2026-11-01 00:00:00 +0000 UTC",
        "location": str(asked.arguments.get("location") or asked.region),
        "project": asked.project,
        "versionPrefix": prefix,
        "defaultClusterVersion": _GKE[1],
        "latestMasterVersion": newest,
        "latestNodeVersion": newest,
        "validMasterVersions": listed,
        "validNodeVersions": listed,
        "releaseChannelDefaultVersion": dict(zip(("RAPID", "REGULAR", "STABLE"), _GKE)),
        "releaseChannelLatestVersion": dict(zip(("RAPID", "REGULAR", "STABLE"), _GKE)),
        "releaseChannelUpgradeTargetVersion": dict(zip(("RAPID", "REGULAR", "STABLE"), _GKE)),
    }


def _registry(asked: Asked) -> Values:
    region = asked.arguments.get("region")
    host = f"{region}.gcr.io" if region else "gcr.io"
    project = asked.project.replace(":", "/")
    url = f"{host}/{project}"
    if "name" in asked.arguments:
        tag, digest = asked.arguments.get("tag"), asked.arguments.get("digest")
        end = f"@{digest}" if digest else f":{tag}" if tag else ""
        return {**asked.arguments, "id": url, "project": project, "imageUrl": f"{url}/{asked.arguments['name']}{end}"}
    return {"id": url, "project": project, "repositoryUrl": url, **({"region": region} if region else {})}


def _health_checkers(asked: Asked) -> Values:
    # cloud.google.com/load-balancing/docs/health-check-concepts#ip-ranges
    return {
        "id": "1",
        "httpSslTcpInternals": ["130.211.0.0/22", "35.191.0.0/16"],
        "networks": ["209.85.152.0/22", "209.85.204.0/22", "35.191.0.0/16"],
    }


FUNCTIONS: dict[str, Function] = {
    "gcp:compute/getRegions:getRegions": _regions,
    "gcp:compute/getZones:getZones": _zones,
    "gcp:compute/getImage:getImage": _image,
    "gcp:compute/getNetwork:getNetwork": _network,
    "gcp:compute/getSubnetwork:getSubnetwork": _subnetwork,
    "gcp:compute/getMachineTypes:getMachineTypes": _machine_types,
    "gcp:compute/getLBIPRanges:getLBIPRanges": _health_checkers,
    "gcp:container/getEngineVersions:getEngineVersions": _engine_versions,
    "gcp:container/getRegistryImage:getRegistryImage": _registry,
    "gcp:container/getRegistryRepository:getRegistryRepository": _registry,
}
