"""What the internet reaches: https of today, behind Cloud Armor; and stores inside the network."""

from collections.abc import Callable, Iterator

from policies.access import Named
from policies.patterns import lazy
from policies.rule import ADVISORY, HIGH, LOW, MEDIUM, Resource, Stack, checkov, cis, rule, trivy
from policies.value import Finding, Findings, Undecided, Value, Violation, about, equals, forbid, is_set, require
from policies.wants import one_of

BACKENDS = ("gcp:compute/backendService:BackendService", "gcp:compute/regionBackendService:RegionBackendService")
FORWARDING_RULE = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
REGIONAL_FORWARDING_RULE = "gcp:compute/forwardingRule:ForwardingRule"
SECURITY_POLICY = "gcp:compute/securityPolicy:SecurityPolicy"
SECURITY_RULE = "gcp:compute/securityPolicyRule:SecurityPolicyRule"
HTTP_PROXIES = (
    "gcp:compute/targetHttpProxy:TargetHttpProxy",
    "gcp:compute/regionTargetHttpProxy:RegionTargetHttpProxy",
)
HTTPS_PROXIES = (
    "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
    "gcp:compute/regionTargetHttpsProxy:RegionTargetHttpsProxy",
    "gcp:compute/targetSSLProxy:TargetSSLProxy",
)
_WHOLE_REGISTRY = lazy(r"(?:[^/]+/)?\*+")
_GOOGLE_APIS = frozenset({"all-apis", "vpc-sc"})
"""Targets of a forwarding rule that leads out to Google's own services, and takes no port."""
SSL_POLICIES = ("gcp:compute/sSLPolicy:SSLPolicy", "gcp:compute/regionSslPolicy:RegionSslPolicy")


@rule(
    "edge-https-only",
    "The load balancer speaks https alone.",
    types=[*HTTP_PROXIES, FORWARDING_RULE, REGIONAL_FORWARDING_RULE],
    severity=HIGH,
    frameworks=[checkov("CKV2_GCP_37"), checkov("CKV2_GCP_38")],
    fix="Use a target HTTPS proxy on port 443; a redirect from http needs an exception.",
)
def https_only(resource: Resource) -> Findings:
    if resource.type in HTTP_PROXIES:
        yield Violation("", "takes requests without encryption")
        return
    scheme = resource["loadBalancingScheme"]
    if scheme.known and scheme.text.startswith("INTERNAL"):
        return
    found = _plain(resource)
    yield Undecided(scheme.path) if scheme.unknown and found is not None else found


def _plain(forwarding: Resource) -> Finding:
    """What a forwarding rule to the world takes without encryption."""
    target, ports = forwarding["target"], forwarding["portRange"]
    if forwarding.type == REGIONAL_FORWARDING_RULE:
        # It leads anywhere, also to what speaks no http. A proxy that the program makes is looked at itself.
        return forbid(target, lambda link: "/targetHttpProxies/" in str(link), "takes requests without encryption")
    leads_out = target.among(_GOOGLE_APIS) if ports.absent else False
    if leads_out is None:
        return Undecided(target.path)
    secure = require(ports, lambda port: str(port) in {"443", "443-443"}, "takes requests on another port than 443")
    return None if leads_out else secure


@rule(
    "edge-tls-version",
    "Encryption is TLS 1.2 or newer with modern ciphers.",
    types=SSL_POLICIES,
    severity=MEDIUM,
    frameworks=[cis("3.11"), checkov("CKV_GCP_4"), trivy("GCP-0039")],
    fix='Set min_tls_version="TLS_1_2" and profile="MODERN" or "RESTRICTED".',
)
def tls_version(policy: Resource) -> Findings:
    def is_new(version: object) -> bool:
        return str(version) in {"TLS_1_2", "TLS_1_3"}

    def is_modern(profile: object) -> bool:
        return str(profile) in {"MODERN", "RESTRICTED", "FIPS_202205", "CUSTOM"}

    yield require(policy["minTlsVersion"], is_new, "allows old versions of TLS", default="TLS_1_0")
    yield require(policy["profile"], is_modern, "allows weak ciphers", default="COMPATIBLE")
    for feature in policy.each("customFeatures"):
        yield forbid(feature, lambda cipher: str(cipher).startswith("TLS_RSA_"), "allows a weak cipher")


