"""A built image of the service, started on loopback as Cloud Run would start it: settings, a model mount, a port."""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from delivery.commands import run
from delivery.errors import DeliveryError
from delivery.images import buildah_environment, builder
from infra.local.ports import straight
from orderguard.masking import new_key_text

MOUNT = "/mnt"
STOP_SECONDS = 60


def settings(version: str, port: int) -> dict[str, str]:
    """The environment that the service needs to serve a version on loopback, without an API key.

    buildah takes values as arguments alone, so the masking key comes as a file: no key in the arguments of a process.
    """
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MODEL_DIR": f"{MOUNT}/models",
        "MODEL_VERSION": version,
        "PII_MASKING": "enforced",
        "MASKING_KEY_FILE": f"{MOUNT}/masking-key",
        "API_KEY_REQUIRED": "false",
    }


@contextmanager
def started(reference: str, models: Path, given: Mapping[str, str]) -> Iterator[str]:
    """Start the image with the version of `models` mounted read-only and a masking key of its own; yields the URL.

    Both are copies that the image's own user may read, in a folder that no other user of this machine may pass.
    """
    with tempfile.TemporaryDirectory() as folder:
        key, copy = Path(folder) / "masking-key", Path(folder) / "models"
        key.write_text(new_key_text(), encoding="ascii")
        shutil.copytree(models / given["MODEL_VERSION"], copy / given["MODEL_VERSION"])
        for path in (key, copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        mounts = ["--volume", f"{copy}:{MOUNT}/models:ro", "--volume", f"{key}:{MOUNT}/masking-key:ro"]
        named = [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
        with _process(reference, [*named, *mounts]):
            yield f"http://127.0.0.1:{given['PORT']}"


@contextmanager
def _process(reference: str, words: list[str]) -> Iterator[None]:
    environment = buildah_environment()
    container = ""
    if builder() == "docker":
        command = ["docker", "run", "--rm", "--network", "host", "--read-only", *words, reference]
    else:
        container = run(["buildah", "from", reference], environment=environment).strip()
        command = ["buildah", "run", *words, container, "--", "/usr/bin/python", "-m", "app"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if container:
            run(["buildah", "rm", container], environment=environment)


def wait_for_score(url: str, order: object, seconds: float) -> dict[str, object]:
    """Ask for a score until there is one; returns the answer. Raises `DeliveryError` after `seconds`."""
    content = json.dumps(order).encode()
    request = urllib.request.Request(f"{url}/v1/score", content, {"Content-Type": "application/json"})
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with straight().open(request, timeout=10) as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise DeliveryError(f"{url} gave no score within {seconds:.0f} s.")
