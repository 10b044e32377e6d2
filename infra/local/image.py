"""Container images without a container engine: a frozen copy of the build context, and what the Dockerfile says about
running it.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from orderguard.private_files import make_private_folder


class ImageError(Exception):
    """The image can't be made: what is missing, and where it was looked for."""


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of .dockerignore (Go's filepath.Match and `**`) as a regular expression over a path; it covers what is
    below, too.
    """
    written = ""
    for part in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]*\]|\\.|.", text):
        if part == "**/":
            written += "(?:.*/)?"
        elif part == "**":
            written += ".*"
        elif part == "*":
            written += "[^/]*"
        elif part == "?":
            written += "[^/]"
        elif part[0] == "[" and len(part) > 2:
            written += part
        else:
            written += re.escape(part.removeprefix("\\") if len(part) == 2 else part)
    return re.compile(f"{written}(?:/.*)?")


def ignore_patterns(text: str) -> list[tuple[bool, str]]:
    """The lines of a .dockerignore file as (ignored, pattern); a later line wins over an earlier one."""
    lines = (line.strip() for line in text.splitlines())
    return [
        (not line.startswith("!"), os.path.normpath(line.removeprefix("!").strip().lstrip("/")))
        for line in lines
        if line and not line.startswith("#")
    ]


def ignored(path: str, patterns: Sequence[tuple[bool, str]]) -> bool:
    """Whether a path (relative to the context, with `/`) stays out of the image."""
    result = False
    for ignores, pattern in patterns:
        if ignores != result and _pattern(pattern).fullmatch(path):
            result = ignores
    return result


def context_files(context: Path, patterns: Sequence[tuple[bool, str]]) -> Iterator[str]:
    """The files of the context that go into the image, sorted, relative to it. A link counts as the file that it is."""
    exceptions = [pattern for ignores, pattern in patterns if not ignores]

    def leads_in(folder: str) -> bool:
        """Whether something in the folder may go in. As in Docker, an exception counts by the path it begins with."""
        inside = any(f"{pattern}/".startswith(f"{folder}/") for pattern in exceptions)
        return inside or not ignored(folder, patterns)

    found: list[str] = []
    for folder, names, files in os.walk(context):
        base = os.path.relpath(folder, context)
        prefix = "" if base == "." else f"{base}/"
        names[:] = [name for name in names if leads_in(prefix + name)]
        found += [prefix + name for name in files if not ignored(prefix + name, patterns)]
    return iter(sorted(found))


def context_digest(context: Path, dockerfile: Path) -> str:
    """SHA-256 over the names, modes and contents of all that goes into the image, and of the Dockerfile.

    Raises ImageError where the context or the Dockerfile is missing.
    """
    if not context.is_dir():
        raise ImageError(f"the build context {context} is not a folder")
    if not dockerfile.is_file():
        raise ImageError(f"there is no Dockerfile at {dockerfile}")
    digest = hashlib.sha256(dockerfile.read_bytes())
    for name in context_files(context, _patterns_of(context, dockerfile)):
        path = context / name
        executable = b"x" if os.access(path, os.X_OK) else b"-"
        digest.update(name.encode() + b"\0" + executable + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _patterns_of(context: Path, dockerfile: Path) -> list[tuple[bool, str]]:
    for path in (dockerfile.with_name(dockerfile.name + ".dockerignore"), context / ".dockerignore"):
        if path.is_file():
            return ignore_patterns(path.read_text())
    return []


def freeze(context: Path, dockerfile: Path, folder: Path) -> Path:
    """Copy the context below `folder` under its digest, whole or not at all; what is there already is used."""
    frozen = folder / context_digest(context, dockerfile)
    if frozen.is_dir():
        return frozen
    make_private_folder(folder)
    aside = Path(tempfile.mkdtemp(prefix=".freezing-", dir=folder))
    try:
        for name in context_files(context, _patterns_of(context, dockerfile)):
            target = aside / name
            make_private_folder(target.parent)
            shutil.copy2(context / name, target)
            target.chmod(target.stat().st_mode & 0o700)
        try:
            os.rename(aside, frozen)
        except OSError:
            if not frozen.is_dir():  # else another image of the same context was faster
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return frozen


@dataclass
class RunConfig:
    """How an image wants to be run."""

    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"

    def copy(self) -> "RunConfig":
        return RunConfig(list(self.entrypoint), list(self.command), dict(self.environment), self.folder)


def run_config(dockerfile: str, arguments: Mapping[str, str], target: str | None) -> RunConfig:
    """What the chosen stage (the last one, where no target is named) says about running the image.

    Raises ImageError for a stage that is not there.
    """
    stages: dict[str, RunConfig] = {}
    current, name = RunConfig(), ""
    known: dict[str, str] = {}
    shared: dict[str, str] = {}
    for word, rest in instructions(dockerfile):
        if word == "FROM":
            if target and name == target:
                break
            parts = _substituted(rest, {**shared}).split()
            base = next((part for part in parts if not part.startswith("--")), "")
            name = parts[-1] if len(parts) > 2 and parts[-2].upper() == "AS" else ""
            current = stages[base].copy() if base in stages else RunConfig()
            stages[name or str(len(stages))] = current
            known = {}
        elif word == "ARG":
            key, _, default = rest.partition("=")
            value = arguments.get(key.strip(), _unquoted(_substituted(default, {**shared, **known})))
            (known if stages else shared)[key.strip()] = value
        elif word == "ENV":
            current.environment |= dict(_pairs(_substituted(rest, {**known, **current.environment})))
        elif word == "WORKDIR":
            current.folder = os.path.normpath(os.path.join(current.folder, _substituted(rest, known)))
        elif word == "ENTRYPOINT":
            current.entrypoint, current.command = _words(rest), []
        elif word == "CMD":
            current.command = _words(rest)
    if target:
        if target not in stages:
            raise ImageError(f"the Dockerfile has no stage {target!r}; it has {', '.join(sorted(stages)) or 'none'}")
        return stages[target]
    return current


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Each instruction of a Dockerfile: its word, and the rest of its lines as one."""
    joined = re.sub(r"\\\s*\n(\s*#.*\n)*", " ", dockerfile)
    for line in joined.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word and not word.startswith("#"):
            yield word.upper(), rest.strip()


def _substituted(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", lambda found: known.get(found[1], ""), text)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = shlex.split(text)
    if words and "=" not in words[0]:
        yield words[0], " ".join(words[1:])
        return
    for word in words:
        key, _, value = word.partition("=")
        yield key, value


def _words(text: str) -> list[str]:
    if text.startswith("["):
        return [str(word) for word in json.loads(text)]
    return ["/bin/sh", "-c", text]
