"""Memorystore for Valkey: an instance without cluster mode is a real Valkey or Redis on 127.0.0.1, opened by access
tokens and encrypted as it is declared. A cluster is declared.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from infra.local.certificates import described
from infra.local.cloud import Cloud
from infra.local.facts import facts_of
from infra.local.provider.generic import shaped
from infra.local.provider.outputs import digits
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem, between, found, matches
from infra.local.provider.values import at
from infra.local.services.redis import NO_SERVER
from infra.local.supervisor import stores
from infra.local.supervisor.redis_server import ENDING, server_program

INSTANCE = "gcp:memorystore/instance:Instance"
POLICY = "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy"
NETWORK = "gcp:compute/network:Network"
ALONE = "CLUSTER_DISABLED"
PORT = 6379
# Total memory of a node in GB: cloud.google.com/memorystore/docs/valkey/instance-node-specification
_NODES = {
    "SHARED_CORE_NANO": 1.4,
    "CUSTOM_PICO": 1.0,
    "CUSTOM_MICRO": 2.0,
    "CUSTOM_MINI": 3.0,
    "STANDARD_SMALL": 6.5,
    "HIGHCPU_MEDIUM": 6.5,
    "HIGHMEM_MEDIUM": 13.0,
    "STANDARD_LARGE": 26.0,
    "HIGHMEM_XLARGE": 58.0,
    "HIGHMEM_2XLARGE": 116.0,
}
_DEFAULT_NODE = "HIGHMEM_MEDIUM"
_WRITABLE = 0.8
"""The share of a node's memory that records get."""
_GB = 2**30
_BAD = "googleapi: Error 400: {value} is no valid value., badRequest"


def _of_one_shard(inputs: Inputs) -> Iterator[Problem]:
    if at(inputs, "mode") != ALONE:
        for where, value in found(inputs, "nodeType"):
            if str(value).startswith("CUSTOM_"):
                yield where, f"googleapi: Error 400: {value} is for instances without cluster mode., badRequest"
        return
    for where, value in found(inputs, "shardCount"):
        if int(value) != 1:
            yield where, "googleapi: Error 400: An instance without cluster mode has one shard., badRequest"


def _runs_here(inputs: Inputs) -> bool:
    return bool(at(inputs, "mode") == ALONE)


def _specification(inputs: Inputs) -> Values:
    program = server_program()
    if program is None:
        raise Refused(f"{NO_SERVER}, and run this again.")
    configs = inputs.get("engineConfigs") or {}
    node = _NODES[str(inputs.get("nodeType") or _DEFAULT_NODE)]
    return {
        "program": program,
        "memory": math.floor(node * _WRITABLE * _GB),
        "policy": str(configs.get("maxmemory-policy") or "volatile-lru"),
        "auth": False,
        "iam": inputs.get("authorizationMode") == "IAM_AUTH",
        "tls": inputs.get("transitEncryptionMode") == "SERVER_AUTHENTICATION",
        "persistent": at(inputs, "persistenceConfig.mode") in ("AOF", "RDB"),
    }