@rule(
    "edge-tls-policy",
    "A load balancer names an SSL policy: without one it speaks TLS 1.0.",
    types=HTTPS_PROXIES,
    severity=MEDIUM,
    level=ADVISORY,
    frameworks=[checkov("CKV_GCP_4")],
    fix="Make a gcp.compute.SSLPolicy and set ssl_policy to it.",
)
def tls_policy(proxy: Resource) -> Findings:
    yield require(proxy["sslPolicy"], bool, "no SSL policy")


@rule(
    "edge-cloud-armor",
    "What stands behind a load balancer is guarded by Cloud Armor, and its requests are logged.",
    types=BACKENDS,
    severity=MEDIUM,
    frameworks=[cis("2.17")],
    fix='Set security_policy, and log_config={"enable": True}.',
)
def cloud_armor(backend: Resource) -> Findings:
    yield require(backend["securityPolicy"], bool, "no security policy")
    yield require(backend.at("logConfig.enable"), equals(True), "requests are not logged", default=False)


@rule(
    "edge-cloud-armor-log4j",
    "Cloud Armor turns away the Log4j attack and its like.",
    types=[SECURITY_POLICY, SECURITY_RULE],
    whole_stack=True,
    severity=MEDIUM,
    level=ADVISORY,
    frameworks=[checkov("CKV_GCP_73")],
    fix="Add a rule that denies evaluatePreconfiguredWaf('cve-canary').",
)
def cloud_armor_log4j(stack: Stack) -> Findings:
    for policy, entries in _armor(stack):
        yield about(_one_of_them(entries, _turns_log4j_away, "no rule against cve-canary"), policy.urn)


@rule(
    "edge-cloud-armor-limits",
    "Cloud Armor limits how often one address may ask.",
    types=[SECURITY_POLICY, SECURITY_RULE],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    fix='Add a rule with the action "throttle" or "rate_based_ban".',
)
def cloud_armor_limits(stack: Stack) -> Findings:
    for policy, entries in _armor(stack):
        yield about(_one_of_them(entries, _limits, "no rule limits the rate of requests"), policy.urn)


def _armor(stack: Stack) -> Iterator[tuple[Resource, list[Value]]]:
    """Each policy of Cloud Armor with its rules: its own, and those that are resources of their own. One that may be
    any policy's is an unknown rule of each.
    """
    named = Named(stack, (SECURITY_POLICY,), ("name",))
    apart: dict[str, list[Value]] = {}
    anywhere: list[Value] = []
    for entry in stack.of(SECURITY_RULE):
        behind = entry.dependencies.get("securityPolicy", ())
        policy = named.behind(entry["securityPolicy"], behind)
        policy = policy or next((resource for resource in behind if resource.type == SECURITY_POLICY), None)
        if policy is not None:
            apart.setdefault(policy.urn, []).append(entry.properties)
        elif entry["securityPolicy"].unknown:
            anywhere.append(entry["securityPolicy"])
    for policy in stack.of(SECURITY_POLICY):
        yield policy, [*policy.each("rules"), *apart.get(policy.urn, ()), *anywhere]


def _one_of_them(entries: list[Value], fits: Callable[[Value], bool | Value], message: str) -> Finding:
    answers = [entry if entry.unknown else fits(entry) for entry in entries]
    if True in answers:
        return None
    unknown = next((answer for answer in answers if isinstance(answer, Value)), None)
    return Undecided(unknown.path) if unknown is not None else Violation("rules", message)


def _turns_log4j_away(entry: Value) -> bool | Value:
    """Also: the unknown value that decides it."""
    action, expression, preview = entry["action"], entry.at("match.expr.expression"), entry["preview"]
    if preview.known and preview.content is True:
        return False  # What it would turn away is written down alone.
    if expression.known and "cve-canary" not in expression.text or action.known and not action.text.startswith("deny"):
        return False
    return next((value for value in (expression, action, preview) if value.unknown), expression.known)


def _limits(entry: Value) -> bool | Value:
    action = entry["action"]
    return action if action.unknown else action.text in {"throttle", "rate_based_ban"}


