"""Examples for what watches and guards: alerts, logs, budgets, and the edge of the network."""

from typing import Any

from policies.testing import Declared, Examples, StackExamples

ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"
METRIC = "gcp:logging/metric:Metric"
SINK = "gcp:logging/projectSink:ProjectSink"
BUCKET = "gcp:storage/bucket:Bucket"
AUDIT = "gcp:projects/iAMAuditConfig:IAMAuditConfig"

_SERVICE = Declared("gcp:cloudrunv2/service:Service", "scorer", {"name": "p-prod-scorer"})
_WATCHED = {"conditions": [{"conditionThreshold": {"filter": 'resource.labels.service_name="p-prod-scorer"'}}]}
_NETWORK = Declared("gcp:compute/network:Network", "n", {"name": "orders"})
_DATA = Declared(BUCKET, "raw", {"name": "p-prod-raw"})
_COUNTED = {
    "ownership": 'protoPayload.serviceName="cloudresourcemanager.googleapis.com" AND "roles/owner"',
    "audit": "protoPayload.serviceData.policyDelta.auditConfigDeltas:*",
    "roles": 'resource.type="iam_role"',
    "buckets": 'protoPayload.methodName="storage.setIamPermissions"',
}
_METRICS = [Declared(METRIC, name, {"name": f"changes-{name}", "filter": text}) for name, text in _COUNTED.items()]
_ALERTS = [
    Declared(
        ALERT,
        f"alert-{name}",
        {
            "conditions": [
                {"conditionThreshold": {"filter": f'metric.type="logging.googleapis.com/user/changes-{name}"'}}
            ]
        },
    )
    for name in _COUNTED
]
_MATCHED = [
    Declared(ALERT, f"matched-{name}", {"conditions": [{"conditionMatchedLog": {"filter": text}}]})
    for name, text in _COUNTED.items()
]


def _audit(service: str, *kinds: str) -> Declared:
    return Declared(AUDIT, f"audit-{service}", {"service": service, "auditLogConfigs": [{"logType": k} for k in kinds]})


def _services(*names: str) -> list[Declared]:
    return [Declared("gcp:projects/service:Service", name, {"service": name}) for name in names]


_ATTESTED = {"evaluationMode": "REQUIRE_ATTESTATION", "enforcementMode": "ENFORCED_BLOCK_AND_AUDIT_LOG"}

_CANARY = {"expr": {"expression": "evaluatePreconfiguredWaf('cve-canary')"}}


def _armor(*rules: dict[str, Any]) -> Declared:
    return Declared("gcp:compute/securityPolicy:SecurityPolicy", "edge", {"name": "edge", "rules": list(rules)})


def _armor_rule(properties: dict[str, Any]) -> Declared:
    return Declared(
        "gcp:compute/securityPolicyRule:SecurityPolicyRule",
        "rule",
        {**properties, "securityPolicy": "edge"},
        depends={"securityPolicy": ["edge"]},
    )