def _run(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    if not _runs_here(inputs):
        return {}
    for one in inputs.get("desiredAutoCreatedEndpoints") or ():
        _require_policy(cloud, str(one["network"]), str(inputs["location"]))
    answer = stores.deployed(cloud, _name(inputs), _specification(inputs))
    if not answer["ok"]:
        raise Refused(f"Error waiting to create Instance: {answer['error']}")
    return {
        "endpoints": _endpoints(inputs, place, answer["port"]),
        "managedServerCas": _authorities(answer["authority"]),
    }


def _require_policy(cloud: Cloud, network: str, location: str) -> None:
    """Refuse an endpoint in a network of the stack's for which no policy lets Memorystore make one. Those of others may
    have one that the stack does not know.
    """
    called = network.rpartition("/")[2]
    if not any(str(one.inputs.get("name")) == called for one in cloud.all(NETWORK)):
        return
    for one in cloud.all(POLICY):
        where = str(one.inputs.get("network")).rpartition("/")[2], one.inputs.get("location")
        if where == (called, location) and one.inputs.get("serviceClass") == "gcp-memorystore":
            return
    raise Refused(
        f"googleapi: Error 400: no service connection policy of the service class gcp-memorystore covers {network} in"
        f" {location}., failedPrecondition"
    )


def _name(inputs: Mapping[str, Any]) -> str:
    return f"{inputs['instanceId']}{ENDING}"


def _endpoints(inputs: Inputs, place: Place, port: int, host: str = "127.0.0.1") -> list[Values]:
    """What is made in each network: one way to the primary, one to replicas, which is the same server here."""
    made = []
    for number, wanted in enumerate(inputs.get("desiredAutoCreatedEndpoints") or ()):
        common = {
            "ipAddress": host,
            "network": wanted["network"],
            "port": port,
            "projectId": wanted["projectId"],
            "serviceAttachment": "",
        }
        kinds = ("PRIMARY", "READER")
        made.append(
            {
                "connections": [
                    {
                        "pscAutoConnection": {
                            **common,
                            "connectionType": f"CONNECTION_TYPE_{kind}",
                            "forwardingRule": f"sca-auto-fr-{digits(f'{place.id} {number} {kind}', 8)}",
                            "pscConnectionId": digits(f"{place.id} {number} {kind}", 17),
                        }
                    }
                    for kind in kinds
                ]
            }
        )
    return made


def _authorities(certificate: str) -> list[Values]:
    """Where an instance is encrypted, what its certificate is signed with."""
    return [{"caCerts": [{"certificates": [described(certificate)["cert"]]}]}] if certificate else []


def _read(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    if not _runs_here(inputs):
        return {}
    port = stores.port(cloud, _name(outputs))
    return {"endpoints": _endpoints(inputs, place, port)} if port else None


def _remove(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    if old.get("deletionProtectionEnabled"):
        raise Refused(
            f"googleapi: Error 400: The instance {old['instanceId']} is protected against deletion: set"
            " deletionProtectionEnabled to false and run `up`., failedPrecondition"
        )
    stores.delete(cloud, _name(old))


def _recorded(inputs: Inputs, place: Place) -> Values:
    encrypted = inputs.get("transitEncryptionMode") == "SERVER_AUTHENTICATION"
    return {
        "endpoints": _endpoints(inputs, place, PORT, "10.0.0.3"),
        "managedServerCas": [{"caCerts": [{"certificates": [""]}]}] if encrypted else [],
    }


def _outputs(inputs: Inputs, place: Place) -> Values:
    node = _NODES.get(str(inputs.get("nodeType") or _DEFAULT_NODE), _NODES[_DEFAULT_NODE])
    facts = facts_of(INSTANCE)
    assert facts is not None  # for the type checker  # nosec B101
    return {
        **{name: shaped(facts.properties[name], place) for name in facts.computed if name not in inputs},
        "discoveryEndpoints": [],
        "name": place.id,
        "nodeConfigs": [{"sizeGb": node}],
        "state": "ACTIVE",
        "stateInfos": [],
    }


RESOURCES = {
    INSTANCE: Resource(
        id="projects/{project}/locations/{location}/instances/{instanceId}",
        kind="real",
        refuses=(
            matches("mode", "CLUSTER|CLUSTER_DISABLED", _BAD),
            matches("authorizationMode", "AUTH_DISABLED|IAM_AUTH|TOKEN_AUTH", _BAD),
            matches("transitEncryptionMode", "TRANSIT_ENCRYPTION_DISABLED|SERVER_AUTHENTICATION", _BAD),
            matches("nodeType", "|".join(_NODES), _BAD),
            matches("engineVersion", r"VALKEY_[0-9]+_[0-9]+", _BAD),
            matches("persistenceConfig.mode", "DISABLED|RDB|AOF", _BAD),
            between(
                "replicaCount", 0, 5, "googleapi: Error 400: A shard has 0 to 5 replicas; got {value}., badRequest"
            ),
            _of_one_shard,
        ),
        outputs=_outputs,
        recorded=_recorded,
        create=_run,
        delete=_remove,
        read=_read,
    ),
}
