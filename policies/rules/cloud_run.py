"""Cloud Run: who may call it, what it runs as, what it runs, and how it is watched and bounded."""

import re

from policies.containers import CLOUD_RUN_TYPES, JOB, SERVICE, containers, revision
from policies.grants import INVOKER_TYPES, Grant, grants, is_default_account, is_public
from policies.patterns import lazy
from policies.rule import (
    ADVISORY,
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    PLATFORM,
    Resource,
    checkov,
    matches_any,
    org_policy,
    rule,
)
from policies.value import Findings, Undecided, Violation, equals, forbid, is_set, require

FUNCTION = "gcp:cloudfunctionsv2/function:Function"

INVOKER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
OPEN_SERVICES = {"openServices": ["orderguard-local-hooks", "orderguard-staging-hooks", "orderguard-prod-hooks"]}
"""The services that everybody may call, each by its whole name: shops' platforms have no identity to name."""
ON_THIS_MACHINE = "orderguard-local-scorer"
"""The scoring service of the local cloud: it listens on this machine alone, and a browser has no token."""

_DIGEST = lazy(r"@sha256:[0-9a-f]{64}$")


@rule(
    "cloud-run-no-public-invoker",
    "Not everybody may call a Cloud Run service or start a job.",
    types=INVOKER_TYPES,
    severity=CRITICAL,
    frameworks=[checkov("CKV_GCP_102"), org_policy("run.managed.requireInvokerIam")],
    settings={"openServices": [*OPEN_SERVICES["openServices"], ON_THIS_MACHINE]},
    generic={"openServices": []},
    fix="Grant roles/run.invoker to the callers' service accounts; one that is open on purpose needs an exception.",
)
def no_public_invoker(resource: Resource) -> Findings:
    for grant in grants(resource):
        named = _is_of_open_service(resource, grant)
        if named is not True:
            finding = forbid(grant.member, is_public, "lets everybody call it")
            yield Undecided(resource["name"].path) if finding and named is None else finding


def _is_of_open_service(resource: Resource, grant: Grant) -> bool | None:
    """Whether this lets everybody call a service that is open by name: what shops send is signed, and nothing else is
    served there (`cloud-run-open-services-take-hooks-alone`). None where that is not known yet.
    """
    decided = (
        resource.type == INVOKER,
        grant.member.among(("allUsers",)),
        grant.role.among(("roles/run.invoker",)),
        resource["name"].among(resource.settings["openServices"]),
    )
    return False if False in decided else None if None in decided else True


@rule(
    "cloud-run-open-services-take-hooks-alone",
    "A service that everybody may call takes signed webhooks and nothing else, through the load balancer alone.",
    types=[SERVICE],
    severity=CRITICAL,
    settings=OPEN_SERVICES,
    profiles=[PLATFORM],
    fix='Set SERVE=hooks in its environment, in clear, and ingress="INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER".',
)
def open_services_take_hooks_alone(service: Resource) -> Findings:
    name = service["name"]
    if name.unknown:
        yield Undecided(name.path)
    elif name.among(service.settings["openServices"]):
        yield require(
            service["ingress"],
            equals("INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"),
            "is reached past the load balancer",
            default="INGRESS_TRAFFIC_ALL",
        )
        for container in containers(service):
            serves = container.variable("SERVE")
            yield require(serves["value"], equals("hooks"), "serves more than webhooks")


@rule(
    "cloud-run-invoker-check",
    "Cloud Run checks who calls a service.",
    types=[SERVICE],
    severity=CRITICAL,
    frameworks=[org_policy("run.managed.requireInvokerIam")],
    fix="Take invoker_iam_disabled out.",
)
def invoker_check(service: Resource) -> Findings:
    yield forbid(service["invokerIamDisabled"], is_set, "the check of callers is switched off")


