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
from delivery.commands import REPOSITORY, run, stream
from delivery.errors import DeliveryError

SLIM, SERVICE, TRAINER = "orderguard-slim", "orderguard", "orderguard-train"


@dataclass(frozen=True)
class Image:
    """One image to build: its name, its Dockerfile and the stage of it (None: the last)."""

    name: str
    dockerfile: str
    target: str | None = None


IMAGES = (Image(SLIM, "Dockerfile.slim"), Image(SERVICE, "Dockerfile", "serve"), Image(TRAINER, "Dockerfile", "train"))


@dataclass(frozen=True)
class Size:
    """What an image weighs, in bytes: all of it, and the layers above the Python runtime layer."""

    total: int
    layers: tuple[int, ...]


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
    """Build with BuildKit and push to `registry` with the commit's SHA and `latest`, SBOM and provenance attached; name
    → digest."""
    digests: dict[str, str] = {}
    for image in IMAGES:
        repository = f"{registry}/{image.name}"
        metadata = REPOSITORY / "reports" / f"{image.name}.metadata.json"
        metadata.parent.mkdir(exist_ok=True)
        print(f"==> {repository}:{commit}", flush=True)
        cache = f"type=registry,ref={repository}:buildcache"
        slim = f"{registry}/{SLIM}@{digests[SLIM]}" if SLIM in digests else ""
        stream(
            [
                "docker",
                "buildx",
                "build",
                *build_arguments(image, commit, slim, environment),
                "--push",
                "--sbom=true",
                "--provenance=mode=max",
            ]
            + ["--cache-from", cache, "--cache-to", f"{cache},mode=max", "--metadata-file", str(metadata)]
            + ["--tag", f"{repository}:{commit}", "--tag", f"{repository}:latest", "."],
            environment={"SOURCE_DATE_EPOCH": "0", **environment},
        )
        digests[image.name] = json.loads(metadata.read_text(encoding="utf-8"))["containerimage.digest"]
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
