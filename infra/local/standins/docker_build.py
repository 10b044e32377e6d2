"""pulumi-docker-build: an image is frozen and pushed as one of pulumi-docker is (`services/docker.py`)."""

import tempfile
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.image import ImageError, context_digest
from infra.local.provider.resource import Refused
from infra.local.provider.values import known
from infra.local.services.docker import manifest, push_image, untagged
from infra.local.standins.kind import Kind, Made, Values

_DIGEST = "contextDigest"


def _paths(inputs: Values, folder: Path) -> tuple[Path, Path]:
    """The build context and the Dockerfile; one that is written in the program goes into `folder`."""
    context = inputs.get("context") or {}
    location = str(context.get("location") or ".") if isinstance(context, dict) else "."
    if "://" in location or location.startswith("git@"):
        raise Refused(f"the build context {location!r} is an address: the local cloud builds from a folder")
    described: Any = inputs.get("dockerfile") or {}
    if described.get("inline"):
        written = folder / "Dockerfile"
        written.write_text(str(described["inline"]))
        return Path(location).resolve(), written
    path = Path(str(described["location"])) if described.get("location") else Path(location) / "Dockerfile"
    return Path(location).resolve(), path.resolve()


def _with_digest(inputs: Values) -> Values:
    """A changed file is a changed image, in preview already."""
    if not known(inputs.get("context")) or not known(inputs.get("dockerfile")):
        return inputs
    with tempfile.TemporaryDirectory() as folder:
        try:
            return {**inputs, _DIGEST: context_digest(*_paths(inputs, Path(folder)))}
        except ImageError as problem:
            raise Refused(str(problem)) from None


def _make(cloud: Cloud, name: str, inputs: Values) -> Made:
    tags = [str(one) for one in inputs.get("tags") or ()]
    arguments = {str(key): str(value) for key, value in (inputs.get("buildArgs") or {}).items()}
    with tempfile.TemporaryDirectory() as folder:
        context, dockerfile = _paths(inputs, Path(folder))
        digests = [
            push_image(cloud, tag, context, dockerfile, inputs.get("target"), arguments)
            for tag in tags or [f"{name}:latest"]
        ]
    digest = digests[0]
    outputs: Values = {"digest": digest, "contextHash": inputs.get(_DIGEST, "")}
    if tags:
        outputs["ref"] = f"{untagged(tags[0])}@{digest}"
    return Made(digest, outputs)


def _change(cloud: Cloud, identity: str, old: Values, new: Values) -> Values:
    return _make(cloud, "image", new).outputs


def _index(cloud: Cloud, name: str, inputs: Values) -> Made:
    """An index over images of several platforms: here the first of them."""
    sources = [str(one) for one in inputs.get("sources") or ()]
    if not sources or manifest(cloud, sources[0]) is None:
        raise Refused(f"{name}: none of the images {sources} was built here")
    return Made(str(inputs["tag"]), {"ref": sources[0]})


_KINDS = {
    "Image": Kind(_make, change=_change, complete=_with_digest),
    "Index": Kind(_index, ("sources", "tag")),
}


def kind(token: str) -> Kind | None:
    """How a type of `docker-build` acts."""
    return _KINDS.get(token.rpartition(":")[2])
