"""Images get into Artifact Registry with gcloud's sign-in, and are signed where a stack names an attestor."""

import pytest

from delivery import __main__ as steps
from delivery import images

DIGEST = "sha256:" + "a" * 64
ATTESTOR = "projects/orderguard-prod/attestors/built-by-deploy"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run, in place of running them."""
    commands: list[list[str]] = []

    def run(command: list[str]) -> str:
        commands.append(command)
        return ""

    monkeypatch.setattr(images, "run", run)
    monkeypatch.setenv("IMAGE_DIGEST", DIGEST)
    monkeypatch.setenv("TRAIN_IMAGE_DIGEST", DIGEST)
    monkeypatch.setenv("REGISTRY", "r/orderguard")
    monkeypatch.setenv("ATTESTOR_KEY", "projects/p/locations/l/keyRings/k/cryptoKeys/signature")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "gs://state")
    return commands


def test_both_images_of_prod_are_signed(asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "prod")
    steps.sign_image()
    assert [word for command in asked for word in command if word.startswith("--artifact-url")] == [
        f"--artifact-url=r/orderguard/orderguard@{DIGEST}",
        f"--artifact-url=r/orderguard/orderguard-train@{DIGEST}",
    ]
    assert all(f"--attestor={ATTESTOR}" in command for command in asked)
    assert all(command[-1].endswith("/signature/cryptoKeyVersions/1") for command in asked)


@pytest.mark.parametrize(("stack", "backend"), [("staging", "gs://state"), ("prod", "")])
def test_nothing_is_signed_without_an_attestor_or_off_google_cloud(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, stack: str, backend: str
) -> None:
    monkeypatch.setenv("STACK", stack)
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    steps.sign_image()
    assert asked == []


def test_docker_is_let_in_before_an_image_is_brought_over(asked: list[list[str]]) -> None:
    environment = {"PULUMI_BACKEND_URL": "gs://state"}
    images.promote("a-docker.pkg.dev/p/r", "b-docker.pkg.dev/p/r", {"orderguard": DIGEST}, environment)
    assert asked[0] == ["gcloud", "auth", "configure-docker", "a-docker.pkg.dev,b-docker.pkg.dev", "--quiet"]
    assert asked[1][:4] == ["docker", "buildx", "imagetools", "create"]
