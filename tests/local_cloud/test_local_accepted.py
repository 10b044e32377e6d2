"""An `up` after one that ended well does without a preview where nothing has changed, else not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.cloud import Cloud
from infra.local.commands.accepted import Accepted
from infra.local.files import write_whole
from infra.local.home import Home

WORDS = ["up", "--yes"]
UNSEEN: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "a file of a hidden folder": lambda folder: write_whole(folder / ".git/index", b"1"),
    "a file of the home": lambda folder: write_whole(folder / "home/logs/test/web.log", b"1"),
    "byte code": lambda folder: write_whole(folder / "__pycache__/app.pyc", b"1"),
    "a file of an environment": lambda folder: write_whole(folder / "venv/lib/more.py", b"1"),
}
SEEN: dict[str, Callable[[Path], object]] = {
    "a file's content": lambda folder: (folder / "__main__.py").write_text("other"),
    "a file more": lambda folder: write_whole(folder / "web/static/page.html", b"1"),
    "a file less": lambda folder: (folder / "Dockerfile").unlink(),
    "a file's mode": lambda folder: (folder / "Dockerfile").chmod(0o755),
    "the stack's settings": lambda folder: (folder / "Pulumi.test.yaml").write_text("config: {a:b: c}\n"),
    "a setting of the home": lambda folder: write_whole(folder / "home/config/shop/secrets.test.yaml", b"a: b\n"),
    "the engine's state": lambda folder: write_whole(folder / "home/state/.pulumi/stacks/shop/test.json", b"{} "),
    "the policy pack": lambda folder: write_whole(folder.parent / "pack/rules.py", b"1"),
    "the cloud's folder": lambda folder: (folder / "home/cloud/test/accepted").unlink(),
}


def _accepted(folder: Path, words: list[str] | None = None, variables: dict[str, str] | None = None) -> Accepted:
    given = [*(words or WORDS), "--policy-pack", str(folder.parent / "pack")]
    return Accepted(Cloud(Home(folder / "home"), "test"), folder, given, {"A": "a", "PWD": "/", **(variables or {})})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that an `up` has taken."""
    project = tmp_path / "shop"
    Home(project / "home").ensure()
    for name, content in {
        "Pulumi.yaml": "name: shop\nruntime: python\n",
        "Pulumi.test.yaml": "config: {}\n",
        "__main__.py": "",
        "Dockerfile": "FROM scratch\n",
        "venv/pyvenv.cfg": "",
        "../pack/rules.py": "",
        "home/state/.pulumi/stacks/shop/test.json": "{}",
    }.items():
        write_whole(project / name, content.encode())
    first = _accepted(project)
    assert first.words() == []
    first.keep()
    return project


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN)
def test_what_no_program_is_made_of_needs_no_preview(folder: Path, change: Callable[[Path], object]) -> None:
    change(folder)
    assert _accepted(folder, variables={"PWD": "/elsewhere"}).words() == ["--skip-preview"]


@pytest.mark.parametrize("change", SEEN.values(), ids=SEEN)
def test_a_change_is_previewed(folder: Path, change: Callable[[Path], object]) -> None:
    change(folder)
    assert _accepted(folder).words() == []


def test_another_variable_or_argument_is_previewed(folder: Path) -> None:
    assert _accepted(folder, variables={"A": "b"}).words() == []
    assert _accepted(folder, words=["up", "--yes", "--config", "a=b"]).words() == []


def test_after_an_up_that_ended_badly_comes_a_preview(folder: Path) -> None:
    assert _accepted(folder).words() == ["--skip-preview"]
    again = _accepted(folder)
    assert again.words() == []
    again.keep()
    assert _accepted(folder).words() == ["--skip-preview"]


def test_a_project_of_too_many_files_is_previewed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.commands.accepted._MOST_FILES", 3)
    many = _accepted(folder)
    many.keep()
    assert _accepted(folder).words() == []