@rule(
    "edge-redis",
    "Redis asks for a password and encrypts what it is sent.",
    types=["gcp:redis/instance:Instance"],
    severity=HIGH,
    frameworks=[checkov("CKV_GCP_95"), checkov("CKV_GCP_97")],
    fix='Set auth_enabled=True and transit_encryption_mode="SERVER_AUTHENTICATION".',
)
def redis(instance: Resource) -> Findings:
    yield require(instance["authEnabled"], equals(True), "asks for no password", default=False)
    mode = instance["transitEncryptionMode"]
    yield require(mode, equals("SERVER_AUTHENTICATION"), "does not encrypt what it is sent", default="DISABLED")


@rule(
    "edge-valkey",
    "Valkey asks who connects, and encrypts what it is sent.",
    types=["gcp:memorystore/instance:Instance"],
    severity=HIGH,
    fix='Set authorization_mode="IAM_AUTH" and transit_encryption_mode="SERVER_AUTHENTICATION".',
)
def valkey(instance: Resource) -> Findings:
    mode = instance["authorizationMode"]
    yield require(mode, one_of("IAM_AUTH", "TOKEN_AUTH"), "lets everybody in the network in", default="AUTH_DISABLED")
    mode = instance["transitEncryptionMode"]
    disabled = "TRANSIT_ENCRYPTION_DISABLED"
    yield require(mode, equals("SERVER_AUTHENTICATION"), "does not encrypt what it is sent", default=disabled)


@rule(
    "edge-firestore-protected",
    "A Firestore database of production refuses to be deleted and can go back in time.",
    types=["gcp:firestore/database:Database"],
    severity=MEDIUM,
    stacks=["prod*"],
    fix='Set delete_protection_state="DELETE_PROTECTION_ENABLED" and point_in_time_recovery_enablement to enabled.',
)
def firestore(database: Resource) -> Findings:
    protection, recovery = database["deleteProtectionState"], database["pointInTimeRecoveryEnablement"]
    yield require(protection, equals("DELETE_PROTECTION_ENABLED"), "may be deleted")
    yield require(recovery, equals("POINT_IN_TIME_RECOVERY_ENABLED"), "can't go back in time")


@rule(
    "edge-no-default-network",
    "A project has no default network, which is open between all its machines.",
    types=["gcp:organizations/project:Project"],
    severity=MEDIUM,
    frameworks=[cis("3.1"), checkov("CKV_GCP_27"), trivy("GCP-0010")],
    fix="Set auto_create_network=False.",
)
def no_default_network(project: Resource) -> Findings:
    yield require(project["autoCreateNetwork"], equals(False), "a default network is made", default=True)


@rule(
    "edge-vertex-private",
    "Endpoints of Vertex AI are reached from inside a network.",
    types=["gcp:vertex/aiEndpoint:AiEndpoint", "gcp:vertex/aiIndexEndpoint:AiIndexEndpoint"],
    severity=MEDIUM,
    frameworks=[checkov("CKV2_GCP_33"), checkov("CKV2_GCP_34")],
    fix="Set network or private_service_connect_config, and public_endpoint_enabled=False.",
)
def vertex_private(endpoint: Resource) -> Findings:
    yield forbid(endpoint["publicEndpointEnabled"], is_set, "is open to the internet")
    network, private = endpoint["network"], endpoint["privateServiceConnectConfig"]
    if network.unknown or private.unknown:
        yield Undecided(network.path if network.unknown else private.path)
    elif network.absent and private.absent:
        yield Violation("network", "is not inside a network")


@rule(
    "edge-binary-authorization",
    "The Binary Authorization policy lets nothing start that is not attested.",
    types=["gcp:binaryauthorization/policy:Policy"],
    severity=HIGH,
    fix='Set default_admission_rule to evaluation_mode="REQUIRE_ATTESTATION" and '
    'enforcement_mode="ENFORCED_BLOCK_AND_AUDIT_LOG", and name single repositories in admission_whitelist_patterns.',
)
def binary_authorization(policy: Resource) -> Findings:
    for admission in (policy["defaultAdmissionRule"], *policy.each("clusterAdmissionRules")):
        yield require(admission["evaluationMode"], lambda mode: str(mode) != "ALWAYS_ALLOW", "everything may start")
        enforcement = admission["enforcementMode"]
        yield require(enforcement, equals("ENFORCED_BLOCK_AND_AUDIT_LOG"), "violations are only written down")
    for spared in policy.each("admissionWhitelistPatterns"):
        message = "every image of a registry may start without an attestation"
        yield forbid(spared["namePattern"], lambda name: _WHOLE_REGISTRY.fullmatch(str(name)) is not None, message)
