"""The command line explains mistakes, keeps its exit codes, and is documented."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from infra.local import ports
from infra.local.__main__ import main
from infra.local.cloud import Cloud
from infra.local.commands import status
from infra.local.commands.engine_run import Transcript, alone
from infra.local.commands.service_port import DEFAULT_PORT, choose_port, together
from infra.local.errors import EXIT_ENVIRONMENT, EXIT_OK, EXIT_USAGE, LocalCloudError
from infra.local.home import REPOSITORY, Home
from infra.local.ports import free_port, require_free

PAGE = (REPOSITORY / "docs" / "technical" / "local-cloud.md").read_text()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


def test_a_taken_port_is_named_with_its_holder_and_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalCloudError, match=rf"Port {port} is taken by .*\(pid \d+\).*make up PORT=") as refusal:
            require_free(port)
        assert main(["up", "--port", str(port)]) == EXIT_ENVIRONMENT
    assert f"Port {port} is taken" in capsys.readouterr().err
    assert refusal.value.exit_code == EXIT_ENVIRONMENT
    require_free(port)


def test_a_free_port_is_none_of_those_that_the_kernel_gives_to_whoever_asks_for_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(50):
        port = free_port()
        require_free(port)
        assert port < first or first <= 20_000
    everything = tmp_path / "range"
    everything.write_text("1024\t65535\n")
    monkeypatch.setattr(ports, "_ANY_PORT", everything)
    require_free(free_port())


def test_credentials_stop_up_before_anything_is_made(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")
    assert main(["up"]) == EXIT_ENVIRONMENT
    assert "GOOGLE_APPLICATION_CREDENTIALS is set" in capsys.readouterr().err
    assert not home.root.exists()


@pytest.mark.parametrize(("port", "code"), [("0", 2), ("70000", 2), ("http", 2), ("", 2), ("90 91", 2), ("²", 2)])
def test_what_is_no_port_is_a_mistake_of_usage(port: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["up", "--port", port])
    assert ended.value.code == code
    assert f"{port!r} is not a port: write a number from 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(("target", "setting"), [("up", "PORT"), ("score", "ORDERS"), ("train", "DATA")])
def test_make_hands_over_a_value_with_blanks_as_one(target: str, setting: str) -> None:
    told = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", target, f"{setting}=two words"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    lines = [shlex.split(line) for line in told.stdout.splitlines() if "two words" in line]
    assert lines, told.stderr
    assert all({"two words", f"{setting}=two words"} & set(words) for words in lines)


def test_two_changing_commands_at_once_are_told_apart(home: Home) -> None:
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with alone(home, "local"):
            entered.set()
            leave.wait(20)

    worker = threading.Thread(target=first)
    worker.start()
    entered.wait(20)
    try:
        with pytest.raises(LocalCloudError, match=r"pid \d+"):
            with alone(home, "local"):
                raise AssertionError("both were let in")
    finally:
        leave.set()
        worker.join()


def test_without_a_stack_down_status_and_preview_of_nothing_are_no_errors(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["down"]) == EXIT_OK
    assert "nothing to take down" in capsys.readouterr().out
    assert main(["status"]) == EXIT_OK
    assert main(["logs"]) == EXIT_USAGE


def test_the_port_is_that_of_the_last_up(home: Home) -> None:
    cloud = Cloud(home, "local")
    home.ensure()
    first, second = free_port(), free_port()
    assert choose_port(cloud, first) == first
    assert choose_port(cloud, None) == first, "also where nothing came of that `up`"
    assert choose_port(cloud, second) == second and choose_port(cloud, None) == second
    note = home.root / "port-local"
    for damaged in ("", "many", "70000", "\xff"):
        note.write_text(damaged, "latin-1")
        with suppress(LocalCloudError):  # somebody may listen on 8080
            assert choose_port(cloud, None) == DEFAULT_PORT
    assert choose_port(Cloud(home, "staging"), second) == second and note.read_text("latin-1") != f"{second}\n"


def test_an_interrupt_waits_until_a_service_is_moved_and_its_address_noted() -> None:
    done: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), together():
            os.kill(os.getpid(), signal.SIGINT)
            done += ["moved", "noted"]
        assert done == ["moved", "noted"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_status_first_says_url_revision_and_health(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    def revision(name: str) -> dict[str, Any]:
        said = {"name": name, "ready": True, "running": True, "pids": [], "absent": "", "skipped": {}, "restarts": 0}
        one = {"pid": 1, "port": 2, "ready": True, "active": 0}
        scaling = {"min": 0, "max": 3, "concurrency": 40}
        return {
            **said,
            "runs_by": "frozen context",
            "limited": None,
            "cold_start_ms": 7,
            "instances": [one],
            "scaling": scaling,
        }

    service: dict[str, Any] = {
        "name": "scorer",
        "url": "http://127.0.0.1:9",
        "revisions": [revision("scorer-1"), revision("scorer-2")],
    }
    service |= {"traffic": [{"revision": "scorer-2", "percent": 100}], "everybody": True}
    found = {"stack": "local", "supervisor": 7, "services": [service], "stores": [], "resources": {"real": []}}
    monkeypatch.setattr(status, "collect", lambda cloud: found)
    for verbose, code, health, lines in (
        (False, 0, "ready", 6),
        (True, 0, "ready", 19),
        (False, 1, "does not answer", 6),
    ):
        monkeypatch.setattr(status, "_health", lambda cloud, one: (health == "ready", health))
        with redirect_stdout(StringIO()) as said:
            assert status.status(home, "local", as_json=False, verbose=verbose) == code
        told = said.getvalue().splitlines()
        assert told[:3] == [
            "scorer: http://127.0.0.1:9",
            "    revision  scorer-2 (100 % of the traffic)",
            f"    health    {health}",
        ]
        assert len(told) == lines and max(map(len, told[:4])) <= 80


def test_a_job_or_bucket_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run-job", "trainer"]) == EXIT_USAGE
    assert "There is no job 'trainer'" in capsys.readouterr().err
    assert main(["object-put", "raw", str(tmp_path / "orders.ndjson")]) == EXIT_USAGE
    assert "There is no bucket 'raw'" in capsys.readouterr().err


def test_the_stand_in_runs_for_nobody_but_the_command_line() -> None:
    command = [sys.executable, str(REPOSITORY / "infra" / "local" / "launch.py"), "infra.local.provider", "gcp"]
    done = subprocess.run(command, env={}, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Only `python -m infra.local` starts it" in done.stderr


def test_a_transcript_keeps_mandatory_violations_and_errors_and_drops_the_rest() -> None:
    transcript = Transcript(everything=False)
    for line in (
        "@ previewing update....",
        " +  gcp:storage:Bucket raw create ",
        "Policies:",
        "    pack@v1 (local: policies)",
        "        - [advisory] [severity: low]  labels  (gcp:storage:Bucket: raw)",
        "          say who owns it; a resource is deleted",
        "        - [mandatory] [severity: critical]  not-public  (gcp:storage:Bucket: raw)",
        "          make it private",
        "Diagnostics:",
        "  pulumi:pulumi:Stack (x-local):",
        "    warning: using pulumi-resource-gcp from $PATH at /bin",
        "    error: preview failed",
    ):
        transcript.take(line)
    problems = transcript.problems()
    assert "not-public" in problems and "make it private" in problems and "preview failed" in problems
    assert "labels" not in problems and "warning: using" not in problems
    assert transcript.advisories == 1
    assert transcript.unchanged


def commands() -> list[str]:
    told = subprocess.run(
        [sys.executable, "-m", "infra.local", "--help"], cwd=REPOSITORY, capture_output=True, text=True
    )
    lines = told.stdout.partition("COMMAND\n")[2].splitlines()
    return [line.split()[0] for line in lines if line.startswith("    ") and line[4] != " "]


def test_every_command_and_exit_code_is_documented() -> None:
    assert len(commands()) > 8
    for name in commands():
        assert f"`{name}" in PAGE, name
    for code in range(5):
        assert f"| {code} |" in PAGE, code