@rule(
    "cloud-run-ingress",
    "A service or function in production is reached from inside, or through a load balancer.",
    types=[SERVICE, FUNCTION],
    severity=MEDIUM,
    frameworks=[org_policy("run.allowedIngress"), checkov("CKV_GCP_124")],
    stacks=["prod*"],
    fix='Set ingress="INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" (a function: "ALLOW_INTERNAL_AND_GCLB").',
)
def ingress(service: Resource) -> Findings:
    def is_closed(content: object) -> bool:
        return str(content).startswith(("INGRESS_TRAFFIC_INTERNAL", "ALLOW_INTERNAL"))

    value = service.at("serviceConfig.ingressSettings") if service.type == FUNCTION else service["ingress"]
    yield require(value, is_closed, "is open to the internet", default="INGRESS_TRAFFIC_ALL")


@rule(
    "cloud-run-own-service-account",
    "A workload runs as a service account of its own, not as the project's default one.",
    types=CLOUD_RUN_TYPES,
    severity=HIGH,
    frameworks=[
        org_policy("custom.cloudrunServiceDisableDefaultServiceAccount"),
        org_policy("custom.cloudrunJobDisableDefaultServiceAccount"),
    ],
    fix="Make a service account for it and set service_account to its e-mail address.",
)
def own_service_account(resource: Resource) -> Findings:
    def is_own(email: object) -> bool:
        return bool(email) and not is_default_account(email)

    yield require(revision(resource)["serviceAccount"], is_own, "runs as the default service account")


@rule(
    "cloud-run-image-digest",
    "An image is named by its digest, so that what was checked is what runs.",
    types=CLOUD_RUN_TYPES,
    severity=HIGH,
    fix="Deploy the digest that the build reported (image@sha256:…).",
)
def image_digest(resource: Resource) -> Findings:
    for container in containers(resource):
        image = container.value["image"]
        yield require(image, lambda name: _DIGEST.search(str(name)) is not None, "the image is not named by a digest")


@rule(
    "cloud-run-image-registry",
    "Images come from a registry of our own, where they are scanned.",
    types=CLOUD_RUN_TYPES,
    severity=HIGH,
    settings={"registries": []},
    fix="Copy the image into the project's Artifact Registry; others are allowed by the setting `registries`.",
)
def image_registry(resource: Resource) -> Findings:
    project = resource.provider["project"] if resource["project"].absent else resource["project"]
    registries = resource.settings["registries"]
    # A host has no slash: a shell pattern would find the name of Google's registry in the path of any other's.
    named = re.escape(project.text) if project.known else "[^/]+"
    own = re.compile(rf"(?:[a-z0-9-]+-docker\.pkg\.dev|(?:[a-z]+\.)?gcr\.io)/{named}/.+")

    def is_ours(image: object) -> bool:
        return matches_any(str(image), registries) if registries else own.fullmatch(str(image)) is not None

    for container in containers(resource):
        finding = require(container.value["image"], is_ours, "the image comes from a foreign registry")
        if finding is None and not registries and not project.known:
            message = "whose registry that is can't be told, since no project is named"
            unnamed = Violation(container.value["image"].path, message)
            finding = Undecided(project.path) if project.unknown else unnamed
        yield finding


@rule(
    "cloud-run-execution-environment",
    "Services and jobs run in the second-generation environment: full Linux, faster network and disks.",
    types=[SERVICE, JOB],
    severity=LOW,
    profiles=[PLATFORM],
    fix='Set execution_environment="EXECUTION_ENVIRONMENT_GEN2".',
)
def execution_environment(resource: Resource) -> Findings:
    value = revision(resource)["executionEnvironment"]
    expected = "EXECUTION_ENVIRONMENT_GEN2"
    default = expected if resource.type == JOB else "EXECUTION_ENVIRONMENT_UNSPECIFIED"
    yield require(value, equals(expected), "it is not pinned to the second generation", default=default)


