"""The images as they ship: built by the builder that is here, taken apart, started, scored against."""

import shutil
import subprocess
from pathlib import Path

import pytest

from delivery import images, inspection
from delivery.commands import REPOSITORY, commit
from delivery.container import settings, started, wait_for_score
from delivery.deploy import ORDER
from delivery.models import models_folder
from infra.local.ports import free_port
from orderguard.model_version import champion

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it stands, without what git ignores, as a careful user has it: readable by nobody else."""
    folder = tmp_path_factory.mktemp("source")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    return folder


@pytest.fixture(scope="module")
def built(source: Path) -> dict[str, str]:
    return images.build(commit(), context=source)


@pytest.fixture(scope="module")
def service(built: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> inspection.Inspection:
    return taken_apart(built, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def training_job(built: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> inspection.Inspection:
    return taken_apart(built, tmp_path_factory.mktemp("images"), images.TRAINER)


def taken_apart(references: dict[str, str], folder: Path, name: str = images.SCORER) -> inspection.Inspection:
    images.export(references[name], folder / f"{name}.tar")
    return inspection.inspect(folder / f"{name}.tar")


def test_the_serving_layers_stay_under_150_megabytes(service: inspection.Inspection) -> None:
    assert service.above_base < 150 * MEGABYTE
    assert service.total < 200 * MEGABYTE


def test_the_service_has_no_shell_no_installer_no_compiler_and_no_training_library(
    service: inspection.Inspection,
) -> None:
    programs = {name for name in service.files if "/bin/" in f"/{name}" and not name.endswith("/")}
    assert {Path(name).name for name in programs} <= {"bin", "python", "python3.11"}
    assert not {"pandas", "sklearn", "scipy", "pip", "setuptools", "onnx"} & set(service.packages)


def test_scanners_can_know_of_the_operating_systems_libraries(service: inspection.Inspection) -> None:
    """A list of contents without OpenSSL and the C library would name no vulnerability of theirs."""
    records = {name.rpartition("/")[2] for name in service.files if name.startswith("var/lib/dpkg/status.d/")}
    assert {"libc6", "zlib1g"} <= records and {name for name in records if name.startswith("libssl")}
    assert "etc/os-release" in service.files


def test_the_service_runs_without_privileges(service: inspection.Inspection) -> None:
    assert service.user == "65532:65532"
    assert service.entrypoint == ("/usr/bin/python", "-m", "app")


def test_the_service_image_holds_the_service_and_nothing_else_of_the_repository(service: inspection.Inspection) -> None:
    parts = {
        name.split("/")[1]
        for name in service.files
        if name.startswith("srv/") and name.count("/") >= 1 and name != "srv/"
    }
    assert parts == {"app", "orderguard"}


def test_building_again_from_nothing_gives_the_same_content(
    source: Path, service: inspection.Inspection, training_job: inspection.Inspection, tmp_path: Path
) -> None:
    again = images.build(commit(), context=source, fresh=True)
    assert taken_apart(again, tmp_path).content_sha256 == service.content_sha256
    assert taken_apart(again, tmp_path, images.TRAINER).content_sha256 == training_job.content_sha256


def test_the_training_job_holds_no_installer(training_job: inspection.Inspection) -> None:
    installed = [name for name in training_job.files if name.startswith("opt/train/lib/python3.11/site-packages/")]
    assert any("/sklearn/" in name for name in installed)
    assert not [name for name in installed if name.split("/")[5] in ("pip", "setuptools")]


def test_the_container_scores_an_order(built: dict[str, str]) -> None:
    models = models_folder()
    with started(built[images.SCORER], models, settings(champion(models) or "", free_port())) as url:
        answer = wait_for_score(url, ORDER, 180)
    assert answer["model_version"] == champion(models)


def test_the_build_context_holds_only_what_the_dockerfiles_copy() -> None:
    copied = set()
    for dockerfile in ("Dockerfile", "Dockerfile.slim"):
        for line in (REPOSITORY / dockerfile).read_text().splitlines():
            if line.startswith("COPY ") and "--from" not in line:
                copied.add(line.split()[1].rstrip("/"))
    let_in = {
        line.removeprefix("!").rstrip("/")
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert let_in == copied
