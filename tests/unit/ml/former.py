"""Versions as they were before the names of order files were masked."""

import json
from collections.abc import Sequence
from pathlib import Path

from orderguard.model_version import MANIFEST


def name_files(version_dir: Path, names: Sequence[str]) -> None:
    """Put names in place of positions and pseudonyms."""
    manifest = json.loads((version_dir / MANIFEST).read_bytes())
    for file, name in zip(manifest["data"], names, strict=True):
        del file["position"], file["token"]
        file["name"] = name
    (version_dir / MANIFEST).write_text(json.dumps(manifest))
