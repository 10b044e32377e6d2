"""The pack's name and version."""

from pathlib import Path

PACK_NAME = "orderguard-gcp"
PACK_VERSION = (Path(__file__).resolve().parents[1] / "orderguard" / "VERSION").read_text("ascii").strip()
"""The repository's. The pack knows nothing else of it; in the wheel the number itself stands here."""
