"""No import circles: neither at run time, nor for types alone, nor inside functions."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("app", "bench", "data", "delivery", "infra", "ml", "orderguard", "policies")


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(root: Path, room: str) -> dict[str, Path]:
    return {module_name(path, root): path for path in sorted((root / room).rglob("*.py"))}


def imported(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of `known` that a module imports, wherever in it the import stands."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                if inner in known:
                    yield inner
                elif source in known:
                    yield source


def circle(known: dict[str, Path]) -> list[str]:
    """The modules of a circle of imports, if there is one."""
    sorter = TopologicalSorter({name: set(imported(name, path, known)) for name, path in known.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_imports_itself_by_way_of_others(room: str) -> None:
    known = modules(REPOSITORY, room)
    assert known
    assert circle(known) == []


CIRCLES = {
    "at run time": "from room import b",
    "for types alone": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room.b import B",
    "inside a function": "def f():\n    import room.b",
    "by a relative name": "from .b import B",
}


@pytest.mark.parametrize("kind", CIRCLES)
def test_a_circle_is_seen_wherever_its_imports_stand(kind: str, tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    for name, text in {
        "__init__": "",
        "a": CIRCLES[kind],
        "b": "from room.c import C",
        "c": "from room import a",
    }.items():
        (tmp_path / "room" / f"{name}.py").write_text(text)
    assert set(circle(modules(tmp_path, "room"))) == {"room.a", "room.b", "room.c"}


def test_a_package_that_imports_a_part_which_imports_the_package_is_a_circle(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "__init__.py").write_text("ERROR = 1\ndef open():\n    from room.part import P\n")
    (tmp_path / "room" / "part.py").write_text("from room import ERROR")
    assert circle(modules(tmp_path, "room"))
