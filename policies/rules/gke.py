"""Kubernetes Engine: who reaches the control plane, what nodes run as, and what they are shielded by."""

from policies.grants import is_default_account
from policies.rule import ADVISORY, HIGH, LOW, MEDIUM, Resource, checkov, rule, trivy
from policies.rules.network import is_world
from policies.value import Findings, Undecided, Value, Violation, equals, forbid, is_set, require
from policies.wants import Want, begins, one_of, refuse, settings

CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"
_NODES = (CLUSTER, NODE_POOL)


def _not_autopilot(cluster: Resource) -> bool | Value:
    """Autopilot clusters come with what this asks for, and take no other setting."""
    value = cluster["enableAutopilot"]
    return value if value.unknown else value.content is not True


def _has_own_nodes(resource: Resource) -> bool | Value:
    """Whether the settings of nodes that a cluster or a pool names are those of its nodes: what Autopilot starts comes
    with what is asked for, and a default pool that is removed has none.
    """
    removed, own = resource["removeDefaultNodePool"], _not_autopilot(resource)
    if own is False or (removed.known and removed.content is True):
        return False
    return removed if removed.unknown else own


@rule(
    "gke-control-plane-closed",
    "The control plane answers known networks alone, or has no public address.",
    types=[CLUSTER],
    severity=HIGH,
    frameworks=[checkov("CKV_GCP_18"), checkov("CKV_GCP_20"), trivy("GCP-0053"), trivy("GCP-0061")],
    fix="Set private_cluster_config.enable_private_endpoint=True, or master_authorized_networks_config.",
)
def control_plane_closed(cluster: Resource) -> Findings:
    private, networks = (
        cluster.at("privateClusterConfig.enablePrivateEndpoint"),
        cluster["masterAuthorizedNetworksConfig"],
    )
    by_name = cluster.at("controlPlaneEndpointsConfig.ipEndpointsConfig.enabled")
    if (private.known and private.content is True) or (by_name.known and by_name.content is False):
        return
    hidden = private if private.unknown else by_name
    findings = [
        forbid(block["cidrBlock"], lambda text: is_world(str(text)), "lets every address in")
        for block in networks.each("cidrBlocks")
    ] or [require(networks, lambda _: True, "is open to the internet")]
    for finding in findings:
        yield Undecided(hidden.path) if finding and hidden.unknown else finding


@rule(
    "gke-private-nodes",
    "Nodes have no address that the internet reaches.",
    types=[CLUSTER],
    severity=MEDIUM,
    frameworks=[checkov("CKV_GCP_25"), checkov("CKV_GCP_64"), trivy("GCP-0059")],
    fix='Set private_cluster_config={"enable_private_nodes": True}.',
)
def private_nodes(cluster: Resource) -> Findings:
    ours = [
        cluster.at("privateClusterConfig.enablePrivateNodes"),
        cluster.at("networkConfig.defaultEnablePrivateNodes"),
        cluster.at("defaultEnablePrivateNodes"),
    ]
    if any(value.known and value.content is True for value in ours):
        return
    unknown = next((value for value in ours if value.unknown), None)
    yield Undecided(unknown.path) if unknown else Violation(ours[0].path, "nodes have public addresses")


legacy_abac = settings(
    "gke-no-legacy-authorization",
    "Who may do what in a cluster is said by roles, not by attributes (legacy ABAC).",
    types=[CLUSTER],
    severity=HIGH,
    wants=[refuse("enableLegacyAbac", is_set, "legacy authorization is on")],
    frameworks=[checkov("CKV_GCP_7"), trivy("GCP-0062")],
    fix="Take enable_legacy_abac out.",
)

client_certificate = settings(
    "gke-no-client-certificate",
    "Nobody logs in to a cluster by a certificate or a password that never ends.",
    types=[CLUSTER],
    severity=HIGH,
    wants=[
        refuse("masterAuth.clientCertificateConfig.issueClientCertificate", is_set, "issues a client certificate"),
        refuse("masterAuth.username", is_set, "lets people in by a password"),
        refuse("masterAuth.password", is_set, "lets people in by a password"),
    ],
    frameworks=[checkov("CKV_GCP_13"), trivy("GCP-0064")],
    fix="Take master_auth out.",
)


