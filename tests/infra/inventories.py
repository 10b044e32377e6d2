"""The reviewed inventory of each stack: every resource by type and name, in tests/infra/inventory/<stack>.yaml.

`python -m tests.infra.inventories` writes them again; the diff is what a reviewer reads.
"""

import os
from pathlib import Path

import yaml

from tests.infra.recording import ROOT, STACKS, declare, stack_settings

FOLDER = ROOT / "tests" / "infra" / "inventory"
regenerate_with = "if the change is meant, run `python -m tests.infra.inventories` and review the diff"


def inventory_path(stack: str) -> Path:
    """Where a stack's inventory lies."""
    return FOLDER / f"{stack}.yaml"


def read_inventory(stack: str) -> list[str]:
    """`type name` of every resource of a stack, sorted."""
    by_type: dict[str, list[str]] = yaml.safe_load(inventory_path(stack).read_text())
    return sorted(f"{resource_type} {name}" for resource_type, names in by_type.items() for name in names)


def write_inventory(stack: str, lines: list[str]) -> None:
    """Write a stack's inventory: types in alphabetical order, names under each."""
    by_type: dict[str, list[str]] = {}
    for line in sorted(lines):
        resource_type, _, name = line.partition(" ")
        by_type.setdefault(resource_type, []).append(name)
    inventory_path(stack).write_text(yaml.safe_dump(by_type, sort_keys=True))


def main() -> None:
    """Write the inventories of all stacks from the program as it is, with a model version made for the purpose."""
    import tempfile

    from infra.__main__ import platform
    from tests.infra.conftest import VERSION, write_version

    with tempfile.TemporaryDirectory() as folder:
        write_version(Path(folder), VERSION)
        (Path(folder) / "CHAMPION").write_text(VERSION)
        os.environ["MODELS_DIR"] = folder
        for stack in STACKS:
            settings = stack_settings(stack)
            write_inventory(stack, declare(lambda: platform(settings)).inventory())
            print(inventory_path(stack).relative_to(ROOT))


if __name__ == "__main__":
    main()
