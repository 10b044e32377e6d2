"""The external load balancer with Cloud Armor before the scoring service, for stacks that name a domain."""

from collections.abc import Mapping, Sequence

import pulumi

from infra.component import Component
from infra.config import CANARY_TAG, REVISION_HEADER, Settings
from infra.hooks import PATHS, HooksService
from infra.scoring import ScoringService
from infra.sdk import declared_by_type

LOWEST_PRIORITY = 2_147_483_647
EVERYONE = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
KEY_HEADER = "x-api-key"


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
        armor = self._armor(_for_callers(settings))
        backend = self._backend(service.name, armor)
        rules = [_canary_rule(self._backend(service.name, armor, "canary-", CANARY_TAG))]
        if hooks:
            guard = self._armor(_for_strangers(settings), "hooks-")
            rules = [_hooks_rule(self._backend(hooks.name, guard, "hooks-")), *rules]
        routes = self._declare(
            "uRLMap:URLMap",
            "routes",
            {
                "defaultService": backend.id,
                "hostRules": [{"hosts": [settings.domain], "pathMatcher": "revisions"}],
                "pathMatchers": [{"name": "revisions", "defaultService": backend.id, "routeRules": rules}],
            },
        )
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

    def _armor(self, limits: Sequence[Mapping[str, object]], of: str = "") -> pulumi.CustomResource:
        rules = {"type": "CLOUD_ARMOR", "rules": _rules(limits)}
        return self._declare("securityPolicy:SecurityPolicy", f"{of}armor", rules)

    def _backend(
        self, service: pulumi.Output[str], armor: pulumi.CustomResource, of: str = "", tag: str | None = None
    ) -> pulumi.CustomResource:
        group = self._declare(
            "regionNetworkEndpointGroup:RegionNetworkEndpointGroup",
            f"{of}service",
            {
                "region": self._settings.region,
                "networkEndpointType": "SERVERLESS",
                "cloudRun": {"service": service, **({"tag": tag} if tag else {})},
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


def _hooks_rule(hooks: pulumi.CustomResource) -> Mapping[str, object]:
    """What sends webhooks to their own backend."""
    return {"priority": 1, "matchRules": [{"prefixMatch": PATHS}], "service": hooks.id}


def _canary_rule(canary: pulumi.CustomResource) -> Mapping[str, object]:
    """What sends a deployment's example orders to the canary, whatever its share of the traffic."""
    header = {"headerName": REVISION_HEADER, "exactMatch": CANARY_TAG}
    return {"priority": 2, "matchRules": [{"prefixMatch": "/", "headerMatches": [header]}], "service": canary.id}


def _for_callers(settings: Settings) -> list[Mapping[str, object]]:
    """By key where there is one, since a whole shop may stand behind one address; by address where there is none."""
    return [
        {
            "priority": 900,
            "description": "Requests with one API key in a minute",
            "action": "throttle",
            "match": {"expr": {"expression": f"has(request.headers['{KEY_HEADER}'])"}},
            "rateLimitOptions": _limit(
                settings.requests_per_minute_of_key, {"enforceOnKey": "HTTP_HEADER", "enforceOnKeyName": KEY_HEADER}
            ),
        },
        *_for_strangers(settings),
    ]


def _for_strangers(settings: Settings) -> list[Mapping[str, object]]:
    return [
        {
            "priority": 1000,
            "description": "Requests from one address in a minute",
            "action": "throttle",
            "match": EVERYONE,
            "rateLimitOptions": _limit(settings.requests_per_minute, {"enforceOnKey": "IP"}),
        }
    ]


def _limit(count: int, whose: Mapping[str, str]) -> Mapping[str, object]:
    threshold = {"count": count, "intervalSec": 60}
    return {"conformAction": "allow", "exceedAction": "deny(429)", **whose, "rateLimitThreshold": threshold}


def _rules(limits: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return [
        {
            "priority": 100,
            "description": "Known attacks, Log4Shell among them",
            "action": "deny(403)",
            "match": {"expr": {"expression": "evaluatePreconfiguredWaf('cve-canary')"}},
        },
        *limits,
        {"priority": LOWEST_PRIORITY, "description": "Everything else", "action": "allow", "match": EVERYONE},
    ]