EXAMPLES: tuple[Examples | StackExamples, ...] = (
    StackExamples(
        "alerts-for-every-service",
        holds=[
            [_SERVICE, Declared(ALERT, "errors", _WATCHED)],
            [_SERVICE, Declared(ALERT, "errors", {}, depends={"conditions": ["scorer"]})],
        ],
        violated=[
            [_SERVICE],
            [_SERVICE, Declared(ALERT, "other", {"conditions": [{"displayName": "something"}]})],
            [
                _SERVICE,
                Declared(ALERT, "of-another", {"conditions": [{"displayName": "p-prod-scorer-canary is slow"}]}),
            ],
        ],
    ),
    StackExamples(
        "alerts-uptime-checks",
        holds=[
            [
                _SERVICE,
                Declared(
                    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig",
                    "up",
                    {"monitoredResource": {"labels": {"host": "p-prod-scorer.a.run.app"}}},
                ),
            ]
        ],
        violated=[[_SERVICE]],
    ),
    Examples(
        "alerts-reach-somebody",
        ALERT,
        holds=[{"notificationChannels": ["projects/p/notificationChannels/1"]}],
        violated=[
            {"displayName": "errors"},
            {"notificationChannels": []},
            {"notificationChannels": ["projects/p/notificationChannels/1"], "enabled": False},
        ],
    ),
    StackExamples(
        "logs-audit-data",
        holds=[
            [_DATA, _audit("allServices", "DATA_READ", "DATA_WRITE")],
            [
                _DATA,
                _audit("storage.googleapis.com", "DATA_READ", "DATA_WRITE"),
                _audit("secretmanager.googleapis.com", "DATA_READ", "DATA_WRITE"),
            ],
        ],
        violated=[
            [_DATA],
            [_DATA, _audit("allServices", "DATA_READ")],
            [Declared("gcp:secretmanager/secret:Secret", "key", {"secretId": "key"})],
            [
                Declared("gcp:organizations/project:Project", "p", {"projectId": "p"}),
                _audit("allServices", "ADMIN_READ"),
            ],
        ],
    ),
    StackExamples(
        "logs-metrics-for-changes",
        holds=[[*_METRICS, *_ALERTS], [*_MATCHED], [*_METRICS[:1], *_ALERTS[:1], *_MATCHED[1:]]],
        violated=[[_SERVICE], [*_METRICS], [*_METRICS[1:], *_ALERTS], [*_MATCHED[1:]]],
    ),
    StackExamples(
        "logs-metrics-for-resources",
        holds=[
            [_NETWORK, Declared(ALERT, "a", {"conditions": [{"conditionMatchedLog": {"filter": 'x="gce_network"'}}]})],
            [Declared(ALERT, "b", {"conditions": []})],
        ],
        violated=[[_NETWORK], [Declared("gcp:sql/databaseInstance:DatabaseInstance", "d", {"name": "d"})]],
    ),
    Examples(
        "logs-kept",
        "gcp:logging/projectBucketConfig:ProjectBucketConfig",
        holds=[{"bucketId": "b"}, {"retentionDays": 400}],
        violated=[{"retentionDays": 7}],
    ),
    StackExamples(
        "logs-sink-buckets-locked",
        holds=[
            [
                Declared(SINK, "s", {"destination": "storage.googleapis.com/p-logs"}),
                Declared(BUCKET, "logs", {"name": "p-logs", "retentionPolicy": {"isLocked": True}}),
                _DATA,
            ]
        ],
        violated=[
            [
                Declared(SINK, "s", {"destination": "storage.googleapis.com/p-logs"}),
                Declared(BUCKET, "logs", {"name": "p-logs", "retentionPolicy": {"retentionPeriod": "86400"}}),
            ]
        ],
    ),
    StackExamples(
        "logs-sink-everything",
        holds=[[Declared(SINK, "all", {"destination": "d"}), Declared(SINK, "some", {"filter": "severity=ERROR"})]],
        violated=[[Declared(SINK, "some", {"filter": "severity=ERROR"})]],
    ),
    StackExamples(
        "project-essential-services",
        holds=[_services("cloudasset.googleapis.com", "containerscanning.googleapis.com", "run.googleapis.com")],
        violated=[_services("run.googleapis.com", "cloudasset.googleapis.com")],
    ),
    Examples(
        "project-service-stays-on",
        "gcp:projects/service:Service",
        holds=[{"service": "run.googleapis.com"}, {"disableOnDestroy": False}],
        violated=[{"disableOnDestroy": True}],
    ),
    Examples(
        "budget-notifies",
        "gcp:billing/budget:Budget",
        holds=[{"thresholdRules": [{"thresholdPercent": 0.8}, {"thresholdPercent": 1}]}],
        violated=[{"displayName": "b"}, {"thresholdRules": [{"thresholdPercent": 1}]}],
    ),
    Examples(
        "edge-https-only",
        "gcp:compute/globalForwardingRule:GlobalForwardingRule",
        holds=[
            {"portRange": "443"},
            {"portRange": "443-443"},
            {"target": "all-apis", "network": "n"},
            {"portRange": "80", "loadBalancingScheme": "INTERNAL_MANAGED"},
        ],
        violated=[{"portRange": "80"}, {"portRange": "80", "target": "all-apis"}, {"target": "projects/p/global/x"}],
    ),
    Examples(
        "edge-https-only",
        "gcp:compute/forwardingRule:ForwardingRule",
        holds=[
            {"target": "projects/p/regions/r/targetHttpsProxies/t"},
            {"target": "projects/p/regions/r/targetHttpProxies/t", "loadBalancingScheme": "INTERNAL_MANAGED"},
        ],
        violated=[{"target": "projects/p/regions/r/targetHttpProxies/t", "loadBalancingScheme": "EXTERNAL_MANAGED"}],
    ),
    Examples("edge-https-only", "gcp:compute/targetHttpProxy:TargetHttpProxy", holds=[], violated=[{"name": "p"}]),
    Examples(
        "edge-tls-version",
        "gcp:compute/sSLPolicy:SSLPolicy",
        holds=[
            {"minTlsVersion": "TLS_1_2", "profile": "MODERN"},
            {
                "minTlsVersion": "TLS_1_2",
                "profile": "CUSTOM",
                "customFeatures": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
            },
        ],
        violated=[
            {"name": "p"},
            {"minTlsVersion": "TLS_1_0", "profile": "MODERN"},
            {"minTlsVersion": "TLS_1_2"},
            {
                "minTlsVersion": "TLS_1_2",
                "profile": "CUSTOM",
                "customFeatures": ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"],
            },
        ],
    ),
    Examples(
        "edge-tls-policy",
        "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
        holds=[{"sslPolicy": "projects/p/global/sslPolicies/modern"}],
        violated=[{"name": "p"}],
    ),
    Examples(
        "edge-cloud-armor",
        "gcp:compute/backendService:BackendService",
        holds=[{"securityPolicy": "projects/p/global/securityPolicies/edge", "logConfig": {"enable": True}}],
        violated=[
            {"logConfig": {"enable": True}},
            {"securityPolicy": "projects/p/global/securityPolicies/edge"},
        ],
    ),
    StackExamples(
        "edge-cloud-armor-log4j",
        holds=[
            [_armor({"action": "allow"}, {"action": "deny(403)", "match": _CANARY})],
            [_armor(), _armor_rule({"action": "deny(403)", "match": _CANARY})],
        ],
        violated=[
            [_armor({"action": "allow"})],
            [_armor({"action": "allow", "match": _CANARY})],
            [_armor({"action": "deny(403)", "match": _CANARY, "preview": True})],
            [_armor(), _armor_rule({"action": "allow", "match": _CANARY})],
        ],
    ),
    StackExamples(
        "edge-cloud-armor-limits",
        holds=[[_armor({"action": "throttle"}, {"action": "allow"})], [_armor(), _armor_rule({"action": "throttle"})]],
        violated=[[_armor({"action": "allow"})], [_armor(), _armor_rule({"action": "allow"})]],
    ),
    Examples(
        "edge-no-default-network",
        "gcp:organizations/project:Project",
        holds=[{"autoCreateNetwork": False}],
        violated=[{"projectId": "p"}, {"autoCreateNetwork": True}],
    ),
    Examples(
        "edge-vertex-private",
        "gcp:vertex/aiEndpoint:AiEndpoint",
        holds=[{"network": "projects/1/global/networks/n"}],
        violated=[{"displayName": "e"}],
    ),
    Examples(
        "edge-vertex-private",
        "gcp:vertex/aiIndexEndpoint:AiIndexEndpoint",
        holds=[{"network": "projects/1/global/networks/n", "publicEndpointEnabled": False}],
        violated=[{"network": "projects/1/global/networks/n", "publicEndpointEnabled": True}],
    ),
    Examples(
        "edge-binary-authorization",
        "gcp:binaryauthorization/policy:Policy",
        holds=[
            {
                "defaultAdmissionRule": _ATTESTED,
                "admissionWhitelistPatterns": [{"namePattern": "europe-docker.pkg.dev/p/tools/*"}],
            }
        ],
        violated=[
            *(
                {"defaultAdmissionRule": _ATTESTED, "admissionWhitelistPatterns": [{"namePattern": name}]}
                for name in ("*", "gcr.io/**")
            ),
            {
                "defaultAdmissionRule": _ATTESTED,
                "clusterAdmissionRules": [{**_ATTESTED, "evaluationMode": "ALWAYS_ALLOW"}],
            },
            {
                "defaultAdmissionRule": {
                    "evaluationMode": "ALWAYS_ALLOW",
                    "enforcementMode": "ENFORCED_BLOCK_AND_AUDIT_LOG",
                }
            },
            {"defaultAdmissionRule": {"evaluationMode": "ALWAYS_DENY", "enforcementMode": "DRYRUN_AUDIT_LOG_ONLY"}},
        ],
    ),
)
