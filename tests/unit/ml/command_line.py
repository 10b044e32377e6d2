"""The command line as a test calls it."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any, str]:
    """Exit code, what it printed as JSON where it did, and what it said on standard error."""
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out.startswith(("{", "[")) else said.out, said.err


def run_once(arguments: list[str | Path], **variables: str) -> tuple[int, str, str]:
    """As `run`, for what several tests share: with these variables of the environment, and no key's file."""
    printed, said = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(said):
        patch.delenv("MASKING_KEY_FILE", raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        code = main([str(argument) for argument in arguments])
    return code, printed.getvalue(), said.getvalue()


def train(sample: Path, models: Path, tmp_path: Path, *more: str | Path) -> list[str | Path]:
    return ["train", "--data", sample, "--models", models, "--quarantine", tmp_path / "bad.ndjson", *more]
