"""Flex templates of Dataflow: `flexTemplates.launch` on this machine.

The template's image runs as a Cloud Run job does here, as the account that the template names and with what that may
do, and is told to use Beam's runner for one machine. Buckets that its parameters name are folders meanwhile.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local import iam
from infra.local.cloud import Cloud
from infra.local.image import run_config
from infra.local.jobs import JobError, execute
from infra.local.objects.failure import Failure
from infra.local.objects.store import Store
from infra.local.provider.outputs import project_number
from infra.local.provider.resource import Place
from infra.local.services import docker

RUNNER = "DirectRunner"
PROGRAM = "FLEX_TEMPLATE_PYTHON_PY_FILE"
"""What names, in an image, the program that Dataflow's launcher runs."""
PLACE = re.compile(r"gs://([^/]+)/?(.*)")
WRITES = ("GCS_WRITE_FOLDER", "GCS_WRITE_FILE", "GCS_WRITE_BUCKET")
MOUNT = "/gcs"
_LONGEST = "604800s"


class TemplateError(JobError):
    """The template can't be launched; the message is Dataflow's, where it has one."""


@dataclass(frozen=True)
class Launch:
    """What `flexTemplates.launch` is asked for: `containerSpecGcsPath`, `jobName` and `parameters`."""

    template: str
    name: str
    parameters: Mapping[str, str]


def launch(cloud: Cloud, asked: Launch, *, by: str = "run-template", shows: bool = True) -> int:
    """Run a template's job to its end; its exit code.

    Raises TemplateError for a template that is not there or parameters that it doesn't take, JobError for a right that
    its account lacks.
    """
    spec = specification(cloud, asked.template)
    _check(spec, asked.parameters)
    environment = spec.get("defaultEnvironment") or {}
    account = str(environment.get("serviceAccountEmail") or "")
    project = account.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    _require_writing(cloud, spec, asked.parameters, account, project)
    place = Place(project=project, number=project_number(project), region="", urn="", type="", id=asked.name)
    return execute(cloud, asked.name, _job(cloud, spec, asked, account), place, by=by, shows=shows)


def specification(cloud: Cloud, path: str) -> dict[str, Any]:
    """The container specification in a bucket's object. Raises TemplateError."""
    found = PLACE.fullmatch(path)
    if not found:
        raise TemplateError(f"{path!r} is no place in Cloud Storage: write gs://BUCKET/OBJECT")
    try:
        _, file = Store(cloud, found[1]).opened(found[2])
    except Failure:
        raise TemplateError(f"Unable to open template file: {path}. It is not there, or may not be read.") from None
    try:
        with file:
            spec = json.load(file)
        image = spec["image"]
    except (ValueError, KeyError, TypeError):
        raise TemplateError(f"Invalid template file: {path} is no container specification") from None
    if docker.manifest(cloud, str(image)) is None:
        raise TemplateError(f"The template's image {image} is not on this machine")
    return dict(spec)


def _check(spec: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    """As Dataflow does before it starts a machine."""
    known = {str(one["name"]): one for one in (spec.get("metadata") or {}).get("parameters") or ()}
    problems = [f"{name}: Unrecognized parameter" for name in parameters if name not in known]
    for name, one in known.items():
        value = parameters.get(name)
        if value is None:
            problems += [] if one.get("isOptional") else [f"{name}: Missing required parameter"]
        elif not all(re.fullmatch(pattern, value) for pattern in one.get("regexes") or ()):
            problems.append(f"{name}: Value did not match the regular expression {' and '.join(one['regexes'])}")
    if problems:
        raise TemplateError("The template parameters are invalid. Details:\n" + "\n".join(problems))


def _require_writing(
    cloud: Cloud, spec: Mapping[str, Any], parameters: Mapping[str, str], account: str, project: str
) -> None:
    policies = iam.policies(cloud)
    for one in (spec.get("metadata") or {}).get("parameters") or ():
        found = PLACE.fullmatch(parameters.get(str(one["name"]), ""))
        if not found or one.get("paramType") not in WRITES:
            continue
        member, bucket = f"serviceAccount:{account}", f"bucket:{found[1]}"
        if not policies.allows(member, iam.OBJECT_CREATE, bucket, f"project:{project}"):
            raise TemplateError(
                f"{account} does not have {iam.OBJECT_CREATE} access to the Google Cloud Storage bucket {found[1]}."
                f" Permission '{iam.OBJECT_CREATE}' denied on resource (or it may not exist)."
            )


def _job(cloud: Cloud, spec: Mapping[str, Any], asked: Launch, account: str) -> dict[str, Any]:
    """A job's template that does what the template's launcher would."""
    image = docker.manifest(cloud, str(spec["image"])) or {}
    wanted = run_config(str(image["dockerfile"]), image["arguments"], image["target"])
    program = wanted.environment.get(PROGRAM)
    if not program:
        raise TemplateError(f"The template's image says nothing of what to run: it sets no {PROGRAM}")
    words = [f"--{name}={_below_mount(value)}" for name, value in asked.parameters.items()]
    buckets = sorted(set(_buckets(asked.parameters)))
    return {
        "taskCount": 1,
        "template": {
            "serviceAccount": account,
            "maxRetries": 0,
            "timeout": _LONGEST,
            "volumes": [{"name": bucket, "gcs": {"bucket": bucket}} for bucket in buckets],
            "containers": [
                {
                    "image": spec["image"],
                    "commands": ["python", program],
                    "args": [*words, f"--runner={RUNNER}", f"--job_name={asked.name}"],
                    "volumeMounts": [{"name": bucket, "mountPath": f"{MOUNT}/{bucket}"} for bucket in buckets],
                }
            ],
        },
    }


def _below_mount(value: str) -> str:
    found = PLACE.fullmatch(value)
    return f"{MOUNT}/{found[1]}/{found[2]}".rstrip("/") if found else value


def _buckets(parameters: Mapping[str, str]) -> Iterator[str]:
    for value in parameters.values():
        if found := PLACE.fullmatch(value):
            yield found[1]
