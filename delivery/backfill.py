"""A backfill on Dataflow: the stack's template, launched as whoever asks.

The template says what its machines run with; a launch says only what is read and where to. On the local cloud the same
template runs on this machine, as the account that it names.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from delivery.asking import ask
from delivery.errors import DeliveryError, UsageError
from delivery.stack import Stack, on_google_cloud
from delivery.tokens import google_headers
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.jobs import JobError
from infra.local.templates import Launch, launch as launch_here

DATAFLOW = "https://dataflow.googleapis.com"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
SWITCHED_OFF = (
    "The stack {name} has no backfills. Write `orderguard:backfill: true` into Pulumi.{name}.yaml (and, where somebody "
    "deploys for it, `pulumi config set orderguard-bootstrap:backfill true` in infra/bootstrap), and bring it up."
)


def backfill(stack: Stack, now: datetime | None = None) -> str:
    """Launch a backfill of the stack's raw orders; what to say of it. Inputs of the environment: IN, a folder of the
    raw bucket (all of it); OUT, a name for the result in the bucket of backfills (the job's); MODEL, the version that
    scores (none: features are written); AT, the moment after which orders are left out.

    Raises `UsageError` for an input that names nothing there can be, `DeliveryError` where the stack has no backfills
    or the launch is refused.
    """
    outputs = stack.outputs()
    if not outputs.get("backfill_template"):
        raise DeliveryError(SWITCHED_OFF.format(name=stack.name))
    name = f"orderguard-{stack.setting('environment')}-backfill-{now or datetime.now(UTC):%Y%m%d-%H%M%S}"
    asked = Launch(str(outputs["backfill_template"]), name, parameters(stack.environment, outputs, name))
    if on_google_cloud(stack.environment):
        return _on_google_cloud(stack, asked)
    return _on_this_machine(stack, asked)


def parameters(environment: Mapping[str, str], outputs: Mapping[str, Any], name: str) -> dict[str, str]:
    """What the template is told."""
    told = {
        "in": _place("IN", environment.get("IN", ""), str(outputs["raw_bucket"])),
        "out": _place("OUT", environment.get("OUT") or name, str(outputs["backfill_bucket"])),
        "masking_key": str(outputs["backfill_masking_key"]),
    }
    if version := environment.get("MODEL"):
        told["model"] = _place("MODEL", version, str(outputs["models_bucket"]))
    return told | ({"at": environment["AT"]} if environment.get("AT") else {})


def _place(variable: str, text: str, bucket: str) -> str:
    """A folder of a bucket of the stack."""
    if text.startswith(f"gs://{bucket}/"):
        text = text.removeprefix(f"gs://{bucket}/")
    if not text and variable == "IN":
        return f"gs://{bucket}/"
    if not _NAME.fullmatch(text) or ".." in text:
        raise UsageError(
            f"{variable}={text}: on Dataflow that is a folder of the bucket {bucket}. Write its name there."
        )
    return f"gs://{bucket}/{text.rstrip('/')}"


def _on_google_cloud(stack: Stack, asked: Launch) -> str:
    project, region = stack.setting("project", "gcp"), stack.setting("region", "gcp")
    body = {
        "launchParameter": {
            "jobName": asked.name,
            "containerSpecGcsPath": asked.template,
            "parameters": dict(asked.parameters),
        }
    }
    path = f"/v1b3/projects/{project}/locations/{region}/flexTemplates:launch"
    status, answer = ask(DATAFLOW, path, google_headers(), body)
    if status != 200:
        why = (answer.get("error") or {}).get("message") or "no answer"
        raise DeliveryError(
            f"Dataflow did not launch {asked.template}: {status or 'no connection'}: {why}\n"
            "Whoever launches needs roles/dataflow.developer, to act as the account of backfills, and to read the "
            "template: docs/technical/infrastructure.md#backfills"
        )
    job = str((answer.get("job") or {}).get("id", ""))
    return (
        f"{asked.name} is launched: it writes {asked.parameters['out']}\n"
        f"watch it: https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}\n"
        f"when it has ended well, {asked.parameters['out']}/manifest.json is there"
    )


def _on_this_machine(stack: Stack, asked: Launch) -> str:
    cloud = Cloud(home_from(stack.environment), stack.name)
    try:
        code = launch_here(cloud, asked, by="make backfill")
    except JobError as problem:
        raise DeliveryError(f"The template was not launched. {problem}") from None
    if code:
        raise DeliveryError(f"{asked.name} failed with code {code}; launched again with the same OUT, it goes on.")
    bucket, _, folder = asked.parameters["out"].removeprefix("gs://").partition("/")
    return f"{asked.name} is done: {cloud.bucket(bucket) / folder}"
