"""pulumi-docker: an image is a frozen copy of its build context, named by the digest of what would run."""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.containers import engines, images
from infra.local.errors import ContainerError, LocalCloudError
from infra.local.files import locked, read_json, read_object, write_json
from infra.local.home import PROJECT
from infra.local.image import ImageError, context_digest, freeze, instructions
from infra.local.packages import installed_by, python_with
from infra.local.provider.resource import Place, Read, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem
from infra.local.provider.values import Unknown, known
from infra.local.services.artifactregistry import REPOSITORY

IMAGE = "docker:index/image:Image"
_DIGEST_INPUT = "contextDigest"
_PLATFORM = "linux/amd64"
_BASE = "PYTHON_IMAGE"
"""The variable, and the build argument, that replace the base image where its registry is not reached."""


def _paths(build: Inputs) -> tuple[Path, Path]:
    """The context and the Dockerfile; relative ones start from the program's folder, where the engine starts this
    plugin."""
    context = Path(str(build.get("context") or ".")).resolve()
    dockerfile = build.get("dockerfile")
    return context, Path(str(dockerfile)).resolve() if dockerfile else context / "Dockerfile"


def _context_is_there(inputs: Inputs) -> Iterator[Problem]:
    build = inputs.get("build")
    if not isinstance(build, dict) or isinstance(build.get("context"), Unknown):
        return
    context, dockerfile = _paths(build)
    if not context.is_dir():
        yield "build.context", f"the build context {build.get('context')!r} is not a folder"
    elif not dockerfile.is_file():
        yield "build.dockerfile", f"could not open dockerfile at {build.get('dockerfile') or 'Dockerfile'!r}"


def with_digest(inputs: Values) -> Values:
    """Inputs with the context's digest, as the real provider adds it: a changed file is a changed image, in preview
    already."""
    build = inputs.get("build")
    if isinstance(build, dict) and known(build.get("context")) and known(build.get("dockerfile")):
        try:
            digest = context_digest(*_paths(build))
            # With an engine, or without one any more, it is another image.
            digest += f"-{engine}" if (engine := engines.chosen()) else ""
            return {**inputs, "build": {**build, _DIGEST_INPUT: digest}}
        except (ImageError, ContainerError):
            return inputs
    return inputs


_REGISTRY = "-docker.pkg.dev"


def repository_of(image: str) -> tuple[str, str, str] | None:
    """Project, location and repository of Artifact Registry that an image's name begins with; None for one of another
    registry.
    """
    host, _, rest = image.partition("/")
    if not host.endswith(_REGISTRY):
        return None
    project, repository = (*rest.split("/"), "")[:2]
    return project, host.removesuffix(_REGISTRY), repository


def has_repository(cloud: Cloud, image: str) -> bool:
    """Whether the image's name is one of a repository of this cloud."""
    if not (found := repository_of(image)):
        return False
    project, location, repository = found
    return cloud.get(REPOSITORY, f"projects/{project}/locations/{location}/repositories/{repository}") is not None


def _require_repository(cloud: Cloud, name: str) -> None:
    if (found := repository_of(name)) and not has_repository(cloud, name):
        raise Refused(f'error pushing image {name}: name unknown: Repository "{found[2]}" not found')


def untagged(name: str) -> str:
    """An image's name without tag and digest."""
    bare = name.partition("@")[0]
    head, slash, tail = bare.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


def tags(cloud: Cloud) -> dict[str, str]:
    """Image name with tag → digest, as pushed."""
    return read_object(cloud.images / "tags.json") or {}


