"""Build contexts are frozen as Docker would take them, and Dockerfiles tell how to run them."""

from pathlib import Path

import pytest

from infra.local.image import ImageError, context_digest, context_files, freeze, ignore_patterns, ignored, run_config


@pytest.mark.parametrize(
    ("patterns", "path", "out"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/README.md", False),
        ("**/*.md", "docs/a/README.md", True),
        ("**/*.md", "README.md", True),
        ("docs", "docs/a.txt", True),
        ("/docs", "docs/a.txt", True),
        ("docs/", "docs/a.txt", True),
        ("doc", "docs/a.txt", False),
        ("*\n!app", "app/main.py", False),
        ("*\n!app", "tests/a.py", True),
        ("*\n!app\napp/secret*", "app/secret.txt", True),
        ("# comment\n\ntemp?", "temp1", True),
        ("temp?", "temp12", False),
        ("**/__pycache__", "a/b/__pycache__/c.pyc", True),
        ("[a-c].txt", "b.txt", True),
        (".git", ".gitignore", False),
    ],
)
def test_dockerignore_patterns(patterns: str, path: str, out: bool) -> None:
    assert ignored(path, ignore_patterns(patterns)) is out


def test_the_frozen_copy_holds_what_is_not_ignored_and_nothing_else(context_folder: Path, tmp_path: Path) -> None:
    (context_folder / ".dockerignore").write_text("*\n!server.py\n!Dockerfile\n")
    (context_folder / "secret.txt").write_text("x")
    frozen = freeze(context_folder, context_folder / "Dockerfile", tmp_path / "images")
    assert sorted(path.name for path in frozen.iterdir()) == ["Dockerfile", "server.py"]
    assert freeze(context_folder, context_folder / "Dockerfile", tmp_path / "images") == frozen
    assert [path for path in (tmp_path / "images").iterdir()] == [frozen]


def test_the_digest_follows_content_name_and_mode_but_not_the_place(context_folder: Path, tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        return context_digest(folder, folder / "Dockerfile")

    first = digest(context_folder)
    moved = context_folder.rename(tmp_path / "moved")
    assert digest(moved) == first
    (moved / "server.py").chmod(0o755)
    second = digest(moved)
    (moved / "more.py").write_text("")
    assert len({first, second, digest(moved)}) == 3


def test_a_missing_context_or_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nowhere"):
        context_digest(tmp_path / "nowhere", tmp_path / "Dockerfile")
    with pytest.raises(ImageError, match="Dockerfile"):
        context_digest(tmp_path, tmp_path / "Dockerfile")


DOCKERFILE = """
ARG BASE=python:3.11
FROM ${BASE} AS base
ENV LANG=C.UTF-8 \\
    MODE="a b"
WORKDIR /srv
FROM base AS train
ARG COMMIT=none
ENV COMMIT=$COMMIT
ENTRYPOINT ["python", "-m", "ml"]
CMD ["train"]
FROM base AS serve
WORKDIR app
CMD python -m app
"""


def test_a_stage_inherits_and_the_last_one_is_the_default() -> None:
    served = run_config(DOCKERFILE, {}, None)
    trained = run_config(DOCKERFILE, {"COMMIT": "abc"}, "train")
    assert served.command == ["/bin/sh", "-c", "python -m app"]
    assert served.folder == "/srv/app"
    assert (trained.entrypoint, trained.command) == (["python", "-m", "ml"], ["train"])
    assert trained.environment == {"LANG": "C.UTF-8", "MODE": "a b", "COMMIT": "abc"}


def test_an_unknown_stage_is_named_with_those_there_are() -> None:
    with pytest.raises(ImageError, match="'srve'; it has base, serve, train"):
        run_config(DOCKERFILE, {}, "srve")


def test_a_context_is_listed_in_order(context_folder: Path) -> None:
    assert list(context_files(context_folder, [])) == ["Dockerfile", "server.py"]
