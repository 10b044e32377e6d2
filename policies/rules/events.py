"""Topics, schedules and triggers: what starts something does it under an identity of its own."""

from policies.grants import is_default_account
from policies.rule import HIGH, MEDIUM, PLATFORM, Resource, checkov, rule
from policies.value import Findings, forbid, require

SUBSCRIPTION = "gcp:pubsub/subscription:Subscription"
SCHEDULE = "gcp:cloudscheduler/job:Job"
TRIGGER = "gcp:eventarc/trigger:Trigger"


@rule(
    "events-push-authenticated",
    "A subscription that pushes says who it is, over https.",
    types=[SUBSCRIPTION],
    severity=MEDIUM,
    fix="Set push_config.oidc_token with a service account of its own, and an https endpoint.",
)
def push_authenticated(subscription: Resource) -> Findings:
    push = subscription["pushConfig"]
    if not push.absent:
        yield require(push["pushEndpoint"], _is_https, "pushes to an endpoint without https")
        yield require(push.at("oidcToken.serviceAccountEmail"), _is_own, "pushes without saying who it is")


@rule(
    "events-schedule-authenticated",
    "A schedule that calls an address says who it is, over https.",
    types=[SCHEDULE],
    severity=MEDIUM,
    fix="Set oauth_token or oidc_token with a service account of its own, and an https address.",
)
def schedule_authenticated(schedule: Resource) -> Findings:
    target = schedule["httpTarget"]
    if not target.absent:
        yield require(target["uri"], _is_https, "calls an address without https")
        token = target["oidcToken"] if target["oauthToken"].absent else target["oauthToken"]
        yield require(token["serviceAccountEmail"], _is_own, "calls without saying who it is")


@rule(
    "events-own-service-account",
    "A trigger, a workflow or a data flow runs as a service account of its own.",
    types=[TRIGGER, "gcp:workflows/workflow:Workflow", "gcp:dataflow/flexTemplateJob:FlexTemplateJob"],
    severity=HIGH,
    fix="Make a service account for it and name it.",
)
def own_service_account(resource: Resource) -> Findings:
    name = "serviceAccountEmail" if resource.type.startswith("gcp:dataflow") else "serviceAccount"
    yield require(resource[name], _is_own, "runs as the default service account")


@rule(
    "events-private-workers",
    "The workers of a data flow and of Cloud Build have no public address.",
    types=["gcp:dataflow/flexTemplateJob:FlexTemplateJob", "gcp:cloudbuild/workerPool:WorkerPool"],
    severity=MEDIUM,
    frameworks=[checkov("CKV_GCP_86")],
    fix='Set ip_configuration="WORKER_IP_PRIVATE" (Dataflow) or worker_config.no_external_ip=True (Cloud Build).',
)
def private_workers(resource: Resource) -> Findings:
    if resource.type.startswith("gcp:dataflow"):
        value = resource["ipConfiguration"]
        yield require(value, lambda ip: ip == "WORKER_IP_PRIVATE", "workers have a public address", default="")
    else:
        value = resource.at("workerConfig.noExternalIp")
        yield require(value, lambda flag: flag is True, "workers have a public address", default=False)


@rule(
    "events-no-data-in-messages",
    "A schedule carries no body that could hold an order; it names what to read.",
    types=[SCHEDULE],
    severity=MEDIUM,
    settings={"maximumBytes": 2048},
    profiles=[PLATFORM],
    fix="Send the name of the file or of the job, and let the receiver read it.",
)
def no_data_in_messages(schedule: Resource) -> Findings:
    def is_large(body: object) -> bool:
        return len(str(body)) > float(schedule.settings["maximumBytes"])

    yield forbid(schedule.at("httpTarget.body"), is_large, "carries a large body")
    yield forbid(schedule.at("pubsubTarget.data"), is_large, "carries a large message")


def _is_https(address: object) -> bool:
    return str(address).startswith("https://")


def _is_own(email: object) -> bool:
    return bool(email) and not is_default_account(email)