@rule(
    "cloud-run-probes",
    "A service says when it has started and when it no longer works.",
    types=[SERVICE],
    severity=MEDIUM,
    profiles=[PLATFORM],
    fix="Give the container that takes the requests a startup_probe and a liveness_probe.",
)
def probes(service: Resource) -> Findings:
    found = containers(service)
    serving = [container for container in found if not container.value["ports"].absent] or found[:1]
    for container in serving:
        yield require(container.value["startupProbe"], is_set, "there is no startup probe")
        yield require(container.value["livenessProbe"], is_set, "there is no liveness probe")


@rule(
    "cloud-run-limits",
    "CPU, memory and the number of instances are bounded.",
    types=CLOUD_RUN_TYPES,
    severity=MEDIUM,
    profiles=[PLATFORM],
    fix="Set resources.limits (cpu and memory) on each container and, for a service, scaling.max_instance_count.",
)
def limits(resource: Resource) -> Findings:
    for container in containers(resource):
        for what in ("cpu", "memory"):
            yield require(container.value.at(f"resources.limits.{what}"), bool, f"{what} has no limit")
    if resource.type == SERVICE:
        highest = resource.at("template.scaling.maxInstanceCount")
        if highest.absent:
            highest = resource.at("scaling.maxInstanceCount")
        yield require(highest, lambda count: float(count) > 0, "the number of instances is left to a default")


@rule(
    "cloud-run-mounts-read-only",
    "A service mounts buckets read-only: what it loads, it can't change.",
    types=[SERVICE],
    severity=MEDIUM,
    fix='Set "read_only": True on the volume\'s gcs source.',
)
def mounts_read_only(service: Resource) -> Findings:
    for volume in service.each("template.volumes"):
        if volume["gcs"].known or volume.unknown:
            value = volume.at("gcs.readOnly")
            yield require(value, equals(True), "the bucket is mounted for writing", default=False)
        elif volume["gcs"].unknown:
            yield Undecided(volume["gcs"].path)


@rule(
    "cloud-run-egress",
    "Where a workload is connected to a network, all its traffic goes through that.",
    types=CLOUD_RUN_TYPES,
    severity=LOW,
    level=ADVISORY,
    frameworks=[org_policy("run.allowedVPCEgress")],
    fix='Set vpc_access.egress="ALL_TRAFFIC".',
)
def egress(resource: Resource) -> Findings:
    access = revision(resource)["vpcAccess"]
    if not access.absent:
        value = access["egress"]
        yield require(
            value, equals("ALL_TRAFFIC"), "traffic can leave beside the network", default="PRIVATE_RANGES_ONLY"
        )


@rule(
    "cloud-run-binary-authorization",
    "In production only attested images start.",
    types=CLOUD_RUN_TYPES,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[
        org_policy("run.allowedBinaryAuthorizationPolicies"),
        org_policy("custom.cloudrunServiceRequireBinaryAuthorization"),
        org_policy("custom.cloudrunJobRequireBinaryAuthorization"),
    ],
    fix='Set binary_authorization={"use_default": True} and a policy that requires an attestor.',
)
def binary_authorization(resource: Resource) -> Findings:
    authorization = resource["binaryAuthorization"]
    if authorization["policy"].absent or authorization.unknown:
        yield require(authorization["useDefault"], equals(True), "any image may start", default=False)


@rule(
    "cloud-run-deletion-protection",
    "Services, jobs and worker pools of production refuse to be deleted.",
    types=CLOUD_RUN_TYPES,
    severity=MEDIUM,
    stacks=["prod*"],
    fix="Set deletion_protection=True.",
)
def deletion_protection(resource: Resource) -> Findings:
    yield require(resource["deletionProtection"], equals(True), "deletion protection is off", default=True)


@rule(
    "cloud-run-second-api",
    "Services are declared with the second API (cloudrunv2): the rules of this pack read nothing of the first.",
    types=["gcp:cloudrun/service:Service"],
    severity=MEDIUM,
    profiles=[PLATFORM],
    fix="Declare gcp.cloudrunv2.Service instead.",
)
def second_api(service: Resource) -> Findings:
    yield Violation("", "is declared with the first API")
