"""A built image of the service, started on loopback as Cloud Run would start it: settings, a model mount, a port."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from delivery.commands import run
from delivery.errors import DeliveryError
from delivery.images import buildah_environment, builder

MOUNT = "/mnt/models"
STOP_SECONDS = 15


def settings(version: str, port: int, masking_key: str, api_key: str) -> dict[str, str]:
    """The environment that the service needs to serve a version from the mount."""
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MODEL_DIR": MOUNT,
        "MODEL_VERSION": version,
        "PII_MASKING": "enforced",
        "MASKING_KEY": masking_key,
        "API_KEY": api_key,
    }


@contextmanager
def started(reference: str, models: Path, given: Mapping[str, str]) -> Iterator[str]:
    """Start the image with `models` mounted read-only; yields the URL and stops the container at the end.

    Values go through the environment, so that no key stands in the arguments of a process.
    """
    tool = builder()
    names = [word for name in given for word in ("--env", name)]
    mount = ["--volume", f"{models.resolve()}:{MOUNT}:ro"]
    environment = {**buildah_environment(), **os.environ, **given}
    container = ""
    if tool == "docker":
        command = ["docker", "run", "--rm", "--network", "host", "--read-only", *names, *mount, reference]
    else:
        container = run(["buildah", "from", reference], environment=environment).strip()
        command = ["buildah", "run", *names, *mount, container, "--", "/usr/bin/python", "-m", "app"]
    process = subprocess.Popen(command, env=environment)
    try:
        yield f"http://127.0.0.1:{given['PORT']}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if container:
            run(["buildah", "rm", container], environment=environment)


def wait_for_score(url: str, api_key: str, order: object, seconds: float) -> dict[str, object]:
    """Ask for a score until there is one; returns the answer. Raises `DeliveryError` after `seconds`."""
    request = urllib.request.Request(
        f"{url}/v1/score", json.dumps(order).encode(), {"Content-Type": "application/json", "X-API-Key": api_key}
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # nosec B310  # a URL of this machine
                found: dict[str, object] = json.load(answer)
                return found
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise DeliveryError(f"{url} gave no score within {seconds:.0f} s.")
