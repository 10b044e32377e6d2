"""The model version that a stack serves: its files, checked and uploaded to the model bucket."""

import os
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

from infra.bucket import Bucket
from infra.component import Component
from infra.config import ConfigError, Settings
from infra.image import ROOT

# Where a training puts a version together, before it renames the folder: what is deleted there stays as old versions.
BUILT_ASIDE = ".building-"


@dataclass(frozen=True)
class ChosenRules:
    """A file of decision rules, and what its object is called in the model bucket: by its content, so that a change of
    rules is a new revision and the revision before keeps its own.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class ChosenModel:
    """The version to serve, the SHA-256 of what its manifest says of the model ("" where it is not known), the version
    that scores in its shadow (or ""), the files to upload, relative to `folder`, and the file of decision rules.
    """

    version: str
    sha256: str
    shadow_version: str
    folder: Path
    files: tuple[Path, ...]
    rules: ChosenRules | None = None


def choose_model(settings: Settings) -> ChosenModel:
    """The stack's own choice, else the champion of the models folder: MODELS_DIR (relative to the repository), else
    `models`.

    Raises ConfigError where there is no such version, or where its files are not what training wrote.
    """
    from orderguard.model_version import MANIFEST, champion, model_sha256

    folder = ROOT / os.environ.get("MODELS_DIR", "models")
    version = settings.model_version or champion(folder)
    if version is None:
        raise ConfigError(
            f"there is no model to serve: {folder / 'CHAMPION'} does not exist. Run `make train`, or name a "
            "version with `pulumi config set orderguard:modelVersion …`."
        )
    versions = dict.fromkeys(filter(None, (version, settings.shadow_model_version)))
    files = [] if settings.model_source == "bucket" else [file for name in versions for file in _files(folder, name)]
    known = settings.model_sha256
    if settings.model_source != "bucket":
        known = model_sha256((folder / version / MANIFEST).read_bytes())
    return ChosenModel(
        version, known, settings.shadow_model_version, folder, tuple(files), _rules(settings.rules, ROOT)
    )


def _rules(name: str, root: Path) -> ChosenRules | None:
    if not name:
        return None
    from orderguard.rules import RulesError, load_rules

    try:
        rules = load_rules(root / name)
    except RulesError as error:
        raise ConfigError(f"orderguard:rules can't be deployed:\n{error}") from None
    return ChosenRules(root / name, f"rules/{rules.file.sha256[:16]}.toml")


def _files(folder: Path, version: str) -> list[Path]:
    from orderguard.model_version import MANIFEST, ModelVersionError, verify

    if not (folder / version / MANIFEST).is_file():
        raise ConfigError(
            f"the model version {version!r} is not in {folder}. Run `make train`, or name one of the versions that "
            "`make models` lists."
        )
    try:
        names = [MANIFEST, *verify(folder / version).files]
    except ModelVersionError as error:
        raise ConfigError(f"the model version {version!r} can't be deployed: {error}") from error
    return [Path(version, name) for name in sorted(names)]


class ModelVersion(Component):
    """The files of the chosen version as objects `VERSION/FILE` of the model bucket, those of its shadow beside them.

    Objects outlive the program's interest in them (`retain_on_delete`): a revision that still serves the version before
    this one, in a canary or after a roll-back, has to find its files when it starts another instance. With
    `modelSource: bucket` no version is uploaded: the training job has written it there itself. Decision rules lie
    beside the versions.
    """

    def __init__(
        self, name: str, chosen: ChosenModel, bucket: Bucket, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.version = chosen.version
        self.sha256 = chosen.sha256
        self.shadow_version = chosen.shadow_version
        for file in chosen.files:
            gcp.storage.BucketObject(
                file.as_posix(),
                bucket=bucket.name,
                name=file.as_posix(),
                source=pulumi.FileAsset(str(chosen.folder / file)),
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
        self.rules = chosen.rules.name if chosen.rules else ""
        if chosen.rules:
            gcp.storage.BucketObject(
                "decision-rules",
                bucket=bucket.name,
                name=chosen.rules.name,
                source=pulumi.FileAsset(str(chosen.rules.path)),
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
        self.register_outputs({"version": self.version})
