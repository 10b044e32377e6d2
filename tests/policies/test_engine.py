"""The pack under the real engine, on a program that is not this platform's."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local import pulumi
from policies.page import page

REPOSITORY = Path(__file__).resolve().parents[2]
PACK = str(REPOSITORY / "policies")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run pulumi on a copy of the foreign program, far from this repository, on a local cloud of its own."""
    folder = tmp_path_factory.mktemp("foreign")
    project, home = folder / "project", folder / "home"
    shutil.copytree(Path(__file__).with_name("foreign"), project)

    def run(*arguments: str, mistakes: str = "") -> subprocess.CompletedProcess[str]:
        return pulumi.run(arguments, home=home, stack="dev", project=project, extra={"MISTAKES": mistakes})

    yield run
    run("destroy", "--yes")


def violations(output: str, level: str) -> set[tuple[str, str]]:
    """Rule and resource of each line of this level in the engine's summary."""
    return set(re.findall(rf"- \[{level}\](?: \[severity: \w+\])?  ([\w-]+)  \([\w:/.]+: ([\w-]+)\)", output))


def test_a_program_without_mistakes_passes(run: Run) -> None:
    done = run("preview", "--policy-pack", PACK)
    assert done.returncode == 0, done.stdout
    assert not violations(done.stdout, "mandatory")


def test_three_real_mistakes_are_caught_in_the_preview(run: Run) -> None:
    done = run("preview", "--policy-pack", PACK, mistakes="public-bucket personal-data open-pool leaking-output")
    assert done.returncode != 0
    assert violations(done.stdout, "mandatory") == {
        ("bucket-public-access-prevention", "models"),
        ("iam-no-public-members", "everybody"),
        ("privacy-no-personal-data-in-text", "job"),
        ("privacy-no-personal-variables", "job"),
        ("workload-identity-bound", "github"),
        ("workload-identity-condition", "github"),
        ("privacy-no-leaks-in-outputs", "shop-dev"),
    }
    shown = page().partition("```\nPolicies:\n")[2].partition("```")[0].splitlines()
    assert not [line for line in shown if line not in done.stdout], "the documentation shows another text"
    policies = done.stdout.partition("Policies:")[2].partition("Diagnostics:")[0].partition("Outputs:")[0]
    assert "anna.schmidt" not in policies and "170 1234567" not in policies


def test_a_wheel_brings_the_pack_to_any_program_with_reports_and_remedies(run: Run, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, REPOSITORY / "packages/policies/backend.py", tmp_path], check=True, capture_output=True
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    script = "import sys; from orderguard_policies.commands import main; sys.exit(main(sys.argv[1:]))"
    options = ["path", "--report", str(tmp_path / "reports"), "--remediate", "bucket-*"]
    environment = {"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    path = subprocess.run(
        [sys.executable, "-c", script, *options],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    done = run("preview", "--diff", "--policy-pack", path, mistakes="public-bucket decided-late")
    assert done.returncode != 0
    assert re.search(r'~ publicAccessPrevention *: "inherited" => "enforced"', done.stdout)
    document = json.loads((tmp_path / "reports" / "report.json").read_text())
    assert document["profile"] == "generic" and document["summary"]["mandatory"] == 1
    assert "iam-no-public-members" in {finding["rule"] for finding in document["findings"]}
    assert {path.suffix for path in (tmp_path / "reports").iterdir()} == {".json", ".sarif", ".html", ".md", ".txt"}


def test_a_credential_among_the_settings_in_clear_is_caught(run: Run) -> None:
    leak = "shop:token=ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    done = run("preview", "--policy-pack", PACK, "--config", leak)
    assert done.returncode != 0
    assert "shop:token: looks like a GitHub token" in " ".join(done.stdout.split())


def test_what_a_preview_can_not_know_is_said_so_and_stops_the_update_before_the_resource_is_made(run: Run) -> None:
    preview = run("preview", "--policy-pack", PACK, mistakes="decided-late no-job")
    assert preview.returncode == 0, preview.stdout
    assert ("placement-residency", "late") in violations(preview.stdout, "advisory")
    assert "not known yet: location" in " ".join(preview.stdout.split())

    up = run("up", "--yes", "--policy-pack", PACK, mistakes="decided-late no-job")
    assert up.returncode != 0
    assert ("placement-residency", "late") in violations(up.stdout, "mandatory")
    state = json.loads(run("stack", "export").stdout)
    assert not [r for r in state["deployment"]["resources"] if r["urn"].endswith("::late")]


def test_a_stack_that_is_deployed_already_can_be_analyzed(run: Run) -> None:
    up = run("up", "--yes", mistakes="public-bucket no-job")
    assert up.returncode == 0, up.stdout
    done = run("policy", "analyze", "--policy-pack", PACK)
    assert done.returncode != 0
    assert ("bucket-public-access-prevention", "models") in violations(done.stdout, "mandatory")
    assert ("iam-no-public-members", "everybody") in violations(done.stdout, "mandatory")


def test_an_exception_lets_a_violation_pass_and_is_listed(run: Run, tmp_path: Path) -> None:
    exception = {"resource": "job", "reason": "A role account of the support desk", "until": "2999-12-31"}
    configuration = tmp_path / "policies.json"
    configuration.write_text(
        json.dumps(
            {
                "privacy-no-personal-data-in-text": {"exceptions": [exception]},
                "privacy-no-personal-variables": "advisory",
            }
        )
    )
    options = ("--policy-pack", PACK, "--policy-pack-config", str(configuration))
    done = run("preview", *options, mistakes="personal-data")
    assert done.returncode == 0, done.stdout
    assert "exception until 2999-12-31 (A role account of the support desk)" in " ".join(done.stdout.split())
    assert ("privacy-no-personal-variables", "job") in violations(done.stdout, "advisory")


@pytest.mark.parametrize(
    ("exception", "explained"),
    [
        ({"resource": "job"}, "reason is required"),
        ({"resource": "job", "reason": "A role account", "until": "2026-02-31"}, "must be a day of the calendar"),
    ],
)
def test_a_bad_configuration_stops_the_run_and_is_explained(
    run: Run, tmp_path: Path, exception: dict[str, str], explained: str
) -> None:
    configuration = tmp_path / "policies.json"
    configuration.write_text(json.dumps({"privacy-no-personal-data-in-text": {"exceptions": [exception]}}))
    refused = run("preview", "--policy-pack", PACK, "--policy-pack-config", str(configuration))
    assert refused.returncode != 0
    assert "privacy-no-personal-data-in-text" in refused.stdout and explained in refused.stdout
    assert "Traceback" not in refused.stdout
