"""The authority under which a stack answers for Google's hosts, and the file by which programs trust it."""

import ssl
from dataclasses import asdict
from pathlib import Path

from infra.local.certificates import Certificates, make_certificates
from infra.local.cloud import Cloud, Damaged
from infra.local.files import locked, read_json, write_json, write_whole

HOSTS = ("*.googleapis.com", "*.rep.googleapis.com")


def certificates(cloud: Cloud) -> Certificates:
    """The stack's own authority and its certificate for Google's hosts, made once and kept sealed."""
    path = cloud.root / "identity" / "front.json"
    with locked(path.parent / ".lock"):
        try:
            return Certificates(**cloud.unseal(read_json(path)["sealed"]))
        except (Damaged, TypeError, KeyError):
            made = make_certificates("front", HOSTS)
            write_json(path, {"sealed": cloud.seal(asdict(made))})
            return made


def roots(cloud: Cloud) -> Path:
    """A file of the authorities that a program trusts: the machine's, and the stack's own."""
    path = cloud.root / "identity" / "roots" / "roots.pem"
    of_machine = Path(ssl.get_default_verify_paths().cafile or "/dev/null")
    whole = certificates(cloud).authority.encode() + (of_machine.read_bytes() if of_machine.is_file() else b"")
    if not path.is_file() or path.read_bytes() != whole:
        write_whole(path, whole)
    return path
