"""What a stack declares of a load balancer: from a forwarding rule to its proxy, its URL map and its backends."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.balancer.armor import Policy
from infra.local.balancer.url_map import backends_of
from infra.local.cloud import Cloud, Record

RULE = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
URL_MAP = "gcp:compute/uRLMap:URLMap"
_HTTPS, _HTTP = "gcp:compute/targetHttpsProxy:TargetHttpsProxy", "gcp:compute/targetHttpProxy:TargetHttpProxy"
_BACKEND = "gcp:compute/backendService:BackendService"
_GROUP = "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup"
_POLICY, _POLICY_RULE = (
    "gcp:compute/securityPolicy:SecurityPolicy",
    "gcp:compute/securityPolicyRule:SecurityPolicyRule",
)
_CERTIFICATE = "gcp:compute/managedSslCertificate:ManagedSslCertificate"
TYPES = (RULE, URL_MAP, _HTTPS, _HTTP, _BACKEND, _GROUP, _POLICY, _POLICY_RULE, _CERTIFICATE)


@dataclass(frozen=True)
class Backend:
    """A backend service: the Cloud Run service behind it, the tag of the revision that it leads to, the policy before
    it. `lacks` says why this machine has nothing behind it.
    """

    service: str = ""
    tag: str = ""
    policy: Policy | None = None
    lacks: str = ""


@dataclass(frozen=True)
class Declared:
    """A load balancer. `declared_only` are settings of it that do nothing here."""

    name: str
    secure: bool
    url_map: Mapping[str, Any]
    backends: Mapping[str, Backend]
    domains: tuple[str, ...] = ()
    declared_only: tuple[str, ...] = ()

    def services(self) -> set[str]:
        """The Cloud Run services that it leads to."""
        return {backend.service for backend in self.backends.values() if backend.service}


@dataclass
class Reader:
    """Reads what is declared, and keeps the counts of policies that have not changed since."""

    cloud: Cloud
    _policies: dict[tuple[str, str], Policy] = field(default_factory=dict)

    def read(self) -> Iterator[Declared]:
        """Every external load balancer of the stack that leads somewhere."""
        found = {short_of(record.id): record for record in self.cloud.all(*TYPES)}
        for record in found.values():
            if record.type == RULE and (declared := self._balancer(record, found)):
                yield declared

    def _balancer(self, rule: Record, found: Mapping[str, Record]) -> Declared | None:
        proxy = found.get(short_of(rule.inputs.get("target")))
        if proxy is None or proxy.type not in (_HTTPS, _HTTP):
            return None
        url_map = found.get(short_of(proxy.inputs.get("urlMap")))
        if url_map is None:
            return None
        backends = {name: self._backend(found.get(short_of(name)), found) for name in backends_of(url_map.inputs)}
        certificates = [found.get(short_of(name)) for name in proxy.inputs.get("sslCertificates") or ()]
        managed = (one.inputs.get("managed") or {} for one in certificates if one and one.type == _CERTIFICATE)
        hosts = [host for one in url_map.inputs.get("hostRules") or () for host in one.get("hosts") or ()]
        domains = dict.fromkeys(
            [*(str(name) for one in managed for name in one.get("domains") or ()), *map(str, hosts)]
        )
        return Declared(
            name=str(rule.inputs["name"]),
            secure=proxy.type == _HTTPS,
            url_map=url_map.inputs,
            backends=backends,
            domains=tuple(name for name in domains if name != "*"),
            declared_only=tuple(_declared_only(backends, found)),
        )

    def _backend(self, record: Record | None, found: Mapping[str, Record]) -> Backend:
        if record is None or record.type != _BACKEND:
            return Backend(lacks="it is no backend service of this stack")
        policy = self._policy(record, found)
        groups = [found.get(short_of(one.get("group"))) for one in record.inputs.get("backends") or ()]
        run = next((one.inputs.get("cloudRun") for one in groups if one and one.inputs.get("cloudRun")), None)
        if not run or not run.get("service"):
            return Backend(policy=policy, lacks="it has no Cloud Run service that is named")
        return Backend(str(run["service"]).rpartition("/")[2], str(run.get("tag") or ""), policy)

    def _policy(self, backend: Record, found: Mapping[str, Record]) -> Policy | None:
        """The policy before a backend: each counts for itself."""
        record = found.get(short_of(backend.inputs.get("securityPolicy")))
        if record is None:
            return None
        own = short_of(record.id)
        rules = [*(record.inputs.get("rules") or ())]
        rules += [
            one.inputs
            for one in found.values()
            if one.type == _POLICY_RULE and _is_of(one.inputs.get("securityPolicy"), own)
        ]
        key = short_of(backend.id), json.dumps(rules, sort_keys=True, default=str)
        if key not in self._policies:
            self._policies = {known: one for known, one in self._policies.items() if known[0] != key[0]}
            self._policies[key] = Policy(f"{record.inputs['name']} ({backend.inputs['name']})", rules)
        return self._policies[key]


def short_of(name: Any) -> str:
    """A resource's name from its project on, whether it is given as a link or an id."""
    text = str(name or "")
    place = text.find("projects/")
    return text[place:] if place >= 0 else text


def _is_of(named: Any, policy: str) -> bool:
    return short_of(named) == policy or str(named) == policy.rpartition("/")[2]


def _declared_only(backends: Mapping[str, Backend], found: Mapping[str, Record]) -> Iterator[str]:
    for name in backends:
        record = found.get(short_of(name))
        if record and (record.inputs.get("iap") or {}).get("enabled"):
            yield f"Identity-Aware Proxy before {record.inputs['name']}"
        if record and record.inputs.get("enableCdn"):
            yield f"Cloud CDN before {record.inputs['name']}"
