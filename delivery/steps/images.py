"""Steps on images: built, pushed, promoted, signed, scanned."""

import os

from delivery import audit, github, images, inspection
from delivery.commands import REPOSITORY, commit
from delivery.deploy import BACKFILL_DIGEST
from delivery.steps.inputs import required, stack


def build_images() -> None:
    """Build the images here."""
    for name, reference in images.build(commit()).items():
        archive = REPOSITORY / "reports" / "images" / f"{name}.tar"
        images.export(reference, archive)
        print(inspection.table(reference, inspection.inspect(archive)))
    print("Next: make scan-image")


def push_images() -> None:
    """Build and push the images; hand their digests to later steps. Inputs: REGISTRY."""
    digests = images.push(required("REGISTRY", "the repository in Artifact Registry"), commit())
    told = {"digest": digests[images.SCORER], "train-digest": digests[images.TRAINER]}
    github.output(told | ({"backfill-digest": digests[images.BACKFILL]} if images.BACKFILL in digests else {}))


def pushed_images() -> dict[str, str]:
    """The images that the pipeline has pushed, name → digest."""
    scorer = required("IMAGE_DIGEST", "the service's image")
    found = {images.SCORER: scorer, images.TRAINER: required("TRAIN_IMAGE_DIGEST", "the training job's image")}
    backfill = os.environ.get(BACKFILL_DIGEST)
    return found | ({images.BACKFILL: backfill} if backfill else {})


def promote_image() -> None:
    """Bring the pushed images into the registry of the stack that is to be deployed. Inputs: SOURCE_REGISTRY, REGISTRY,
    IMAGE_DIGEST, TRAIN_IMAGE_DIGEST, BACKFILL_IMAGE_DIGEST (where there is one)."""
    source = required("SOURCE_REGISTRY", "where they were pushed")
    target, digests = required("REGISTRY", "this stack's registry"), pushed_images()
    images.promote(source, target, digests)
    print(f"{target} holds {', '.join(f'{name}@{digest}' for name, digest in digests.items())}")


def verify_image() -> None:
    """Check where the images that are to be deployed come from. Inputs: REGISTRY, IMAGE_DIGEST, TRAIN_IMAGE_DIGEST."""
    registry = required("REGISTRY", "this stack's registry")
    print(images.verify(registry, pushed_images()))


def sign_image() -> None:
    """Sign the images that are to be deployed for the stack's attestor, where it names one. Inputs: STACK, REGISTRY,
    IMAGE_DIGEST, TRAIN_IMAGE_DIGEST."""
    print(images.sign(stack(), required("REGISTRY", "this stack's registry"), pushed_images()))


def scan_image() -> None:
    """Look up what the built image holds among known vulnerabilities."""
    audit.image(REPOSITORY / "reports" / "images" / f"{images.SCORER}.tar")
