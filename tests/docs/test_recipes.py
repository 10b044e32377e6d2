"""The three recipes of CONTRIBUTING.md, followed in a copy: how many files each touches, and whether each failure names
the next.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("bench", "data", "delivery", "infra", "ml", "orderguard", "policies", "tests", "docs", "packages")
PAGES = {"feature": "ml.feature_page", "rule": "policies.page", "resource": "tests.infra.inventories"}

pytestmark = pytest.mark.no_cover


class Copy:
    """A copy of the repository's code and pages, to change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in PARTS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "reports", "dist"))
        for path in ROOT.glob("*"):
            if path.is_file():
                shutil.copy2(path, folder)

    def add(self, path: str, text: str, before: str = "") -> None:
        """Add text to a file, at its end or before a line that is there once."""
        file = self.folder / path
        content = file.read_text() if file.exists() else ""
        assert not before or content.count(before) == 1
        file.write_text(content.replace(before, text + before) if before else content + text)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a module of the copy."""
        return subprocess.run([sys.executable, "-m", *words], cwd=self.folder, capture_output=True, text=True)

    def test(self, *tests: str) -> str:
        """What tests of the copy say where they fail; "" where they pass. One at least has to run."""
        done = self.run("pytest", "-q", "--no-header", "-p", "no:cacheprovider", f"--basetemp={self.folder}/pt", *tests)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return "" if done.returncode == 0 else done.stdout

    def changed(self) -> list[str]:
        """The files that are not as in the repository."""
        files = (path.relative_to(self.folder) for name in PARTS for path in (self.folder / name).rglob("*"))
        return sorted(
            str(path)
            for path in files
            if (self.folder / path).is_file() and "__pycache__" not in path.parts and not _same(path, self.folder)
        )


def _same(path: Path, folder: Path) -> bool:
    there = ROOT / path
    return there.exists() and there.read_bytes() == (folder / path).read_bytes()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


def in_words(recipe: str) -> str:
    """The section of CONTRIBUTING.md on one line."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return " ".join(text.partition(f"## {recipe}\n")[2].partition("\n## ")[0].split())


def test_a_feature_touches_three_files(copy: Copy) -> None:
    """Its group, the versions, the page."""
    assert "It touches three files" in in_words("Add a feature")
    copy.add(
        "orderguard/features/groups/prices.py",
        '    Feature("shipping_beside_goods", "shipping beside the goods", "price", "ratio", "as is", "none", 0.1,'
        ' "Shipping cost by what the goods cost.", lambda f, xp: f.shipping_cost / xp.maximum(f.gross, 1e-9)),\n',
        before='    Feature(\n        "price_above_range",',
    )
    vectors = "tests/unit/orderguard/test_features.py::test_another_feature_set_has_another_version"
    page, label = "tests/unit/ml/test_feature_page.py", "tests/unit/orderguard/test_reasons.py"
    said = copy.test(vectors, page)
    line = re.search(r'orderguard/features/versions\.py: ("\d+": "[0-9a-f]{64}",)', said)
    assert line and "run `make pages`" in said, said
    copy.add("orderguard/features/versions.py", f"    {line[1]}\n", before='}\n"""By version')
    assert copy.run(PAGES["feature"]).returncode == 0
    assert copy.test(vectors, page, label, "-k", "version or page or label") == ""
    assert copy.changed() == [
        "docs/technical/features.md",
        "orderguard/features/groups/prices.py",
        "orderguard/features/versions.py",
    ]


RULE = """

@rule(
    "organization-folder-protected",
    "A folder of the organisation can't be deleted by mistake.",
    types=["gcp:organizations/folder:Folder"],
    severity=HIGH,
    fix="Set deletion_protection=True.",
)
def folder_protected(folder: Resource) -> Findings:
    yield forbid(folder.at("deletionProtection"), equals(False), "the folder can be deleted")
"""
EXAMPLES = """
EXAMPLES = (
    *EXAMPLES,
    Examples(
        "organization-folder-protected",
        "gcp:organizations/folder:Folder",
        [{"displayName": "orders", "deletionProtection": True}, {"displayName": "orders"}],
        [{"displayName": "orders", "deletionProtection": False}],
    ),
)
"""


def test_a_rule_touches_two_files_and_the_page(copy: Copy) -> None:
    """Its definition and its examples; the page is written from them."""
    assert "one definition and its examples, two files" in in_words("Add a rule")
    copy.add("policies/rules/organization.py", RULE)
    chosen = "organization-folder-protected or both_kinds or documentation_is_current"
    tests = ("tests/policies/test_rules.py", "tests/policies/test_pack.py", "-k", chosen)
    said = copy.test(*tests)
    assert "add Examples('organization-folder-protected', …) to policies/examples/" in said
    assert "run `make pages`" in said
    copy.add("policies/examples/foundations.py", EXAMPLES)
    assert copy.run(PAGES["rule"]).returncode == 0
    assert copy.test(*tests) == ""
    assert copy.changed() == [
        "docs/technical/policies.md",
        "policies/examples/foundations.py",
        "policies/rules/organization.py",
    ]


COMPONENT = '''"""A topic on which the platform says that a model was promoted."""

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings


class Promotions(Component):
    """Topic for whoever waits for a new model."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        gcp.pubsub.Topic(name, name=settings.name(name), opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
'''


def test_a_resource_type_touches_four_files(copy: Copy) -> None:
    """The component, the list of components, the inventory, the page."""
    assert "It touches four files" in in_words("Add a resource type")
    copy.add("infra/promotions.py", COMPONENT)
    copy.add(
        "infra/__main__.py",
        "    from infra.promotions import Promotions\n\n    Promotions('promotions', settings)\n",
        before="    scorer = Identity(",
    )
    listed = "tests/infra/test_platform.py::test_the_page_lists_each_component"
    inventory = "tests/infra/test_platform.py::test_the_inventory_is_as_reviewed[staging]"
    said = copy.test(listed, inventory)
    assert "add Promotions (promotions.py) to docs/technical/infrastructure.md" in said and "run `make pages`" in said
    assert copy.run(PAGES["resource"]).returncode == 0
    copy.add(
        "docs/technical/infrastructure.md", "| `promotions.py` | Promotions | a topic | |\n", before="| `defaults.py` |"
    )
    assert copy.test(listed, inventory) == ""
    assert copy.changed() == [
        "docs/technical/infrastructure.md",
        "infra/__main__.py",
        "infra/promotions.py",
        "tests/infra/inventory.yaml",
    ]
