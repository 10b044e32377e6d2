"""Images: the serving base (Dockerfile.slim), the service and the training job (Dockerfile), built by whatever builder
is there.

Docker with BuildKit builds and pushes in the pipeline; buildah builds on a machine without a daemon. Both get the same
arguments, and file times are fixed, so the same commit gives the same content. PYTHON_IMAGE in the environment replaces
the pinned base; where no image registry is reached, buildah gets one that `delivery.base` makes.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from delivery import base
from delivery.commands import REPOSITORY, commit, run, stream
from delivery.errors import DeliveryError
from delivery.stack import on_google_cloud
from infra.local.cloud import Cloud
from infra.local.home import DEFAULT_STACK, home_from
from infra.local.services.docker import push_image

SLIM, SCORER, TRAINER = "orderguard-slim", "orderguard", "orderguard-train"


@dataclass(frozen=True)
class Image:
    """One image to build: its name, its Dockerfile and the stage of it (None: the last)."""

    name: str
    dockerfile: str
    target: str | None = None


IMAGES = (Image(SLIM, "Dockerfile.slim"), Image(SCORER, "Dockerfile", "serve"), Image(TRAINER, "Dockerfile", "train"))


def builder(environment: Mapping[str, str] = os.environ) -> str:
    """`docker` where its engine answers, else `buildah`. Raises `DeliveryError` where there is neither."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        return "docker"
    if shutil.which("buildah"):
        return "buildah"
    raise DeliveryError(
        "No image builder is here: install Docker, or buildah (Debian and Ubuntu: apt-get install buildah)."
    )


def registry_is_reached() -> bool:
    """Whether the host of the pinned base has an address here. A closed network answers at once."""
    try:
        return bool(socket.getaddrinfo("registry-1.docker.io", 443))
    except OSError:
        return False