def _full(name: str) -> str:
    """An image's name with its tag, `latest` where it has none."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _tag(cloud: Cloud, name: str, digest: str) -> None:
    with locked(cloud.images / ".lock"):
        write_json(cloud.images / "tags.json", {**tags(cloud), _full(name): digest})


def manifest(cloud: Cloud, image: str) -> dict[str, Any] | None:
    """What an image reference (by digest or tag) stands for, or None where it was never pushed."""
    if "@" in image:
        digest = image.partition("@")[2]
    else:
        digest = tags(cloud).get(_full(image), "")
    return read_object(cloud.images / f"{digest.replace(':', '-')}.json", "context", "dockerfile") if digest else None


def push_image(
    cloud: Cloud, name: str, context: Path, dockerfile: Path, target: str | None, arguments: Mapping[str, str]
) -> str:
    """Build an image and push it under a name with a tag; returns its digest, which what would run decides alone.

    Raises Refused as the registry or the build would.
    """
    _require_repository(cloud, name)
    return _built(cloud, name, context, dockerfile, {"target": target, "args": dict(arguments)})


def _built(cloud: Cloud, name: str, context: Path, dockerfile: Path, build: Mapping[str, Any]) -> str:
    try:
        if engine := engines.chosen():
            return _built_by(engine, cloud, name, context, dockerfile, build)
        frozen = freeze(context, dockerfile, cloud.images / "contexts")
    except (ImageError, ContainerError) as problem:
        raise Refused(str(problem)) from None
    written = dockerfile.read_text()
    content = {
        **_python(name, frozen, written),
        "context": frozen.name,
        "dockerfile": written,
        "target": build.get("target"),
        "arguments": build.get("args") or {},
        "platform": build.get("platform") or _PLATFORM,
    }
    return _kept(cloud, name, content)


def _kept(cloud: Cloud, name: str, content: Mapping[str, Any]) -> str:
    digest = f"sha256:{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()}"
    write_json(cloud.images / f"{digest.replace(':', '-')}.json", content)
    _tag(cloud, name, digest)
    return digest


def _built_by(engine: str, cloud: Cloud, name: str, context: Path, dockerfile: Path, build: Mapping[str, Any]) -> str:
    """Build an image for real. An argument that names an image of this cloud is told as what the engine calls it."""
    asked = {**_of_shell(dockerfile), **{key: str(value) for key, value in (build.get("args") or {}).items()}}
    arguments = {key: _in_engine(cloud, value) for key, value in asked.items()}
    digest, platform = context_digest(context, dockerfile), str(build.get("platform") or _PLATFORM)
    target = build.get("target")
    own = Cloud.short(f"{cloud.root} {name} {digest} {sorted(arguments.items())} {target}")
    told = images.build(
        engine, context, dockerfile, target=target, arguments=arguments, platform=platform, tag=f"{images.TAG}:{own}"
    )
    told["root"] = f"orderguard-local-{own}"
    return _kept(cloud, name, {"engine": told, "context": digest, "dockerfile": "", "platform": platform})


def _of_shell(dockerfile: Path) -> dict[str, str]:
    """The base image that the shell names, where the Dockerfile lets it be chosen, as for `make image`."""
    given = os.environ.get(_BASE, "")
    takes = any(
        word == "ARG" and rest.partition("=")[0] == _BASE for word, rest in instructions(dockerfile.read_text())
    )
    return {_BASE: given} if given and takes else {}


def _in_engine(cloud: Cloud, value: str) -> str:
    found = manifest(cloud, value) if "/" in value or ":" in value else None
    return str(found["engine"]["image"]) if found and "engine" in found else value


def pulled(cloud: Cloud, container: Mapping[str, Any]) -> None:
    """Let the engine pull a container's image that was not built here and that no repository of this cloud holds.
    Nothing, where no engine is used. Raises Refused with the engine's words.
    """
    image = str(container["image"])
    if not (engine := engines.chosen()) or manifest(cloud, image) or has_repository(cloud, image):
        return
    try:
        told = images.pulled(engine, image)
    except ContainerError as problem:
        raise Refused(f"Image '{image}' not found. {problem}") from None
    told["root"] = f"orderguard-local-{Cloud.short(f'{cloud.root} {image}')}"
    _kept(cloud, image, {"engine": told, "context": "", "dockerfile": "", "platform": _PLATFORM})


def runs_by(cloud: Cloud, image: str) -> str:
    """What runs an image here: the engine's name, or `frozen context`."""
    return str(((manifest(cloud, image) or {}).get("engine") or {}).get("name") or "frozen context")


def _python(name: str, context: Path, dockerfile: str) -> dict[str, str]:
    """The Python that has what a foreign image's Dockerfile installs by pip; the platform's own runs with ours."""
    words, files = installed_by(instructions(dockerfile), context) if PROJECT in os.environ else ([], [])
    if not words:
        return {}
    try:
        return {"python": str(python_with(name, context, words, files, os.environ, say=lambda text: None))}
    except LocalCloudError as problem:
        raise Refused(f"{name}: {problem}") from None


