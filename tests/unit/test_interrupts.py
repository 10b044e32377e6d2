"""An interrupt at the keyboard ends a command in one line, also while its imports go on."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from policies.commands import main

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = sorted(
    {"infra.local.programs.cli"}  # `orderguard-cloud`
    | set(
        re.findall(
            r"\$\(PYTHON\) -m ((?:app|bench|data|delivery|infra|ml|orderguard|tests)[\w.]*)",
            (REPOSITORY / "Makefile").read_text("utf-8"),
        )
    )
)
INTERRUPTED = """
import runpy, sys

class Interrupted:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if sys.excepthook is not sys.__excepthook__:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted)
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("module", MODULES)
def test_a_command_is_interrupted_in_its_first_import(module: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED.format(module=module), "--help"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT and not done.stdout
    assert done.stderr == "\ninterrupted: the same command goes on or starts over\n"


def test_a_command_at_work_is_interrupted(tmp_path: Path) -> None:
    orders = tmp_path / "orders.ndjson"
    orders.write_text("{}\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {**os.environ, "ORDERGUARD_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        # A run in the background has its interrupts switched off, and so would this one have.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "app.score_table", str(orders)]
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True)
        asking, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        asking.close()
    assert process.returncode == -signal.SIGINT
    assert said == "\ninterrupted: the same command goes on or starts over\n"


def test_the_packs_own_command_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can't share the others' way: the pack knows nothing of the repository."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("policies.commands.pack_folder", interrupted)
    assert main(["path"]) == 130
    assert capsys.readouterr() == ("", "\ninterrupted: the same command starts over\n")
