"""The documentation is part of the product: its links lead somewhere and its commands exist."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "infra").rglob("*.md")),
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_MAKE = re.compile(r"\bmake ((?:[a-z][a-z-]+\b ?)+)")
_MODULE = re.compile(r"python -m ((?:app|bench|data|delivery|infra|ml|orderguard|policies)[\w.]*)")
_PATH = re.compile(r"`((?:app|bench|data|delivery|docs|infra|ml|orderguard|policies|requirements|tests)/[\w./-]+)`")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*)(?=:)", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def code(page: Path) -> Iterator[str]:
    """What a page shows as code, in a line or in a block, without comments."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL):
        yield from (line.split("#")[0] for line in block.splitlines())
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def heading_anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in heading_anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_and_paths_exist(page: Path) -> None:
    missing = []
    for piece in code(page):
        if made := _MAKE.match(piece.strip()):
            missing += [f"make {word}" for word in made[1].split() if word not in targets()]
        for module in _MODULE.findall(piece):
            place = REPOSITORY / module.replace(".", "/")
            if not place.with_suffix(".py").exists() and not (place / "__main__.py").exists():
                missing.append(f"python -m {module}")
    for path in _PATH.findall(page.read_text(encoding="utf-8")):
        if (REPOSITORY / path).exists() or re.search(r"/[A-Z]+\b", path):
            continue  # STACK and the like stand for something
        if subprocess.run(["git", "check-ignore", "--quiet", path], cwd=REPOSITORY, check=False).returncode:
            missing.append(path)
    assert not missing


def test_every_make_target_that_people_use_is_in_the_docs() -> None:
    told = set(
        re.findall(r"^([a-z][a-z-]*):.*## ", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for row in _MAKE.findall(text):
        told -= set(row.split())
    assert not told - {"help"}


def test_no_runbook_sends_anybody_to_the_local_cloud() -> None:
    """`make up STACK=prod` brings prod's settings up on the machine of whoever is on call, and says that it worked."""
    told = "\n".join(code(REPOSITORY / "docs" / "technical" / "runbooks.md"))
    assert "make fetch-model deploy STACK=prod" in told
    assert not re.findall(r"make [\w -]*\b(?:up|down|status|preview|rollback)\b.*STACK=", told)


def test_no_docstring_is_torn_by_the_quotation_marks_of_a_wrapped_string() -> None:
    sources = subprocess.run(["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    torn = [
        f"{name}:{node.lineno}"
        for name in sources.stdout.splitlines()
        for node in ast.walk(ast.parse((REPOSITORY / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if re.search(r'"\n\s*"', node.value.value)
    ]
    assert not torn


def test_the_readme_lists_the_packages_that_ci_installs() -> None:
    packages = (REPOSITORY / ".ci/debian-packages").read_text(encoding="utf-8").split()
    assert f"$(cat .ci/debian-packages)   # {', '.join(packages)}\n" in (REPOSITORY / "README.md").read_text("utf-8")
    container = json.loads((REPOSITORY / ".devcontainer/devcontainer.json").read_text("utf-8"))
    assert container["onCreateCommand"].endswith("$(cat .ci/debian-packages)")
    assert f":{(REPOSITORY / '.python-version').read_text().strip()}-" in container["image"]
