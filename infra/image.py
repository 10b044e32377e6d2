"""The container images: built here, or named by the digest under which a pipeline has pushed them already."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_docker as docker

from infra.component import Component
from infra.config import Settings
from infra.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
# The serving base, the scoring service, the training job, backfills: their names in the registry.
SLIM, SCORER, TRAINER, BACKFILL = "orderguard-slim", "orderguard", "orderguard-train", "orderguard-backfill"
PLATFORM = "linux/amd64"
SOCKET = Path("/var/run/docker.sock")
# What the images are made of, beside their Dockerfile; .dockerignore has the exact list.
CONTEXT = ("app", "data/knowledge", "ml", "orderguard", "requirements", "Dockerfile.slim")
# The user of both images. Cloud Storage FUSE gives the files of a mount to root unless it is told whose they are.
USER = 65_532
OWNED = (f"uid={USER}", f"gid={USER}")


def commit() -> str:
    """The commit that images are tagged with: ORDERGUARD_COMMIT, else the work tree's, else `unversioned` outside a
    clone.
    """
    if stated := os.environ.get("ORDERGUARD_COMMIT"):
        return stated
    asked = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )  # nosec B603 B607
    return asked.stdout.strip() or "unversioned"


def docker_is_here() -> bool:
    """Whether the `docker` provider can start: it reaches for a daemon and for Docker's file of sign-ins at once, in a
    preview too. A daemon that DOCKER_HOST names is taken to be there.
    """
    if os.environ.get("DOCKER_HOST"):
        return True
    home = Path.home()
    sockets = (SOCKET, home / ".docker/run/docker.sock", home / ".docker/desktop/docker.sock")
    signed_in = Path(os.environ.get("DOCKER_CONFIG", home / ".docker")) / "config.json"
    return any(map(Path.exists, sockets)) and signed_in.exists()


def context_hash(dockerfile: str) -> str:
    """SHA-256 over the names and contents of what git tracks here and the Dockerfile: another file, another hash.

    It stands for an image's digest in a preview without Docker. It covers more than goes into the image, so that no
    change is missed.
    """
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", *CONTEXT, dockerfile]
    names = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split("\0")  # nosec B603
    found = hashlib.sha256()
    for name in sorted(filter(None, names)):
        if (path := ROOT / name).is_file():
            found.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


class Images(Component):
    """The images of the scoring service, the training job and (where the stack has them) backfills, each named by
    digest: a tag that moves later changes nothing that runs.

    They are built here and tagged with the commit and `latest`. Where the settings name digests nothing is built: a
    pipeline has pushed, scanned and signed those images, and the same bytes are deployed. A preview on a machine
    without Docker, or without its sign-in, names them by the hash of their build context and asks for neither.
    """

    def __init__(
        self, name: str, settings: Settings, registry: Registry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._registry, self._commit = registry, commit()
        self.scorer: pulumi.Output[str]
        self.trainer: pulumi.Output[str]
        self.backfill: pulumi.Output[str] | None = None
        if settings.image_digest:
            address = settings.image_registry or registry.address
            self.scorer = pulumi.Output.concat(address, f"/{SCORER}@", settings.image_digest)
            self.trainer = pulumi.Output.concat(address, f"/{TRAINER}@", settings.trainer_image_digest)
            if settings.backfill:
                self.backfill = pulumi.Output.concat(address, f"/{BACKFILL}@", settings.backfill_image_digest)
        elif pulumi.runtime.is_dry_run() and not docker_is_here():
            pulumi.log.info(
                "No Docker daemon, or no sign-in of it, is here: this preview names the images by the hash of their"
                " build context. `up` builds them, or takes orderguard:imageDigest and orderguard:trainerImageDigest.",
                self,
            )
            self.scorer, self.trainer, backfill = (
                pulumi.Output.concat(registry.address, f"/{name}@sha256:", context_hash("Dockerfile"))
                for name in (SCORER, TRAINER, BACKFILL)
            )
            self.backfill = backfill if settings.backfill else None
        else:
            # Unlike an image, a tag is pushed with what the provider was told: here, Docker's own sign-in.
            self._signed_in = docker.Provider(
                "registry", registry_auth=[{"address": f"{settings.region}-docker.pkg.dev"}], opts=self.within
            )
            packages = "vertex" if settings.rag_provider == "vertex" else "serve"
            slim = self._build(SLIM, "Dockerfile.slim", None, {"SERVING_PACKAGES": packages})
            self.scorer = self._build(SCORER, "Dockerfile", "serve", {"COMMIT": self._commit, "SLIM_IMAGE": slim})
            self.trainer = self._build(TRAINER, "Dockerfile", "train", {"COMMIT": self._commit})
            if settings.backfill:
                self.backfill = self._build(BACKFILL, "Dockerfile", "backfill", {"COMMIT": self._commit})
        self.register_outputs({"scorer": self.scorer, "trainer": self.trainer})

    def _build(
        self, name: str, dockerfile: str, target: str | None, arguments: Mapping[str, pulumi.Input[str]]
    ) -> pulumi.Output[str]:
        repository = pulumi.Output.concat(self._registry.address, "/", name)
        image = docker.Image(
            name,
            image_name=pulumi.Output.concat(repository, ":", self._commit),
            build={
                # Relative to the program's folder: state must not depend on where a clone lies.
                "context": os.path.relpath(ROOT),
                "dockerfile": os.path.relpath(ROOT / dockerfile),
                "platform": PLATFORM,
                "target": target,
                "args": arguments,
            },
            opts=self.within,
        )
        latest = docker.Tag(
            f"{name}-latest",
            source_image=image.image_name,
            target_image=pulumi.Output.concat(repository, ":latest"),
            tag_triggers=[image.repo_digest],
            opts=self.within,
        )
        docker.RegistryImage(
            f"{name}-latest",
            name=latest.target_image,
            keep_remotely=True,
            triggers={"digest": image.repo_digest},
            opts=pulumi.ResourceOptions(parent=self, provider=self._signed_in),
        )
        return image.repo_digest
