"""The reviewed inventory: every resource by type and name, and the stacks that have it, in tests/infra/inventory.yaml.

`make pages` writes it again; the diff is what a reviewer reads.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from tests.infra.recording import ROOT, STACKS, declare, stack_settings

INVENTORY = ROOT / "tests" / "infra" / "inventory.yaml"
regenerate_with = f"if the change is meant, run `make pages` and review the diff of {INVENTORY.relative_to(ROOT)}"


def read_inventory(stack: str) -> list[str]:
    """`type name` of every resource of a stack, sorted."""
    by_type: dict[str, dict[str, str]] = yaml.safe_load(INVENTORY.read_text())
    return sorted(
        f"{resource_type} {name}"
        for resource_type, names in by_type.items()
        for name, stacks in names.items()
        if stack in stacks.split(", ")
    )


def write_inventory(lines: Mapping[str, Sequence[str]]) -> None:
    """Write each stack's `type name` lines: types in alphabetical order, under each the names with their stacks."""
    by_type: dict[str, dict[str, list[str]]] = {}
    for stack, stacks_lines in lines.items():
        for line in stacks_lines:
            resource_type, _, name = line.partition(" ")
            by_type.setdefault(resource_type, {}).setdefault(name, []).append(stack)
    told = {
        resource_type: {name: ", ".join(stacks) for name, stacks in names.items()}
        for resource_type, names in by_type.items()
    }
    INVENTORY.write_text(yaml.safe_dump(told, sort_keys=True))


def main() -> None:
    """Write the inventory from the program as it is, with a model version made for the purpose."""
    from infra.__main__ import platform
    from tests.infra.conftest import VERSION, write_version

    with tempfile.TemporaryDirectory() as folder:
        write_version(Path(folder), VERSION)
        (Path(folder) / "CHAMPION").write_text(VERSION)
        os.environ["MODELS_DIR"] = folder
        settings = {stack: stack_settings(stack) for stack in STACKS}
        write_inventory({stack: declare(partial(platform, told)).inventory() for stack, told in settings.items()})
    print(f"Wrote {INVENTORY.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
