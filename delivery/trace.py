"""The trace of a model version, a tag or an image: orders ─ training run ─ commit ─ tag ─ image ─ deployments, from
whichever end one holds."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from delivery.commands import run
from delivery.deployment import JOB, Deployment, history_folder
from delivery.errors import UsageError
from delivery.models import listed, manifest_hash, models_folder
from orderguard.masking import Keyring, MaskingKeyError
from orderguard.model_version import DataFile, Manifest, champion, has_order_file, read_manifest, sha256

ELSEWHERE = "What the pipeline deployed comes from the releases: make fetch-records"


def deployments(folder: Path) -> list[Deployment]:
    """Every recorded deployment of this machine, by file name."""
    return [Deployment(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]


def versions(wanted: Mapping[str, str], models: Path, deployed: list[Deployment]) -> list[str]:
    """The model versions that `VERSION`, `TAG`, `IMAGE` or `FILE` (an order file or its name) leads to.

    Raises `UsageError` where it leads nowhere.
    """
    if version := wanted.get("VERSION"):
        return [version]
    if tag := wanted.get("TAG"):
        found = [one.model_version for one in deployed if one.tag == tag]
        found += [path.parent.name for path in models.glob("*/manifest.json") if read_manifest(path.parent).tag == tag]
    elif image := wanted.get("IMAGE"):
        found = [one.model_version for one in deployed if image in one.image]
    elif file := wanted.get("FILE"):
        found = _trained_with(Path(file), models)
    else:
        raise UsageError("Say where to start: make trace VERSION=…, TAG=…, IMAGE=… or FILE=…")
    if not found:
        named = "with this file" if wanted.get("FILE") else f"as {next(iter(filter(None, wanted.values())))}"
        known = {"TAG": {one.tag for one in deployed if one.tag}, "IMAGE": {one.image for one in deployed}}
        there = ", ".join(sorted(next((known[name] for name in known if wanted.get(name)), ()))) or "none"
        listed = "" if wanted.get("FILE") else f"; there are: {there}"
        raise UsageError(f"Nothing known here was trained or deployed {named}{listed}. {ELSEWHERE}")
    return sorted(set(found))


def _trained_with(path: Path, models: Path) -> list[str]:
    """The versions that were trained with an order file: by its bytes, or by its name or the name's pseudonyms."""
    digest = sha256(path) if path.is_file() else ""
    try:
        tokens = Keyring.from_environment(os.environ).tokens("file", path.name)
    except MaskingKeyError:
        tokens = []
    folders = sorted(manifest.parent for manifest in models.glob("[!.]*/manifest.json"))
    return [
        folder.name
        for folder in folders
        if digest in {file.sha256 for file in read_manifest(folder).data} or has_order_file(folder, path.name, tokens)
    ]


def lines(version: str, models: Path, deployed: list[Deployment]) -> list[str]:
    """The trace of one version, a fact a line."""
    folder = models / version
    known = [one for one in deployed if one.model_version == version]
    if not folder.is_dir() and any(one.model_source == JOB for one in known):
        # Production's own orders, and what was made of them, stay there.
        return [
            f"{'model version':14} {version}, made by the stack's own training job: it is in the stack's bucket",
            *(f"{'manifest':14} sha256:{one.manifest_sha256}" for one in known[-1:] if one.manifest_sha256),
            *_deployed(known),
        ]
    if not folder.is_dir():
        raise UsageError(f"The model version {version} is not in {models}; there are: {listed(models)}. {ELSEWHERE}")
    manifest = read_manifest(folder)
    facts = {
        "model version": f"{version}{' (champion)' if champion(models) == version else ''}",
        "model card": str(folder / "card.md"),
        "manifest": f"sha256:{manifest_hash(folder)}",
        "trained at": _commit(manifest),
        "training run": _training_run(folder, known),
        "orders": f"{sum(file.orders for file in manifest.data)} from {manifest.first_order} to {manifest.last_order}",
    }
    found = [f"{name:14} {value}" for name, value in facts.items()]
    found += [f"{'order file':14} {_file(file)} sha256:{file.sha256} ({file.orders} orders)" for file in manifest.data]
    return [*found, *_deployed(known)]


def _deployed(known: list[Deployment]) -> list[str]:
    found = []
    for one in known:
        found.append(f"{'deployed':14} {one.stack} as {one.tag or one.commit[:12]}: {one.outcome}, {one.url}")
        found.append(f"{'image':14} {one.image}")
    return found


def _file(file: DataFile) -> str:
    """An order file without its name: `make files` says on the owner's screen which one it is."""
    return " ".join(filter(None, (str(file.position), file.token)))


def _training_run(folder: Path, deployed: list[Deployment]) -> str:
    """When it ran, and its page where the pipeline trained: a deployment knows that, the version can't."""
    told = folder / "recorded.json"
    moment = str(json.loads(told.read_text(encoding="utf-8"))["recorded_at"]) if told.exists() else ""
    pages = sorted({one.training_run for one in deployed if one.training_run})
    return ", ".join(filter(None, [moment, *pages])) or "an unknown one"


def _commit(manifest: Manifest) -> str:
    if manifest.commit is None:
        return "an unknown commit"
    parts = [run(["git", "log", "-1", "--format=%h %s", manifest.commit]).strip()]
    if manifest.tag:
        parts.append(f"tag {manifest.tag}")
    if manifest.dirty:
        parts.append("with uncommitted changes")
    return ", ".join(parts)


def trace(wanted: Mapping[str, str]) -> str:
    """The whole trace as text."""
    models, deployed = models_folder(), deployments(history_folder())
    return "\n\n".join("\n".join(lines(version, models, deployed)) for version in versions(wanted, models, deployed))
