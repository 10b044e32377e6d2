"""The content hash of an image knows every byte and mode, and no clock; sizes add up."""

import io
import json
import tarfile
from pathlib import Path

from delivery.inspection import inspect, table

Files = dict[str, tuple[bytes, int]]


def archive(path: Path, layers: list[Files], time: int = 0) -> Path:
    """A Docker archive with these layers."""
    with tarfile.open(path, "w") as whole:
        parts = {f"{number}.tar": layer(files, time) for number, files in enumerate(layers)}
        config = {"config": {"User": "65532:65532", "Entrypoint": ["/usr/bin/python", "-m", "app"]}}
        parts["config.json"] = json.dumps(config).encode()
        parts["manifest.json"] = json.dumps(
            [{"Config": "config.json", "Layers": [f"{n}.tar" for n in range(len(layers))]}]
        ).encode()
        for name, content in parts.items():
            add(whole, name, content, 0o644, time)
    return path


def layer(files: Files, time: int) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as packed:
        for name, (body, mode) in files.items():
            add(packed, name, body, mode, time)
    return content.getvalue()


def add(packed: tarfile.TarFile, name: str, body: bytes, mode: int, time: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(body), mode, time
    packed.addfile(member, io.BytesIO(body))


BASE: Files = {"usr/bin/python": (b"x" * 100, 0o755)}
PACKAGES: Files = {"opt/packages/numpy/a.so": (b"y" * 30, 0o644), "opt/packages/numpy.libs/b.so": (b"z" * 20, 0o644)}


def test_sizes_packages_user_and_entrypoint_are_read(tmp_path: Path) -> None:
    found = inspect(archive(tmp_path / "a.tar", [BASE, PACKAGES]))
    assert found.layers == (100, 50) and found.total == 150 and found.above_base == 50
    assert found.packages == {"numpy": 50}
    assert found.user == "65532:65532" and found.entrypoint == ("/usr/bin/python", "-m", "app")
    assert "numpy" in table("orderguard", found)


def test_the_content_hash_ignores_times_and_sees_everything_else(tmp_path: Path) -> None:
    first = inspect(archive(tmp_path / "a.tar", [BASE, PACKAGES])).content_sha256
    assert inspect(archive(tmp_path / "b.tar", [BASE, PACKAGES], time=1_700_000_000)).content_sha256 == first
    changed = {**PACKAGES, "opt/packages/numpy/a.so": (b"Y" * 30, 0o644)}
    executable = {"usr/bin/python": (b"x" * 100, 0o777)}
    assert inspect(archive(tmp_path / "c.tar", [BASE, changed])).content_sha256 != first
    assert inspect(archive(tmp_path / "d.tar", [executable, PACKAGES])).content_sha256 != first
