"""Memorystore for Redis: an instance is a real Redis or Valkey on 127.0.0.1, with the password and the encryption that
it is declared with.
"""

from collections.abc import Iterator, Mapping

from infra.local.certificates import described
from infra.local.cloud import Cloud
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found, matches
from infra.local.provider.values import at
from infra.local.supervisor import stores
from infra.local.supervisor.redis_server import PROGRAMS, server_program

INSTANCE = "gcp:redis/instance:Instance"
NO_SERVER = (
    f"Memorystore is a real server here, and neither {' nor '.join(PROGRAMS)} is on PATH. Install the package"
    " redis-server or valkey (Debian, Ubuntu: apt-get install redis-server)"
)

_VERSIONS = ("REDIS_3_2", "REDIS_4_0", "REDIS_5_0", "REDIS_6_X", "REDIS_7_0", "REDIS_7_2")
_POLICIES = (
    "noeviction allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl".split()
)
# cloud.google.com/memorystore/docs/redis/supported-redis-configurations
_SETTINGS = frozenset(
    "activedefrag lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-user-del lazyfree-lazy-user-flush"
    " lfu-decay-time lfu-log-factor maxmemory-clients maxmemory-gb maxmemory-policy notify-keyspace-events"
    " stream-node-max-bytes stream-node-max-entries timeout".split()
)
_GIB = 2**30


def _size(inputs: Inputs) -> Iterator[Problem]:
    for where, value in found(inputs, "memorySizeGb"):
        if not 1 <= int(float(value)) <= 300:
            yield where, f"googleapi: Error 400: Instance size must be from 1 to 300 GB; got {value}., badRequest"


def _settings(inputs: Inputs) -> Iterator[Problem]:
    configs = at(inputs, "redisConfigs")
    for key, value in configs.items() if isinstance(configs, Mapping) else ():
        if key not in _SETTINGS or (key == "maxmemory-policy" and value not in _POLICIES):
            yield f"redisConfigs.{key}", f"googleapi: Error 400: Invalid Redis config {key}={value}., badRequest"


def _replicas(inputs: Inputs) -> Iterator[Problem]:
    if at(inputs, "readReplicasMode") == "READ_REPLICAS_ENABLED" and at(inputs, "tier") in (None, "BASIC"):
        yield "readReplicasMode", "googleapi: Error 400: Read replicas need the tier STANDARD_HA., badRequest"


def _specification(inputs: Inputs) -> Values:
    program = server_program()
    if program is None:
        raise Refused(f"{NO_SERVER}, and run this again.")
    configs = inputs.get("redisConfigs") or {}
    return {
        "program": program,
        "memory": int(float(configs.get("maxmemory-gb") or inputs["memorySizeGb"]) * _GIB),
        "policy": str(configs.get("maxmemory-policy") or "volatile-lru"),
        "auth": bool(inputs.get("authEnabled")),
        "tls": inputs.get("transitEncryptionMode") == "SERVER_AUTHENTICATION",
        "persistent": at(inputs, "persistenceConfig.persistenceMode") == "RDB",
    }


def _run(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    answer = stores.deployed(cloud, str(inputs["name"]), _specification(inputs))
    if not answer["ok"]:
        raise Refused(f"Error waiting to create Instance: {answer['error']}")
    authority = answer["authority"]
    return {
        "host": "127.0.0.1",
        "port": answer["port"],
        "authString": answer["password"],
        "serverCaCerts": [described(authority)] if authority else [],
    }


def _read(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    port = stores.port(cloud, str(outputs["name"]))
    return {"port": port} if port else None


def _remove(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    if old.get("deletionProtection"):
        raise Refused(
            "cannot destroy redis instance without setting deletion_protection=false and running `terraform apply`"
            " (here: set deletionProtection to false and run `up`)"
        )
    stores.delete(cloud, str(old["name"]))


def _recorded(inputs: Inputs, place: Place) -> Values:
    authority = {name: "" for name in ("cert", "createTime", "expireTime", "serialNumber", "sha1Fingerprint")}
    return {"host": "10.0.0.3", "port": 6378, "authString": "recorded", "serverCaCerts": [authority]}


def _outputs(inputs: Inputs, place: Place) -> Values:
    zone = f"{place.region}-b"
    return {
        "currentLocationId": inputs.get("locationId") or zone,
        "effectiveReservedIpRange": inputs.get("reservedIpRange") or "",
        "maintenanceSchedules": [],
        "nodes": [{"id": "node-0", "zone": zone}],
        "persistenceIamIdentity": "",
        "readEndpoint": "",
        "readEndpointPort": 0,
    }


RESOURCES = {
    INSTANCE: Resource(
        id="projects/{project}/locations/{region}/instances/{name}",
        kind="real",
        refuses=(
            _size,
            matches(
                "redisVersion",
                "|".join(_VERSIONS),
                "googleapi: Error 400: Redis version {value} is not supported., badRequest",
            ),
            _settings,
            _replicas,
        ),
        outputs=_outputs,
        recorded=_recorded,
        create=_run,
        delete=_remove,
        read=_read,
    ),
}
