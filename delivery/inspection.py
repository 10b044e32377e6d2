"""What is in an image: the size of its layers, the packages it holds, and a content hash that two builds must share."""

import hashlib
import io
import json
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PACKAGES = "opt/packages/"


@dataclass(frozen=True)
class Inspection:
    """One image archive. Sizes are bytes of file content; `layers` stand from the base upwards."""

    layers: tuple[int, ...]
    packages: dict[str, int]
    content_sha256: str
    files: frozenset[str]
    user: str
    entrypoint: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(self.layers)

    @property
    def above_base(self) -> int:
        """Everything above the first layer, which is the Python runtime."""
        return sum(self.layers[1:])


def inspect(archive: Path) -> Inspection:
    """Read a Docker archive. The content hash covers each file's name, mode, owner, link and bytes, layer by layer, and
    no time."""
    content = hashlib.sha256()
    packages: Counter[str] = Counter()
    layers = []
    names: set[str] = set()
    with tarfile.open(archive) as whole:
        manifest = json.load(_member(whole, "manifest.json"))[0]
        config = json.load(_member(whole, manifest["Config"]))["config"]
        for layer in manifest["Layers"]:
            size = 0
            with tarfile.open(fileobj=_member(whole, layer)) as files:
                for file in sorted(files.getmembers(), key=lambda member: member.name):
                    name = file.name.removeprefix("./")
                    body = files.extractfile(file) if file.isfile() else None
                    digest = hashlib.sha256(body.read() if body else b"").hexdigest()
                    content.update(f"{name}\0{file.mode}\0{file.uid}\0{file.gid}\0{file.linkname}\0{digest}\n".encode())
                    size += file.size if file.isfile() else 0
                    names.add(name)
                    if name.startswith(PACKAGES):
                        packages[
                            name.removeprefix(PACKAGES).split("/")[0].split("-")[0].removesuffix(".libs")
                        ] += file.size
            layers.append(size)
    return Inspection(
        layers=tuple(layers),
        packages=dict(packages.most_common()),
        content_sha256=content.hexdigest(),
        files=frozenset(names),
        user=config.get("User", ""),
        entrypoint=tuple(config.get("Entrypoint") or ()),
    )


def _member(archive: tarfile.TarFile, name: str) -> io.BytesIO:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"the image archive has no {name}")
    return io.BytesIO(file.read())


def table(name: str, found: Inspection) -> str:
    """What the image weighs and what it is made of, as text for a terminal."""
    megabytes = 1_000_000
    total, above = (f"{size / megabytes:.0f} MB" for size in (found.total, found.above_base))
    rows = [f"{name}: {total} in {len(found.layers)} layers, {above} above the Python runtime"]
    rows += [f"  {package:24} {size / megabytes:7.1f} MB" for package, size in list(found.packages.items())[:8]]
    return "\n".join([*rows, f"  content sha256:{found.content_sha256}"])