@rule(
    "gke-own-service-account",
    "Nodes run as a service account of their own, not as the project's default one.",
    types=_NODES,
    severity=HIGH,
    frameworks=[checkov("CKV2_GCP_1"), trivy("GCP-0050")],
    fix="Make a service account with roles/container.defaultNodeServiceAccount, and set node_config.service_account.",
)
def own_service_account(resource: Resource) -> Findings:
    autopilot, removed = resource["enableAutopilot"], resource["removeDefaultNodePool"]
    if resource.type == CLUSTER and removed.known and removed.content is True:
        return  # Its own nodes are thrown away; those of the pools count.
    automatic = resource.at("clusterAutoscaling.autoProvisioningDefaults.serviceAccount")
    account = resource.at("nodeConfig.serviceAccount")
    if automatic.known and autopilot.known and autopilot.content is True:
        account = automatic
    finding = require(account, lambda email: bool(email) and not is_default_account(email), _SHARED)
    hidden = next((value for value in (removed, autopilot, automatic) if value.unknown), None)
    yield Undecided(hidden.path) if finding and hidden is not None else finding


_SHARED = "nodes run as the default service account"


@rule(
    "gke-network-policy",
    "Pods reach only what a network policy lets them.",
    types=[CLUSTER],
    severity=MEDIUM,
    frameworks=[checkov("CKV_GCP_12"), trivy("GCP-0056")],
    fix='Set datapath_provider="ADVANCED_DATAPATH", or network_policy={"enabled": True}.',
)
def network_policy(cluster: Resource) -> Findings:
    datapath, policy, autopilot = (
        cluster["datapathProvider"],
        cluster.at("networkPolicy.enabled"),
        cluster["enableAutopilot"],
    )
    if (datapath.known and datapath.text == "ADVANCED_DATAPATH") or any(
        value.known and value.content is True for value in (policy, autopilot)
    ):
        return
    unknown = next((value for value in (datapath, policy, autopilot) if value.unknown), None)
    yield Undecided(unknown.path) if unknown else Violation(policy.path, "no network policy is kept")


workload_identity = settings(
    "gke-workload-identity",
    "Pods act under their own identities, not under the node's.",
    types=[CLUSTER],
    severity=HIGH,
    wants=[Want("workloadIdentityConfig.workloadPool", bool, "pods use the node's identity")],
    frameworks=[],
    applies=_not_autopilot,
    fix='Set workload_identity_config={"workload_pool": "PROJECT.svc.id.goog"}.',
)

node_metadata = settings(
    "gke-node-metadata",
    "Pods do not reach the metadata of their node.",
    types=_NODES,
    severity=HIGH,
    level=ADVISORY,
    wants=[
        Want("nodeConfig.workloadMetadataConfig.mode", equals("GKE_METADATA"), "pods reach the node's metadata"),
    ],
    frameworks=[checkov("CKV_GCP_69"), trivy("GCP-0057")],
    applies=_has_own_nodes,
    fix='Set node_config.workload_metadata_config={"mode": "GKE_METADATA"}.',
)

legacy_endpoints = settings(
    "gke-no-legacy-endpoints",
    "Nodes offer no old metadata addresses, which ask for no header.",
    types=_NODES,
    wants=[refuse("nodeConfig.metadata.disable-legacy-endpoints", one_of("false", "False"), "old addresses are on")],
    frameworks=[trivy("GCP-0048")],
    fix='Take the metadata "disable-legacy-endpoints" out.',
)

shielded_nodes = settings(
    "gke-shielded-nodes",
    "Nodes are Shielded VMs: they start signed software alone, and report what they started.",
    types=[CLUSTER],
    wants=[refuse("enableShieldedNodes", equals(False), "shielded nodes are off")],
    frameworks=[checkov("CKV_GCP_71"), trivy("GCP-0055")],
    fix="Take enable_shielded_nodes=False out.",
)

secure_boot = settings(
    "gke-secure-boot",
    "Nodes check the signature of what they start, and watch its integrity.",
    types=_NODES,
    level=ADVISORY,
    wants=[
        Want("nodeConfig.shieldedInstanceConfig.enableSecureBoot", equals(True), "secure boot is off", default=False),
        Want(
            "nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring", equals(True), "integrity is not watched",
            default=True,
        ),
    ],
    frameworks=[checkov("CKV_GCP_68"), checkov("CKV_GCP_72")],
    applies=_has_own_nodes,
    fix='Set node_config.shielded_instance_config={"enable_secure_boot": True, "enable_integrity_monitoring": True}.',
)  # fmt: skip

node_images = settings(
    "gke-container-optimized",
    "Nodes run Container-Optimized OS.",
    types=_NODES,
    severity=LOW,
    level=ADVISORY,
    wants=[Want("nodeConfig.imageType", begins("COS", "cos"), "nodes run another system", default="COS_CONTAINERD")],
    frameworks=[checkov("CKV_GCP_22"), trivy("GCP-0054")],
    fix='Set node_config.image_type="COS_CONTAINERD".',
)

