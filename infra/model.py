"""The model version that a stack serves: its files, checked and uploaded to the model bucket."""

import os
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

from infra.bucket import Bucket
from infra.component import Component
from infra.config import ConfigError, Settings
from infra.image import ROOT


def models_folder() -> Path:
    """The folder of trained model versions: MODELS_DIR (relative to the repository), else `models`."""
    return ROOT / os.environ.get("MODELS_DIR", "models")


def chosen_version(settings: Settings, folder: Path) -> str:
    """The version to serve: the stack's own choice, else the champion. Raises ConfigError where there is neither."""
    if settings.model_version:
        return settings.model_version
    champion = folder / "CHAMPION"
    if not champion.is_file():
        raise ConfigError(
            f"there is no model to serve: {champion} does not exist. Run `make train`, or name a version with "
            "`pulumi config set orderguard:modelVersion …`."
        )
    return champion.read_text(encoding="utf-8").strip()


def version_files(folder: Path, version: str) -> list[Path]:
    """The files of a version in a settled order. Raises ConfigError where they are missing or not what training
    wrote.
    """
    from orderguard.model_version import ModelVersionError, verify

    version_folder = folder / version
    if not (version_folder / "manifest.json").is_file():
        raise ConfigError(
            f"the model version {version!r} is not in {folder}. Run `make train`, or name one of the versions that "
            f"`make models` lists."
        )
    try:
        verify(version_folder)
    except ModelVersionError as error:
        raise ConfigError(f"the model version {version!r} can't be deployed: {error}") from error
    return sorted(path for path in version_folder.rglob("*") if path.is_file())


class ModelVersion(Component):
    """The files of one version as objects `VERSION/FILE` of the model bucket.

    Objects outlive the program's interest in them (`retain_on_delete`): a revision that still serves the version
    before this one, in a canary or after a roll-back, has to find its files when it starts another instance. With
    `modelSource: bucket` nothing is uploaded.
    """

    def __init__(
        self, name: str, settings: Settings, bucket: Bucket, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        folder = models_folder()
        self.version = chosen_version(settings, folder)
        self.shadow_version = settings.shadow_model_version
        if settings.model_source == "folder":
            for version in filter(None, dict.fromkeys((self.version, self.shadow_version))):
                self._upload(folder, version, bucket)
        self.register_outputs({"version": self.version})

    def _upload(self, folder: Path, version: str, bucket: Bucket) -> None:
        for path in version_files(folder, version):
            object_name = path.relative_to(folder).as_posix()
            gcp.storage.BucketObject(
                object_name,
                bucket=bucket.name,
                name=object_name,
                source=pulumi.FileAsset(str(path)),
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
