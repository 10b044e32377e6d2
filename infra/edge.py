"""The external load balancer with Cloud Armor before the scoring service, for stacks that name a domain."""

from collections.abc import Mapping

import pulumi

from infra.component import Component
from infra.config import Settings
from infra.scoring import ScoringService
from infra.sdk import declared_by_type

LOWEST_PRIORITY = 2_147_483_647


class Edge(Component):
    """Takes HTTPS requests for the stack's domain, limits their rate, drops known attacks and passes the rest to the
    service.

    The service accepts requests from the load balancer alone, and its callers still need an identity token for the
    domain and an API key. Point the domain's A record at the address; Google then issues the certificate.
    """

    def __init__(
        self, name: str, settings: Settings, service: ScoringService, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._settings = settings
        address = self._declare("globalAddress:GlobalAddress", "address", {"addressType": "EXTERNAL", "address": None})
        backend = self._backend(service)
        routes = self._declare("uRLMap:URLMap", "routes", {"defaultService": backend.id})
        # Named by the engine: another domain needs another certificate, and Google deletes none that is in use. With a
        # name of ours the old one would have to go first.
        certificate = self._declare(
            "managedSslCertificate:ManagedSslCertificate",
            "certificate",
            {"name": None, "managed": {"domains": [settings.domain]}},
        )
        encryption = self._declare("sSLPolicy:SSLPolicy", "tls", {"minTlsVersion": "TLS_1_2", "profile": "MODERN"})
        proxy = self._declare(
            "targetHttpsProxy:TargetHttpsProxy",
            "proxy",
            {"urlMap": routes.id, "sslCertificates": [certificate.id], "sslPolicy": encryption.id},
        )
        self._declare(
            "globalForwardingRule:GlobalForwardingRule",
            "https",
            {
                "target": proxy.id,
                "ipAddress": address.id,
                "portRange": "443",
                "loadBalancingScheme": "EXTERNAL_MANAGED",
            },
        )
        self.address: pulumi.Output[str] = pulumi.get(address, "address")
        self.register_outputs({"address": self.address})

    def _backend(self, service: ScoringService) -> pulumi.CustomResource:
        armor = self._declare(
            "securityPolicy:SecurityPolicy",
            "armor",
            {"type": "CLOUD_ARMOR", "rules": _rules(self._settings.requests_per_minute)},
        )
        group = self._declare(
            "regionNetworkEndpointGroup:RegionNetworkEndpointGroup",
            "service",
            {
                "region": self._settings.region,
                "networkEndpointType": "SERVERLESS",
                "cloudRun": {"service": service.name},
            },
        )
        return self._declare(
            "backendService:BackendService",
            "backend",
            {
                "protocol": "HTTPS",
                "loadBalancingScheme": "EXTERNAL_MANAGED",
                "securityPolicy": armor.id,
                "backends": [{"group": group.id}],
                "logConfig": {"enable": True, "sampleRate": 1.0},
            },
        )

    def _declare(self, resource_type: str, name: str, inputs: Mapping[str, object]) -> pulumi.CustomResource:
        named = {"name": self._settings.name(f"edge-{name}"), **inputs}
        return declared_by_type(self, f"gcp:compute/{resource_type}", f"edge-{name}", named)


def _rules(requests_per_minute: int) -> list[Mapping[str, object]]:
    everyone = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
    return [
        {
            "priority": 100,
            "description": "Known attacks, Log4Shell among them",
            "action": "deny(403)",
            "match": {"expr": {"expression": "evaluatePreconfiguredWaf('cve-canary')"}},
        },
        {
            "priority": 1000,
            "description": "Requests from one address in a minute",
            "action": "throttle",
            "match": everyone,
            "rateLimitOptions": {
                "conformAction": "allow",
                "exceedAction": "deny(429)",
                "enforceOnKey": "IP",
                "rateLimitThreshold": {"count": requests_per_minute, "intervalSec": 60},
            },
        },
        {"priority": LOWEST_PRIORITY, "description": "Everything else", "action": "allow", "match": everyone},
    ]
