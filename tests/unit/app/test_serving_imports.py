"""What the service imports decides how fast it starts and how much it weighs."""

import json
import subprocess
import sys


def test_serving_imports_neither_pandas_nor_scikit_learn() -> None:
    program = "import json, sys, app.main, app.framework, app.server; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    heavy = {
        "pandas",
        "sklearn",
        "scipy",
        "matplotlib",
        "onnx",
        "skl2onnx",
        "httpx",
        "redis",
        "pulumi",
        "google",
        "babel",
        "sqlalchemy",
        "pg8000",
        "alembic",
    }
    assert heavy & {name.split(".")[0] for name in loaded} == set()
    where_used = ("orderguard.repair", "orderguard.sources.", "app.hooks", "openpyxl", "cel_expr_python")
    assert [name for name in loaded if name.startswith(where_used)] == []


def test_an_order_can_be_scored_before_the_framework_is_imported() -> None:
    program = "import sys, app.main, app.server; sys.exit('fastapi' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_wrong_settings_are_told_before_anything_heavy_is_imported() -> None:
    program = "import sys, app.__main__; sys.exit('onnxruntime' in sys.modules or 'fastapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
