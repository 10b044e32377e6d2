"""Images: the serving base (Dockerfile.slim), the service, the training job and backfills (Dockerfile), built by
whatever builder is there.

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
from delivery.commands import REPOSITORY, commit, run, stream, tag
from delivery.errors import DeliveryError
from delivery.provenance import MAIN, on_main, require_attestation
from delivery.stack import Stack, on_google_cloud
from delivery.tokens import access_token
from infra.local.cloud import Cloud
from infra.local.home import DEFAULT_STACK, home_from
from infra.local.services.docker import push_image

SLIM, SCORER, TRAINER, BACKFILL = "orderguard-slim", "orderguard", "orderguard-train", "orderguard-backfill"
RELEASED = ("staging", "prod")
"""The stacks that the pipeline's images serve."""
BUILT_BY = ".github/workflows/deploy.yml"


@dataclass(frozen=True)
class Image:
    """One image to build: its name, its Dockerfile and the stage of it (None: the last)."""

    name: str
    dockerfile: str
    target: str | None = None


IMAGES = (Image(SLIM, "Dockerfile.slim"), Image(SCORER, "Dockerfile", "serve"), Image(TRAINER, "Dockerfile", "train"))
OF_BACKFILLS = Image(BACKFILL, "Dockerfile", "backfill")


def wanted(stacks: Sequence[str] = RELEASED) -> tuple[Image, ...]:
    """The images that these stacks run; that of backfills where one of them has them."""
    return (*IMAGES, OF_BACKFILLS) if any(Stack(name).setting("backfill") == "True" for name in stacks) else IMAGES


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
    if image.name == SLIM and (packages := environment.get("SERVING_PACKAGES") or _packages()):
        words += ["--build-arg", f"SERVING_PACKAGES={packages}"]
    if base := environment.get("PYTHON_IMAGE"):
        words += ["--build-arg", f"PYTHON_IMAGE={base}"]
    return words


def _packages() -> str:
    """What serving needs beside the usual: Google's client, where a stack answers questions with Vertex AI."""
    return "vertex" if any(Stack(name).setting("ragProvider") == "vertex" for name in RELEASED) else ""


def build(
    commit: str,
    environment: Mapping[str, str] = os.environ,
    *,
    context: Path = REPOSITORY,
    images: Sequence[Image] | None = None,
    fresh: bool = False,
) -> dict[str, str]:
    """Build images from `context`, tagged with the commit and `latest`; name → reference. `fresh` reuses no layer."""
    tool = builder(environment)
    if tool == "buildah" and not environment.get("PYTHON_IMAGE") and not registry_is_reached():
        environment = {**environment, "PYTHON_IMAGE": base.ensure(buildah_environment(environment))}
    prefix = "" if tool == "docker" else "localhost/"
    references: dict[str, str] = {}
    for image in wanted() if images is None else images:
        reference = f"{prefix}{image.name}:{commit}"
        words = build_arguments(image, commit, references.get(SLIM, ""), environment)
        words += ["--tag", reference, "--tag", f"{prefix}{image.name}:latest", *(["--no-cache"] if fresh else []), "."]
        print(f"==> {image.name} with {tool}", flush=True)
        if tool == "docker":
            stream(["docker", "buildx", "build", "--load", "--provenance=false", *words], folder=context)
        else:
            command = ["buildah", "build", "--quiet", "--timestamp", "0", "--layers", *words]
            run(command, folder=context, environment=buildah_environment(environment))
        references[image.name] = reference
    return references


