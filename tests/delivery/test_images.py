"""The images as they ship: built by the builder that is here, taken apart, started, scored against."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery import base, images, inspection
from delivery.commands import REPOSITORY, commit
from delivery.deploy import ORDER

MEGABYTE = 1_000_000
PORT = 9480


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    return images.build(commit())


@pytest.fixture(scope="module")
def service(built: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> inspection.Inspection:
    archive = tmp_path_factory.mktemp("images") / "service.tar"
    images.export(built[images.SERVICE], archive)
    return inspection.inspect(archive)


def test_the_serving_layers_stay_under_150_megabytes(service: inspection.Inspection) -> None:
    assert service.above_base < 150 * MEGABYTE
    assert service.total < 200 * MEGABYTE


def test_the_service_has_no_shell_no_installer_no_compiler_and_no_training_library(
    service: inspection.Inspection,
) -> None:
    programs = {name for name in service.files if "/bin/" in f"/{name}" and not name.endswith("/")}
    assert {Path(name).name for name in programs} <= {"bin", "python", "python3.11"}
    assert not {"pandas", "sklearn", "scipy", "pip", "setuptools", "onnx"} & set(service.packages)


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


def test_building_again_from_nothing_gives_the_same_content(service: inspection.Inspection, tmp_path: Path) -> None:
    again = tmp_path / "copy"
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(again)], check=True)
    for path in subprocess.run(
        ["git", "diff", "--name-only", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split():
        if (REPOSITORY / path).exists():
            shutil.copy(REPOSITORY / path, again / path)
    environment = images.buildah_environment()
    if images.builder() != "buildah":
        pytest.fail("this test compares two builds of buildah: install buildah")
    if not images.registry_is_reached():
        environment["PYTHON_IMAGE"] = base.ensure(environment)
    slim = images.Image("again-slim", "Dockerfile.slim")
    words = images.build_arguments(images.IMAGES[0], commit(), "", environment)
    tags = ["--tag", f"localhost/{slim.name}", "."]
    subprocess.run(
        ["buildah", "build", "--quiet", "--no-cache", "--timestamp", "0", *words, *tags],
        cwd=again,
        env=environment,
        check=True,
    )
    words = images.build_arguments(images.IMAGES[1], commit(), "localhost/again-slim", environment)
    tags = ["--tag", "localhost/again", "."]
    subprocess.run(
        ["buildah", "build", "--quiet", "--no-cache", "--timestamp", "0", *words, *tags],
        cwd=again,
        env=environment,
        check=True,
    )
    images.export("localhost/again:latest", tmp_path / "again.tar", environment)
    assert inspection.inspect(tmp_path / "again.tar").content_sha256 == service.content_sha256


@pytest.fixture
def running(built: dict[str, str]) -> Iterator[str]:
    """The service in its container, on this machine's loopback, with the champion mounted read-only."""
    models = REPOSITORY / os.environ.get("MODELS_DIR", "models")
    version = (models / "CHAMPION").read_text().strip()
    environment = images.buildah_environment()
    container = subprocess.run(
        ["buildah", "from", built[images.SERVICE]], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    settings = {
        "HOST": "127.0.0.1",
        "PORT": str(PORT),
        "MODEL_DIR": "/mnt/models",
        "MODEL_VERSION": version,
        "PII_MASKING": "enforced",
        "MASKING_KEY": "k1:" + "A" * 43 + "=",
        "API_KEY": "a key for this test alone",
        "RAG_PROVIDER": "local",
    }
    given = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    volume = ["--volume", f"{models.resolve()}:/mnt/models:ro"]
    command = ["buildah", "run", *given, *volume, container, "--", "/usr/bin/python", "-m", "app"]
    process = subprocess.Popen(command, env=environment)
    try:
        yield f"http://127.0.0.1:{PORT}"
    finally:
        process.terminate()
        process.wait(15)
        subprocess.run(["buildah", "rm", container], env=environment, capture_output=True, check=True)


def test_the_container_scores_an_order(running: str) -> None:
    end = time.monotonic() + 60
    while not ready(running):
        assert time.monotonic() < end, "the container's service did not get ready in a minute"
    order = json.dumps(ORDER).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": "a key for this test alone"}
    with urllib.request.urlopen(urllib.request.Request(f"{running}/v1/score", order, headers), timeout=10) as answer:
        assert 0 <= json.load(answer)["score"] <= 1


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


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