repaired = settings(
    "gke-nodes-kept-up",
    "Nodes are repaired and kept at the cluster's version by themselves.",
    types=[NODE_POOL],
    severity=MEDIUM,
    wants=[
        Want("management.autoRepair", equals(True), "nodes are not repaired", default=True),
        Want("management.autoUpgrade", equals(True), "nodes are not kept up", default=True),
    ],
    frameworks=[checkov("CKV_GCP_9"), checkov("CKV_GCP_10"), trivy("GCP-0063"), trivy("GCP-0058")],
    fix='Set management={"auto_repair": True, "auto_upgrade": True}.',
)

release_channel = settings(
    "gke-release-channel",
    "A cluster follows a release channel, so that it gets its fixes.",
    types=[CLUSTER],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("releaseChannel.channel", lambda name: name != "UNSPECIFIED", "follows no channel", default="REGULAR")],
    frameworks=[checkov("CKV_GCP_70")],
    fix='Set release_channel={"channel": "REGULAR"} or "STABLE".',
)


def _is_old_or_none(service: object) -> bool:
    return not str(service).endswith(".googleapis.com/kubernetes")


watched = settings(
    "gke-watched",
    "Logs and metrics of a cluster go to Google Cloud's.",
    types=[CLUSTER],
    severity=MEDIUM,
    wants=[
        refuse("loggingService", _is_old_or_none, "nothing is logged, or the old way"),
        refuse("monitoringService", _is_old_or_none, "nothing is measured, or the old way"),
        refuse("loggingConfig.enableComponents", lambda listed: len(listed) == 0, "nothing is logged"),
        refuse("monitoringConfig.enableComponents", lambda listed: len(listed) == 0, "nothing is measured"),
    ],
    frameworks=[checkov("CKV_GCP_1"), checkov("CKV_GCP_8"), trivy("GCP-0060"), trivy("GCP-0052")],
    fix="Take logging_service and monitoring_service out.",
)

alias_addresses = settings(
    "gke-alias-addresses",
    "Pods have addresses of the network (VPC-native), so that its firewall sees them.",
    types=[CLUSTER],
    severity=LOW,
    wants=[refuse("networkingMode", one_of("ROUTES"), "pods are reached by routes")],
    frameworks=[checkov("CKV_GCP_23"), trivy("GCP-0049")],
    fix='Set networking_mode="VPC_NATIVE" and ip_allocation_policy.',
)

intranode = settings(
    "gke-intranode-visibility",
    "Flows between pods of one node are seen as well.",
    types=[CLUSTER],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("enableIntranodeVisibility", equals(True), "flows within a node are not seen", default=False)],
    frameworks=[checkov("CKV_GCP_61")],
    applies=_not_autopilot,
    fix="Set enable_intranode_visibility=True, and flow logs on the subnet.",
)

groups = settings(
    "gke-groups",
    "Roles in a cluster are given to groups.",
    types=[CLUSTER],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("authenticatorGroupsConfig.securityGroup", bool, "no group is named")],
    frameworks=[checkov("CKV_GCP_65")],
    fix='Set authenticator_groups_config={"security_group": "gke-security-groups@DOMAIN"}.',
)


@rule(
    "gke-binary-authorization",
    "In production a cluster starts attested images alone.",
    types=[CLUSTER],
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[checkov("CKV_GCP_66")],
    fix='Set binary_authorization={"evaluation_mode": "PROJECT_SINGLETON_POLICY_ENFORCE"}.',
)
def binary_authorization(cluster: Resource) -> Findings:
    enabled, mode = cluster["enableBinaryAuthorization"], cluster.at("binaryAuthorization.evaluationMode")
    if not (enabled.known and enabled.content is True):
        finding = require(mode, lambda name: name != "DISABLED", "any image may start")
        yield Undecided(enabled.path) if finding and enabled.unknown else finding


labelled = settings(
    "gke-labelled",
    "A cluster says by labels what it is for.",
    types=[CLUSTER],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("resourceLabels", is_set, "has no labels")],
    frameworks=[checkov("CKV_GCP_21"), trivy("GCP-0051")],
    fix="Set resource_labels.",
)

own_pools = settings(
    "gke-own-node-pools",
    "Node pools are resources of their own, so that one can be changed without the cluster.",
    types=[CLUSTER],
    severity=LOW,
    level=ADVISORY,
    wants=[refuse("nodePools", is_set, "node pools are part of the cluster")],
    frameworks=[checkov("CKV_GCP_123")],
    fix="Make a gcp.container.NodePool for each, and set remove_default_node_pool=True.",
)

no_alpha = settings(
    "gke-no-alpha",
    "A cluster has no alpha features: it would be deleted after a month.",
    types=[CLUSTER],
    wants=[refuse("enableKubernetesAlpha", is_set, "is an alpha cluster")],
    frameworks=[checkov("CKV2_GCP_19")],
    fix="Take enable_kubernetes_alpha out.",
)
