"""The wheel: the same bytes twice, one version with the rest, and whole without this repository."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from orderguard.version import VERSION
from policies.version import PACK_VERSION

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / "packages" / "policies"


def built(folder: Path) -> Path:
    subprocess.run([sys.executable, HOME / "backend.py", folder], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip has put the wheel into."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target"]
    subprocess.run([*command, folder / "site", built(folder)], check=True, capture_output=True)
    return folder / "site"


def test_the_wheel_has_the_same_bytes_whenever_it_is_built(tmp_path: Path) -> None:
    first, second = built(tmp_path / "a"), built(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as wheel:
        assert wheel.testzip() is None and {entry.date_time[0] for entry in wheel.infolist()} == {1980}


def test_the_wheel_holds_the_package_alone_and_no_import_of_the_repository(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path)) as wheel:
        names = wheel.namelist()
        sources = {name: wheel.read(name).decode() for name in names if name.endswith(".py")}
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"orderguard_policies"}
    left = [name for name, text in sources.items() if re.search(r"^\s*(from|import) policies\b", text, re.MULTILINE)]
    assert not left and "orderguard_policies/rules/storage.py" in sources and len(sources) > 40
    assert {"orderguard_policies/output/report.css", "orderguard_policies/frameworks/cis-5.0.0.tsv"} <= set(names)


def test_all_versions_are_one_and_the_changelogs_have_it(installed: Path) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION) and PACK_VERSION == VERSION
    for project in (REPOSITORY, HOME, REPOSITORY / "packages" / "cloud"):
        told = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        assert told["dynamic"] == ["version"] and "version" not in told
    for changelog in (REPOSITORY / "CHANGELOG.md", HOME / "CHANGELOG.md"):
        assert f"\n## {VERSION}\n" in changelog.read_text()
    assert (installed / f"orderguard_policies-{VERSION}.dist-info").is_dir()
    assert f'PACK_VERSION = "{VERSION}"\n' in (installed / "orderguard_policies" / "version.py").read_text()


def test_an_installed_wheel_lists_its_rules_far_from_the_repository(installed: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from orderguard_policies.commands import main; sys.exit(main(['rules', '--severity', 'critical']))"
    )
    listed = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True
    )
    assert listed.returncode == 0 and "critical  iam-no-public-members:" in listed.stdout, listed.stderr


def test_rules_are_imported_without_the_engines_libraries() -> None:
    heavy = {"grpc", "google.protobuf", "pulumi", "pulumi_policy"}
    script = f"import sys, policies.commands; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
