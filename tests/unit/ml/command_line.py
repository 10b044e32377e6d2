"""The command line as a test calls it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any, str]:
    """Exit code, what it printed as JSON where it did, and what it said on standard error."""
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out.startswith(("{", "[")) else said.out, said.err


def train(sample: Path, models: Path, tmp_path: Path, *more: str | Path) -> list[str | Path]:
    return ["train", "--data", sample, "--models", models, "--quarantine", tmp_path / "bad.ndjson", *more]
