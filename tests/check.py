"""`make check`: what can be said of a change within three minutes, and what that leaves out.

The static checks look at the files that changed since main. The tests are those that need no engine, server, browser or
training; the ones that name a changed module come first, and what has no time left is counted and named. `make test`
checks everything.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SECONDS = 150.0
"""For tests and types, from the beginning; the rest of three minutes is for starting and for what has just begun."""
PARTS = (
    ("tests/docs", "tests/policies", "tests/unit/delivery", "tests/unit/data"),
    (
        "tests/unit/orderguard",
        "tests/unit/app",
        *(f"tests/unit/{path.name}" for path in sorted((REPOSITORY / "tests" / "unit").glob("test_*.py"))),
    ),
)
"""What two processors share."""
ENGINE = ("tests/policies/test_engine.py", "tests/policies/test_analyzer.py")
NEEDS = {
    "platform": "the platform",
    "redis_server": "a Redis server",
    "postgres_server": "PostgreSQL",
    "models_dir": "a trained model",
}
"""A fixture → what a test with it needs."""
ELSEWHERE = (
    "training and benchmarks (tests/unit/ml, tests/unit/bench): make pytest SUITE=unit",
    "the program, and the policies on the engine (tests/infra, tests/policies): make pytest SUITE=unit, SUITE=policies",
    "service, browser, local cloud, delivery, end to end: make pytest SUITE=platform",
    "privacy in what runs (tests/compliance): make pytest SUITE=compliance",
)


def changed_files() -> list[str]:
    """The Python files that differ from main, committed or not, and those that git does not know yet."""
    base = next((name for name in ("origin/main", "main") if not _git("rev-parse", "--verify", name)[0]), "HEAD")
    fork = _git("merge-base", base, "HEAD")[1].strip() or "HEAD"
    listed = _git("diff", "--name-only", "--diff-filter=d", fork)[1]
    listed += _git("ls-files", "--others", "--exclude-standard")[1]
    return sorted({name for name in listed.splitlines() if name.endswith(".py")})


def _git(*words: str) -> tuple[int, str]:
    done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def first_tests(changed: Sequence[str]) -> re.Pattern[str]:
    """What a test's source holds that is to run first: the name of a changed module. It finds nothing where none is."""
    names = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in changed]
    whole = [rf"\b{re.escape(name)}\b" for name in names]
    halves = [rf"from {re.escape(a)} import .*\b{re.escape(b)}\b" for a, _, b in (n.rpartition(".") for n in names)]
    return re.compile("|".join([*whole, *halves]) or r"(?!)")


class Quick:
    """A plugin of pytest: leaves out what needs more than Python, and stops where the time is over."""

    def __init__(self, changed: Sequence[str], until: float) -> None:
        self.changed, self.until = set(changed), until
        self.pattern = first_tests(changed)
        self.left_out: Counter[str] = Counter()
        self.begun = self.chosen = 0

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Choose, and put first what a change concerns."""
        kept: list[pytest.Item] = []
        left: list[pytest.Item] = []
        for item in items:
            need = next((NEEDS[name] for name in getattr(item, "fixturenames", ()) if name in NEEDS), "")
            (left if need else kept).append(item)
            self.left_out[need] += bool(need)
        near = {path for path in {item.path for item in kept} if self._is_near(path)}
        items[:] = sorted(kept, key=lambda item: item.path not in near)
        self.chosen = len(items)
        config.hook.pytest_deselected(items=left)

    def _is_near(self, path: Path) -> bool:
        own = str(path.relative_to(REPOSITORY)) in self.changed
        return own or bool(self.pattern.search(path.read_text(encoding="utf-8")))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """None: the test runs. True: it is not begun, since the time is over."""
        if time.time() > self.until:
            return True
        self.begun += 1
        return None


def tests(part: int, until: float) -> int:
    """Run a part in this process, until a moment; the exit code."""
    plugin = Quick(changed_files(), until)
    ignored = [f"--ignore={path}" for path in ENGINE]
    code = pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *ignored, *PARTS[part]], plugins=[plugin])
    needed = ", ".join(f"{count} for want of {need}" for need, count in plugin.left_out.items() if count)
    late = plugin.chosen - plugin.begun
    print(f"not run of these: {needed or 'none'}{f', {late} for want of time' if late else ''}")
    return 1 if code else 0


def steps(changed: Sequence[str], until: float) -> list[tuple[str, list[list[str]]]]:
    """What runs at the same time: a name, and commands one after the other."""
    own = [sys.executable, "-m"]
    code = [name for name in changed if not name.startswith("tests/")]
    bandit = [*own, "bandit", "--quiet", "--configfile", "pyproject.toml", *code]
    static = [[*own, "black", "--quiet", "--check", *changed], [*own, "flake8", "-j1", *changed]]
    looked = f"{len(changed)} changed files"
    found = [(f"tests, part {part + 1}", [[*own, "tests.check", str(part), str(until)]]) for part in range(len(PARTS))]
    if changed:
        types = [*own, "mypy", *changed]
        found.append((f"Black, Flake8, Bandit, MyPy over {looked}", [*static, *([bandit] if code else []), types]))
    return found


def run(commands: Sequence[Sequence[str]], until: float) -> tuple[int, str]:
    """Run commands up to the first that fails; the exit code and what was said."""
    said = ""
    for command in commands:
        try:
            done = subprocess.run(
                command,
                cwd=REPOSITORY,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=max(1.0, until + 20 - time.time()),
            )
        except subprocess.TimeoutExpired:
            return 0, f"{said}{command[2]} was not done in time: run it alone (make types)\n"
        said += done.stdout
        if done.returncode:
            return 1, said
    return 0, said


def main() -> int:
    """Everything at the same time. Exit codes: 0 nothing was found, 1 something was."""
    begun = time.time()
    until, changed = begun + SECONDS, changed_files()
    print(f"==> static checks of {len(changed)} changed files; quick tests; within three minutes", flush=True)
    wanted = steps(changed, until)
    worst = 0
    with ThreadPoolExecutor(len(wanted)) as pool:
        waiting = [(name, pool.submit(run, commands, until)) for name, commands in wanted]
        for name, done in waiting:
            code, said = done.result()
            worst = max(worst, code)
            print(f"==> {name}: {'found something' if code else 'nothing found'}\n{said}", end="", flush=True)
    print("\nNot run here:\n" + "\n".join(f"  {line}" for line in ELSEWHERE))
    print(f"{time.time() - begun:.0f} s. Everything that CI checks: make test")
    return worst


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    sys.exit(tests(int(sys.argv[1]), float(sys.argv[2])) if sys.argv[1:] else main())
