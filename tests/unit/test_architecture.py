"""The walls of the house: which part may import which, and what serving must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = {"app", "bench", "data", "delivery", "infra", "ml", "orderguard", "policies"}

# A part, and what of the repository it may import besides itself.
MAY_IMPORT = {
    "orderguard": set(),
    "policies": set(),
    "ml": {"orderguard"},
    "app": {"orderguard"},
    "infra": {"orderguard"},
    "data": {"orderguard"},
    "delivery": {"infra", "orderguard", "policies"},
}


def imports(part: str) -> Iterator[tuple[Path, str]]:
    """Each file of a part with the first word of each import in it."""
    for path in sorted((REPOSITORY / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, name.name.split(".")[0]) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield path, node.module.split(".")[0]


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_the_architecture_lets_it(part: str) -> None:
    broken = [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path, name in imports(part)
        if name in PARTS - {part} - MAY_IMPORT[part]
    ]
    assert not broken


def test_what_training_and_serving_share_needs_little() -> None:
    allowed = set(sys.stdlib_module_names) | {"msgspec", "numpy", "onnxruntime", "orderguard"}
    elsewhere = {(path.name, name) for path, name in imports("orderguard") if name not in allowed}
    where_met = {("codes.py", "babel"), ("workbooks.py", "openpyxl"), ("expressions.py", "cel_expr_python")}
    assert elsewhere == where_met, "tables of names, workbooks and rules load where one is met, and never else"


@pytest.mark.parametrize(
    ("part", "foreign"),
    [
        ("infra", {"sklearn", "skl2onnx", "pandas", "onnx"}),
        ("ml", {"fastapi", "starlette", "uvicorn", "httpx", "pulumi", "pulumi_gcp"}),
        ("app", {"pulumi", "pulumi_gcp", "pulumi_docker", "sklearn", "pandas"}),
        ("orderguard", {"fastapi", "pulumi", "sklearn", "pandas"}),
    ],
)
def test_a_part_does_not_know_the_others_trade(part: str, foreign: set[str]) -> None:
    assert not {(path.name, name) for path, name in imports(part) if name in foreign}


def test_serving_loads_neither_pandas_nor_scikit_learn() -> None:
    heavy = ("pandas", "sklearn", "scipy", "pulumi", "onnx", "matplotlib")
    script = f"import sys, app.main; print(sorted(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_onnxruntime_does_not_report_its_use() -> None:
    script = "import orderguard, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {"PATH": "/usr/bin:/bin", "ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
