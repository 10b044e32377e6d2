"""What a revision or a job must be allowed before it starts: read its secrets, pull its image, read the buckets that
it mounts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.local import iam
from infra.local.cloud import Cloud
from infra.local.provider.resource import Place
from infra.local.services import docker


def missing(cloud: Cloud, template: Mapping[str, Any], place: Place) -> list[str]:
    """What Google Cloud would say for each right that the template's service account lacks; none where it may start."""
    policies = iam.policies(cloud)
    default = f"{place.number}-compute@developer.gserviceaccount.com"
    account = str(template.get("serviceAccount") or default)
    edits = account == default  # a project's default account is its Editor, which reads all but secrets
    member = f"serviceAccount:{account}"
    agent = f"serviceAccount:service-{place.number}@serverless-robot-prod.iam.gserviceaccount.com"
    project = f"project:{place.project}"
    problems = []
    for path, secret in _secrets(template):
        name = secret.rpartition("/")[2]
        if not policies.allows(member, iam.SECRET_ACCESS, f"secret:{place.project}/{name}", project):
            problems.append(
                f"{path}: Permission denied on secret: projects/{place.number}/secrets/{name}/versions/latest for"
                f" Revision service account {account}. The service account used must be granted the 'Secret Manager"
                " Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level."
            )
    for image in (str(container["image"]) for container in template.get("containers") or ()):
        found = docker.repository_of(image)
        # Cloud Run's own agent pulls from its project; who may from a registry not of this cloud, nobody here knows.
        if found is None or found[0] == place.project or not docker.has_repository(cloud, image):
            continue
        resources = (f"repository:{found[0]}/{found[2]}", f"project:{found[0]}")
        if not any(policies.allows(one, iam.IMAGE_PULL, *resources) for one in (member, agent)):
            problems.append(
                f"{account} must have permission to read the image, {image}. Ensure that the provided container image"
                " URL is correct and that the above account has permission to access the image"
                " (roles/artifactregistry.reader)."
            )
    for bucket in _buckets(template):
        for permission in (iam.OBJECT_LIST, iam.OBJECT_READ):
            if not edits and not policies.allows(member, permission, f"bucket:{bucket}", project):
                problems.append(
                    f"Mounting the bucket {bucket!r} failed: googleapi: Error 403: {account} does not have {permission}"
                    f" access to the Google Cloud Storage bucket. Permission '{permission}' denied on resource (or it"
                    " may not exist)., forbidden"
                )
                break
    return problems


def _secrets(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, container in enumerate(template.get("containers") or ()):
        for index, variable in enumerate(container.get("envs") or ()):
            reference = (variable.get("valueSource") or {}).get("secretKeyRef")
            if reference:
                yield (
                    f"spec.template.spec.containers[{number}].env[{index}].value_from.secret_key_ref.name",
                    str(reference["secret"]),
                )
    for number, volume in enumerate(template.get("volumes") or ()):
        if "secret" in volume:
            yield f"spec.template.spec.volumes[{number}].secret.secret_name", str(volume["secret"]["secret"])


def _buckets(template: Mapping[str, Any]) -> Iterator[str]:
    for volume in template.get("volumes") or ():
        if "gcs" in volume:
            yield str(volume["gcs"]["bucket"])