def build_arguments(image: Image, commit: str, slim: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The part of the command line that Docker and buildah share."""
    words = ["--file", image.dockerfile, "--build-arg", f"COMMIT={commit}"]
    if image.name != SLIM:
        words += ["--build-arg", f"SLIM_IMAGE={slim}", "--target", str(image.target)]
    if image.name == SLIM and (packages := environment.get("SERVING_PACKAGES")):
        words += ["--build-arg", f"SERVING_PACKAGES={packages}"]
    if base := environment.get("PYTHON_IMAGE"):
        words += ["--build-arg", f"PYTHON_IMAGE={base}"]
    return words


def build(
    commit: str,
    environment: Mapping[str, str] = os.environ,
    *,
    context: Path = REPOSITORY,
    wanted: Sequence[Image] = IMAGES,
    fresh: bool = False,
) -> dict[str, str]:
    """Build images from `context`, tagged with the commit and `latest`; name → reference. `fresh` reuses no layer."""
    tool = builder(environment)
    if tool == "buildah" and not environment.get("PYTHON_IMAGE") and not registry_is_reached():
        environment = {**environment, "PYTHON_IMAGE": base.ensure(buildah_environment(environment))}
    prefix = "" if tool == "docker" else "localhost/"
    references: dict[str, str] = {}
    for image in wanted:
        reference = f"{prefix}{image.name}:{commit}"
        words = build_arguments(image, commit, references.get(SLIM, ""), environment)
        words += ["--tag", reference, "--tag", f"{prefix}{image.name}:latest", *(["--no-cache"] if fresh else []), "."]
        print(f"==> {image.name} with {tool}", flush=True)
        if tool == "docker":
            stream(["docker", "buildx", "build", "--load", *words], folder=context)
        else:
            command = ["buildah", "build", "--quiet", "--timestamp", "0", "--layers", *words]
            run(command, folder=context, environment=buildah_environment(environment))
        references[image.name] = reference
    return references


def buildah_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """buildah with neither a daemon nor privileges beyond a chroot."""
    return {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs", **environment}


def push(registry: str, commit: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Build and push to `registry` with the commit's SHA and `latest`; name → digest.

    On Google Cloud BuildKit builds, and attaches SBOM and provenance; on the local cloud the registry is the stack's.
    """
    if not on_google_cloud(environment):
        return _push_locally(registry, commit, environment)
    _sign_in(registry)
    digests: dict[str, str] = {}
    for image in IMAGES:
        repository = f"{registry}/{image.name}"
        print(f"==> {repository}:{commit}", flush=True)
        metadata = REPOSITORY / "reports" / f"{image.name}.metadata.json"
        cache = f"type=registry,ref={repository}:buildcache"
        slim = f"{registry}/{SLIM}@{digests[SLIM]}" if SLIM in digests else ""
        words = ["docker", "buildx", "build", "--push", "--sbom=true", "--provenance=mode=max"]
        words += build_arguments(image, commit, slim, environment)
        words += ["--cache-from", cache, "--cache-to", f"{cache},mode=max", "--metadata-file", str(metadata)]
        words += ["--tag", f"{repository}:{commit}", "--tag", f"{repository}:latest", "."]
        stream(words, environment={"SOURCE_DATE_EPOCH": "0", **environment})
        digests[image.name] = json.loads(metadata.read_text(encoding="utf-8"))["containerimage.digest"]
    return digests


def promote(source: str, target: str, digests: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """Bring pushed images (name → digest) from one registry to another, byte for byte, with the commit's SHA as tag.

    Raises `DeliveryError` where the copy would have another digest.
    """
    if source == target:
        return
    tag = commit()
    if not on_google_cloud(environment):
        copied = _push_locally(target, tag, environment)
        if any(copied[name] != digest for name, digest in digests.items()):
            raise DeliveryError(f"The images in {target} are not those in {source}: the tree has changed in between.")
        return
    _sign_in(source, target)
    for name, digest in digests.items():
        copy = f"{target}/{name}:{tag}"
        run(["docker", "buildx", "imagetools", "create", "--tag", copy, f"{source}/{name}@{digest}"])


def verify(registry: str, digest: str, repository: str, environment: Mapping[str, str] = os.environ) -> str:
    """Check where the service's image comes from; returns what was found. Raises `DeliveryError` where it is foreign.

    On Google Cloud that is GitHub's attestation by a workflow of `repository` (owner/name); on the local cloud the
    digest says it: the same tree gives the same.
    """
    reference = f"{registry}/{SCORER}@{digest}"
    if on_google_cloud(environment):
        _sign_in(registry)
        run(["gh", "attestation", "verify", f"oci://{reference}", "--repo", repository])
        return f"{reference} was built by a workflow of {repository}"
    if _push_locally(registry, commit(), environment)[SCORER] != digest:
        raise DeliveryError(f"{reference} was not built from this tree.")
    return f"{reference} was built from this tree"


def sign(registry: str, digests: Mapping[str, str], attestor: str, key_version: str) -> None:
    """Sign pushed images (name → digest) for a Binary Authorization attestor: without that nothing runs where a stack
    names one."""
    for name, digest in digests.items():
        command = ["gcloud", "beta", "container", "binauthz", "attestations", "sign-and-create", "--quiet"]
        command += [f"--artifact-url={registry}/{name}@{digest}", f"--attestor={attestor}"]
        run([*command, f"--keyversion={key_version}"])


def _sign_in(*registries: str) -> None:
    """Let Docker, and what asks Docker for its sign-in, into Artifact Registry with gcloud's credentials."""
    hosts = sorted({registry.partition("/")[0] for registry in registries})
    run(["gcloud", "auth", "configure-docker", ",".join(hosts), "--quiet"])


def _push_locally(registry: str, commit: str, environment: Mapping[str, str]) -> dict[str, str]:
    cloud = Cloud(home_from(environment), environment.get("STACK") or DEFAULT_STACK)
    digests: dict[str, str] = {}
    for image in IMAGES:
        arguments = {"COMMIT": commit}
        if SLIM in digests:
            arguments["SLIM_IMAGE"] = f"{SLIM}@{digests[SLIM]}"  # without the registry: a copy is the same image
        for tag in (commit, "latest"):
            name, dockerfile = f"{registry}/{image.name}:{tag}", REPOSITORY / image.dockerfile
            digests[image.name] = push_image(cloud, name, REPOSITORY, dockerfile, image.target, arguments)
    return digests


def export(reference: str, archive: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Write an image that was built here as a Docker archive, which any tool reads."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.unlink(missing_ok=True)
    if builder(environment) == "docker":
        run(["docker", "save", "--output", str(archive), reference])
    else:
        run(
            ["buildah", "push", "--quiet", reference, f"docker-archive:{archive}"],
            environment=buildah_environment(environment),
        )
