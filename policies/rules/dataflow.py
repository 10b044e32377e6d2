"""Templates of Dataflow: files in a bucket that say what a job's machines run with, whoever launches it."""

import json
from collections.abc import Iterator

from policies.grants import is_default_account
from policies.rule import ADVISORY, HIGH, LOW, MEDIUM, Resource, cis, rule
from policies.value import Findings, Value, equals, is_set, require

OBJECT = "gcp:storage/bucketObject:BucketObject"


@rule(
    "dataflow-template-private",
    "A template of Dataflow gives its machines no public address.",
    types=[OBJECT],
    severity=MEDIUM,
    fix='Set ipConfiguration to "WORKER_IP_PRIVATE" in the template\'s defaultEnvironment.',
)
def private(resource: Resource) -> Findings:
    for environment in _environments(resource):
        yield require(environment["ipConfiguration"], equals("WORKER_IP_PRIVATE"), "gives public addresses")


@rule(
    "dataflow-template-own-account",
    "A template of Dataflow names a service account of its own to run as.",
    types=[OBJECT],
    severity=HIGH,
    fix="Make a service account for it, and name it as serviceAccountEmail in the template's defaultEnvironment.",
)
def own_account(resource: Resource) -> Findings:
    for environment in _environments(resource):
        yield require(environment["serviceAccountEmail"], _is_own, "runs as the default service account")


@rule(
    "dataflow-template-own-key",
    "What jobs of a template keep is encrypted with a key of our own.",
    types=[OBJECT],
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("8.1")],
    fix="Name the key as kmsKeyName in the template's defaultEnvironment.",
)
def own_key(resource: Resource) -> Findings:
    for environment in _environments(resource):
        yield require(environment["kmsKeyName"], is_set, "is encrypted with a key of Google's")


def _environments(resource: Resource) -> Iterator[Value]:
    """The default environment of the template in an object; none for an object that is no template. An object whose
    content is not known yet may be one where its name ends as a template's does.
    """
    content = resource["content"]
    if content.unknown:
        if resource["name"].unknown or resource["name"].text.endswith(".json"):
            yield content
        return
    try:
        found = json.loads(content.text or "null")
    except ValueError:
        return
    if isinstance(found, dict) and "sdkInfo" in found and "image" in found:
        yield Value(found.get("defaultEnvironment") or {}, f"{content.path}.defaultEnvironment")


def _is_own(account: object) -> bool:
    return bool(account) and not is_default_account(str(account))