def _build(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    name, build = str(inputs["imageName"]), inputs.get("build") or {}
    if not inputs.get("skipPush"):
        _require_repository(cloud, name)
    digest = _built(cloud, name, *_paths(build), build)
    return {
        "repoDigest": f"{untagged(name)}@{digest}",
        "baseImageName": name,
        "imageName": name,
        "context": str(build.get("context") or "."),
        "dockerfile": str(build.get("dockerfile") or "Dockerfile"),
        "platform": build.get("platform") or _PLATFORM,
        "registryServer": name.partition("/")[0],
    }


def _read_image(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    found = manifest(cloud, str(outputs.get("repoDigest", "")))
    tagged = manifest(cloud, str(outputs.get("imageName", "")))
    if not found or not tagged:
        return None
    if engine := found.get("engine"):
        return {} if images.is_there(engine) else None
    return {} if (cloud.images / "contexts" / str(found["context"])).is_dir() else None


def _tag_image(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    source, target = str(inputs["sourceImage"]), str(inputs["targetImage"])
    digest = source.partition("@")[2] or tags(cloud).get(_full(source))
    if not digest:
        raise Refused(f"Error response from daemon: No such image: {source}")
    _tag(cloud, target, digest)
    return {"sourceImageId": digest}


def _push(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    name = str(inputs["name"])
    _require_repository(cloud, name)
    digest = tags(cloud).get(_full(name))
    if not digest:
        raise Refused(f"An image does not exist locally with the tag: {name}")
    return {"sha256Digest": digest}


def _read_tagged(name: str) -> Read:
    """For what is an image under a name with a tag, which the output `name` holds: gone where nothing has the tag."""

    def read(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
        return {} if manifest(cloud, str(outputs.get(name, ""))) else None

    return read


def _known_image(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    digest = tags(cloud).get(str(inputs["name"]))
    if not digest:
        raise Refused(f"the local cloud reaches no registry: {inputs['name']} was not built here")
    return {"imageId": digest, "repoDigest": f"{untagged(str(inputs['name']))}@{digest}"}


def collect(cloud: Cloud, used: Collection[str]) -> None:
    """Remove images that no resource and nothing in `used` (image references) needs, with their tags and contexts."""
    built = [str(record.outputs.get("repoDigest")) for record in cloud.all(IMAGE)]
    known = tags(cloud)
    kept = {image.partition("@")[2] or known.get(_full(image), "") for image in (*built, *used)}
    contexts, gone = set(), []
    for path in cloud.images.glob("sha256-*.json"):
        content = read_json(path) or {}
        if path.stem.replace("-", ":", 1) in kept:
            contexts.add(str(content.get("context")))
        else:
            path.unlink()
            gone += [content["engine"]] if "engine" in content else []
    images.forget(gone)
    with locked(cloud.images / ".lock"):
        write_json(cloud.images / "tags.json", {name: one for name, one in tags(cloud).items() if one in kept})
    for folder in (cloud.images / "contexts").glob("*"):
        if folder.name not in contexts:
            shutil.rmtree(folder, ignore_errors=True)


def forget_all(cloud: Cloud) -> None:
    """Remove what engines built for a cloud that goes; its own folder goes after this."""
    found = [read_json(path) or {} for path in cloud.images.glob("sha256-*.json")]
    images.forget([one["engine"] for one in found if "engine" in one])


RESOURCES = {
    IMAGE: Resource(
        id="{imageName}",
        kind="real",
        limits=(_context_is_there,),
        complete_inputs=with_digest,
        volatile=("repoDigest",),
        create=_build,
        read=_read_image,
    ),
    "docker:index/tag:Tag": Resource(
        id="{sourceImage}.{targetImage}",
        kind="real",
        volatile=("sourceImageId",),
        create=_tag_image,
        read=_read_tagged("targetImage"),
    ),
    "docker:index/registryImage:RegistryImage": Resource(
        id="{name}", kind="real", volatile=("sha256Digest",), create=_push, read=_read_tagged("name")
    ),
    "docker:index/remoteImage:RemoteImage": Resource(id="{name}", kind="real", create=_known_image),
}