def buildah_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """buildah with neither a daemon nor privileges beyond a chroot."""
    return {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs", **environment}


def sign_in(registry: str) -> None:
    """Let Docker, and whatever reads its settings (gh, syft, GitHub's attestations), into a registry, for an hour.

    A token in Docker's settings serves all of them; not each knows gcloud's credential helper.
    """
    host = registry.partition("/")[0]
    run(["docker", "login", "--username", "oauth2accesstoken", "--password-stdin", host], given=access_token())


def push(registry: str, commit: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Build and push to `registry` with the commit's SHA and `latest`; name → digest.

    On Google Cloud BuildKit builds; on the local cloud the registry is the stack's. A digest is that of one image for
    one platform, without BuildKit's own attestations: those would make it an index with the time of the build in it,
    another at each run, whereas a signature and a repeated run need the same digest for the same content. Provenance
    and the list of contents come from the pipeline.
    """
    if not on_google_cloud(environment):
        return _push_locally(registry, commit, environment)
    sign_in(registry)
    digests: dict[str, str] = {}
    for image in wanted():
        repository = f"{registry}/{image.name}"
        print(f"==> {repository}:{commit}", flush=True)
        metadata = REPOSITORY / "reports" / f"{image.name}.metadata.json"
        cache = f"type=registry,ref={repository}:buildcache"
        slim = f"{registry}/{SLIM}@{digests[SLIM]}" if SLIM in digests else ""
        words = ["docker", "buildx", "build", "--sbom=false", "--provenance=false"]
        words += ["--output", "type=registry,rewrite-timestamp=true"]
        words += build_arguments(image, commit, slim, environment)
        words += ["--cache-from", cache, "--cache-to", f"{cache},mode=max", "--metadata-file", str(metadata)]
        words += ["--tag", f"{repository}:{commit}", "--tag", f"{repository}:latest", "."]
        stream(words, environment={"SOURCE_DATE_EPOCH": "0", **environment})
        digests[image.name] = json.loads(metadata.read_text(encoding="utf-8"))["containerimage.digest"]
    return digests


def promote(source: str, target: str, digests: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """Bring pushed images (name → digest) from one registry to another, byte for byte, with the commit's SHA and
    `latest` as tags.

    Raises `DeliveryError` where the copy would have another digest.
    """
    if source == target:
        return
    here = commit()
    if not on_google_cloud(environment):
        copied = _push_locally(target, here, environment)
        if any(copied[name] != digest for name, digest in digests.items()):
            raise DeliveryError(f"The images in {target} are not those in {source}: the tree has changed in between.")
        return
    sign_in(source)
    sign_in(target)
    for name, digest in digests.items():
        tags = ["--tag", f"{target}/{name}:{here}", "--tag", f"{target}/{name}:latest"]
        # Without --prefer-index=false one image would be wrapped in an index, which has another digest.
        copy = ["docker", "buildx", "imagetools", "create", "--prefer-index=false", *tags, f"{source}/{name}@{digest}"]
        run(copy)
        run(["docker", "buildx", "imagetools", "inspect", f"{target}/{name}@{digest}"])


def verify(registry: str, digests: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> str:
    """Check where the images (name → digest) come from; returns what was found. Raises `DeliveryError` where one is
    foreign.

    On Google Cloud that is GitHub's attestation by the deploying workflow of this repository, at this commit of main
    and tag and on GitHub's own runners; on the local cloud the digest says it: the same tree gives the same.
    """
    if on_google_cloud(environment):
        if (here := commit()) not in on_main():
            raise DeliveryError(f"{here[:12]} is not a commit of {MAIN}: only what main itself held is deployed.")
        sign_in(registry)
        for name, digest in digests.items():
            image = f"oci://{registry}/{name}@{digest}"
            require_attestation(image, BUILT_BY, f"refs/tags/{tag(environment)}", here, environment)
        return f"{_listed(registry, digests)} were built by {BUILT_BY} at {here}"
    pushed = _push_locally(registry, commit(), environment)
    if foreign := [name for name, digest in digests.items() if pushed[name] != digest]:
        raise DeliveryError(f"{', '.join(foreign)} in {registry} was not built from this tree.")
    return f"{_listed(registry, digests)} were built from this tree"


def sign(stack: Stack, registry: str, digests: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> str:
    """Sign the images (name → digest) for the stack's attestor; returns what was done.

    Binary Authorization lets no other image run there. The attestor itself says by which key, so no setting names it;
    of several it is the newest. The local cloud declares the rule and has no keys to sign with.
    """
    attestor = stack.setting("attestor")
    if not attestor or not on_google_cloud(environment):
        return f"{stack.name} names no attestor: nothing to sign" if not attestor else "the local cloud signs nothing"
    project = attestor.split("/")[1]
    asked = ["gcloud", "container", "binauthz", "attestors", "describe", attestor, "--format", "json"]
    note = json.loads(run(asked)).get("userOwnedGrafeasNote") or {}
    prefix = "//cloudkms.googleapis.com/v1/"
    keys = [key["id"].removeprefix(prefix) for key in note.get("publicKeys", []) if key["id"].startswith(prefix)]
    if not keys:
        raise DeliveryError(
            f"The attestor {attestor} has no key of Cloud KMS: register it as docs/technical/infrastructure.md says."
        )
    for name, digest in digests.items():
        command = ["gcloud", "beta", "container", "binauthz", "attestations", "sign-and-create", "--quiet"]
        command += ["--project", project, "--attestor", attestor, "--keyversion", keys[-1]]
        run([*command, "--artifact-url", f"{registry}/{name}@{digest}"])
    return f"{_listed(registry, digests)} are signed for {attestor}"


def _listed(registry: str, digests: Mapping[str, str]) -> str:
    return ", ".join(f"{registry}/{name}@{digest}" for name, digest in digests.items())


def _push_locally(registry: str, commit: str, environment: Mapping[str, str]) -> dict[str, str]:
    cloud = Cloud(home_from(environment), environment.get("STACK") or DEFAULT_STACK)
    digests: dict[str, str] = {}
    for image in wanted((*RELEASED, cloud.stack)):
        arguments = {"COMMIT": commit}
        if SLIM in digests:
            arguments["SLIM_IMAGE"] = f"{SLIM}@{digests[SLIM]}"  # without the registry: a copy is the same image
        for label in (commit, "latest"):
            name, dockerfile = f"{registry}/{image.name}:{label}", REPOSITORY / image.dockerfile
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
