"""A Python base image from Debian packages, for a machine that reaches Debian's packages and no image registry.

bookworm's Python is 3.11, the version that everything here is locked to. A release is built from the pinned base of the
Dockerfiles; this one serves to prove them where that base can't be pulled.
"""

import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

from delivery.commands import run
from delivery.errors import DeliveryError

NAME = "localhost/python:3.11-slim-bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def ensure(environment: Mapping[str, str]) -> str:
    """The base image's name; made where it is missing. Needs `buildah`, `mmdebstrap` and the right to use chroot.

    Raises `DeliveryError` where it can't be made.
    """
    if NAME in run(["buildah", "images", "--format", "{{.Name}}:{{.Tag}}"], environment=environment):
        return NAME
    print(f"==> {NAME} from Debian packages", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "base.tar"
        run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(archive)],
            environment=os.environ,
        )
        container = run(["buildah", "from", "scratch"], environment=environment).strip()
        try:
            run(["buildah", "add", "--quiet", container, str(archive), "/"], environment=environment)
            run(["buildah", "add", "--quiet", container, _certificates(), CERTIFICATES], environment=environment)
            run(["buildah", "config", "--env", f"PIP_CERT={CERTIFICATES}", container], environment=environment)
            run(["buildah", "commit", "--quiet", container, NAME], environment=environment)
        finally:
            run(["buildah", "rm", container], environment=environment)
    return NAME


def _certificates() -> str:
    """This machine's own certificates: behind a company's proxy, no others are valid."""
    for place in (CERTIFICATES, ssl.get_default_verify_paths().cafile):
        if place and Path(place).exists():
            return place
    raise DeliveryError("This machine has no file of CA certificates: install ca-certificates.")
