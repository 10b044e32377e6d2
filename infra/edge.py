"""The external load balancer with Cloud Armor before the scoring service, for stacks that name a domain."""

from collections.abc import Mapping

import pulumi

from infra.component import Component
from infra.config import Settings
from infra.hooks import PATHS, HooksService
from infra.scoring import ScoringService
from infra.sdk import declared_by_type

LOWEST_PRIORITY = 2_147_483_647


class Edge(Component):
    """Takes HTTPS requests for the stack's domain, limits their rate, drops known attacks and passes the rest to the
    service.

    The service accepts requests from the load balancer alone, and its callers still need an identity token for the
    domain and an API key. Webhooks go to a service of their own, by their path, through a policy of their own.
    Point the domain's A record at the address; Google then issues the certificate.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        service: ScoringService,
        hooks: HooksService | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self._settings = settings
        address = self._declare("globalAddress:GlobalAddress", "address", {"addressType": "EXTERNAL", "address": None})
        backend = self._backend(service.name)
        by_path = self._by_path(backend, self._backend(hooks.name, "hooks-")) if hooks else {}
        routes = self._declare("uRLMap:URLMap", "routes", {"defaultService": backend.id, **by_path})
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

    def _by_path(self, others: pulumi.CustomResource, hooks: pulumi.CustomResource) -> dict[str, object]:
        """What sends webhooks to their own backend."""
        rule = {"paths": [PATHS], "service": hooks.id}
        return {
            "hostRules": [{"hosts": [self._settings.domain], "pathMatcher": "hooks"}],
            "pathMatchers": [{"name": "hooks", "defaultService": others.id, "pathRules": [rule]}],
        }

    def _backend(self, service: pulumi.Output[str], of: str = "") -> pulumi.CustomResource:
        armor = self._declare(
            "securityPolicy:SecurityPolicy",
            f"{of}armor",
            {"type": "CLOUD_ARMOR", "rules": _rules(self._settings.requests_per_minute)},
        )
        group = self._declare(
            "regionNetworkEndpointGroup:RegionNetworkEndpointGroup",
            f"{of}service",
            {
                "region": self._settings.region,
                "networkEndpointType": "SERVERLESS",
                "cloudRun": {"service": service},
            },
        )
        return self._declare(
            "backendService:BackendService",
            f"{of}backend",
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
