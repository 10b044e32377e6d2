"""`make check`: what it leaves out, what comes first, and that it ends in time."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import check


def item(path: Path, *fixtures: str) -> Any:
    return SimpleNamespace(path=path, fixturenames=fixtures)


def test_what_needs_a_server_is_left_out_and_what_names_a_changed_module_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "REPOSITORY", tmp_path)
    sources = {
        "a": "import app.other\n",
        "b": "from app.desk import alerts\n",
        "c": "from app.desk.alerts import Alert\n",
    }
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    a, b, c = (item(tmp_path / f"{name}.py") for name in sources)
    server = item(tmp_path / "a.py", "tmp_path", "redis_server")
    config: Any = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=lambda items: None))
    plugin = check.Quick(["app/desk/alerts.py"], time.time() + 60)
    items = [a, server, b, c]
    plugin.pytest_collection_modifyitems(config, items)
    assert items == [b, c, a] and plugin.left_out["a Redis server"] == 1
    plugin = check.Quick([], time.time() - 1)
    items = [a, b, c]
    plugin.pytest_collection_modifyitems(config, items)
    assert items == [a, b, c]
    assert plugin.pytest_runtest_protocol(a) is True and (plugin.chosen, plugin.begun) == (3, 0)


def test_what_is_found_is_told_and_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def python(code: str) -> list[str]:
        return [sys.executable, "-c", code]

    assert check.run(
        [python("print('one')"), python("print('two'); exit(3)"), python("print('three')")], time.time()
    ) == (
        1,
        "one\ntwo\n",
    )
    code, said = check.run([[*python("import time; time.sleep(60)")]], time.time() - 19.5)
    assert code == 0 and "not done in time" in said


def test_a_change_has_its_files_checked_and_all_parts_of_the_tests_run() -> None:
    named = check.steps(["app/a.py", "tests/b.py"], 1.0)
    assert [name for name, _ in named][:-1] == ["tests, part 1", "tests, part 2"]
    tools = {command[2]: command for command in named[-1][1]}
    assert list(tools) == ["black", "flake8", "bandit", "mypy"]
    assert "tests/b.py" in tools["mypy"] and "tests/b.py" not in tools["bandit"]
    assert len(check.steps([], 1.0)) == 2
    for part in check.PARTS:
        assert all((check.REPOSITORY / path).exists() for path in part)
