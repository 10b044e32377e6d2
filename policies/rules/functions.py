"""Cloud Functions and the first API of Cloud Run: what runs as whom, and who reaches it."""

from policies.grants import is_default_account
from policies.rule import HIGH, MEDIUM, Resource, checkov, cis, rule
from policies.value import Findings, Undecided, forbid, require
from policies.wants import Want, begins, one_of, settings, where

FUNCTION_V1 = "gcp:cloudfunctions/function:Function"
FUNCTION_V2 = "gcp:cloudfunctionsv2/function:Function"
RUN_V1 = "gcp:cloudrun/service:Service"
_APPS = (
    "gcp:appengine/standardAppVersion:StandardAppVersion",
    "gcp:appengine/flexibleAppVersion:FlexibleAppVersion",
)
_INGRESS = "run.googleapis.com/ingress"

_ACCOUNT = {
    FUNCTION_V1: "serviceAccountEmail",
    FUNCTION_V2: "serviceConfig.serviceAccountEmail",
    RUN_V1: "template.spec.serviceAccountName",
    **dict.fromkeys(_APPS, "serviceAccount"),
}
"""Where each type names what it runs as."""


@rule(
    "functions-own-service-account",
    "A function or an app runs as a service account of its own, not as the project's default one.",
    types=_ACCOUNT,
    severity=HIGH,
    fix="Make a service account for it and name it.",
)
def own_service_account(resource: Resource) -> Findings:
    account = resource.at(_ACCOUNT[resource.type])
    yield require(account, lambda email: bool(email) and not is_default_account(email), "runs as the default account")


@rule(
    "functions-ingress",
    "A function is reached from inside, or through a load balancer.",
    types=[FUNCTION_V1, FUNCTION_V2, RUN_V1],
    severity=MEDIUM,
    frameworks=[checkov("CKV_GCP_124")],
    fix='Set ingress_settings="ALLOW_INTERNAL_AND_GCLB" (Cloud Run: the annotation "run.googleapis.com/ingress").',
)
def ingress(resource: Resource) -> Findings:
    if resource.type == RUN_V1:
        value = resource.at("metadata.annotations")[_INGRESS]
        yield require(value, begins("internal"), "is open to the internet", default="all")
    else:
        value = resource.at("ingressSettings" if resource.type == FUNCTION_V1 else "serviceConfig.ingressSettings")
        event = resource["eventTrigger"]  # Events come from inside.
        if event.absent or event.unknown:
            finding = require(value, begins("ALLOW_INTERNAL"), "is open to the internet", default="ALLOW_ALL")
            yield Undecided(event.path) if finding and event.unknown else finding


https = settings(
    "functions-https",
    "A function answers over https alone.",
    types=[FUNCTION_V1],
    wants=[Want("httpsTriggerSecurityLevel", one_of("SECURE_ALWAYS"), "answers without encryption")],
    frameworks=[checkov("CKV2_GCP_10")],
    applies=where("triggerHttp", lambda triggered: triggered is True, default=False),
    fix='Set https_trigger_security_level="SECURE_ALWAYS".',
)


app_https = settings(
    "functions-app-https",
    "An app of App Engine answers over https alone.",
    types=_APPS,
    wants=[Want("handlers[].securityLevel", one_of("SECURE_ALWAYS"), "answers without encryption")],
    frameworks=[cis("4.10")],
    fix='Set security_level="SECURE_ALWAYS" on each handler.',
)


@rule(
    "functions-no-unauthenticated-annotation",
    "Cloud Run checks who calls a service of the first API.",
    types=[RUN_V1],
    severity=HIGH,
    fix='Take the annotation "run.googleapis.com/invoker-iam-disabled" out.',
)
def invoker_check(service: Resource) -> Findings:
    value = service.at("metadata.annotations")["run.googleapis.com/invoker-iam-disabled"]
    yield forbid(value, one_of("true"), "the check of callers is switched off")
