"""What is alike in every command: help that fits, names that are checked, exit codes, and no progress into files."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from data.generator.__main__ import main as sample
from data.importing.for_scoring import main as for_scoring

REPOSITORY = Path(__file__).resolve().parents[2]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
PAGE = (REPOSITORY / "docs" / "technical" / "commands.md").read_text(encoding="utf-8")
ROOMS = ("app", "bench", "data", "delivery", "infra", "ml", "orderguard", "packages", "policies")
FIRST = ["up", "open", "score", "status", "preview", "down", "import", "train", "check", "test"]


def make(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *words]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_help_fits_a_terminal_and_begins_with_the_ten_for_people() -> None:
    lines = make("help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    told = [line.split()[0] for line in lines if line.startswith("  ")]
    assert told[:10] == FIRST and len(told) == len(set(told))
    assert set(told) == set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    groups = [line for line in lines if line and not line.startswith(" ")]
    assert groups[1] == "the ten to begin with" and len(groups) == 8
    assert all(len(line.split()) > 1 for line in lines if line.startswith("  "))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("status STACK=nope", 'there is no stack "nope"; there are: local prod staging.'),
        ("pytest SUITE=nope", 'there is no suite "nope"; there are: all unit policies compliance platform.'),
        ("up stauts", "there is no target stauts; `make help` lists them."),
        ("up PROT=9000", "there is no variable PROT; there are: FIELDS FORCE JSON "),
        ("train RUN_KEY=true", "RUN_KEY=true means nothing; write RUN_KEY=1, or leave it out."),
        ("promote VERSION=x FORCE=yes", "FORCE=yes means nothing; write FORCE=1, or leave it out."),
    ],
)
def test_make_names_what_there_is_instead_of_what_is_misspelt(words: str, said: str) -> None:
    done = make("--dry-run", *words.split())
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_every_variable_that_a_target_takes_is_known() -> None:
    known = set(re.search(r"^NAMES := .*?[^\\]$", MAKEFILE, re.MULTILINE | re.DOTALL)[0].split())  # type: ignore[index]
    known |= set(re.search(r"^FLAGS := (.*)$", MAKEFILE, re.MULTILINE)[1].split())  # type: ignore[index]
    told = set(re.findall(r"\b([A-Z]+)=(?=[^\s|])", PAGE))
    named = set(re.findall(r"## .*?\b([A-Z]+)=", MAKEFILE))
    assert told | named <= known | {"YES"}


WRONG: list[tuple[str, list[str], dict[str, str], str]] = [
    ("app.forget", [], {}, "make forget CUSTOMER="),
    ("app.score_table", ["--record", "maybe", "x"], {}, "'true', 'false'"),
    ("app.score_table", ["no-such-file"], {}, "make score ORDERS=file.ndjson"),
    ("bench.__main__", ["nope"], {}, "no such area: nope; there are: features, repair,"),
    ("data.generator.__main__", ["--orders", "1"], {}, "at least 100"),
    ("data.importing.command", [""], {}, "make import FILE=orders.csv"),
    ("data.importing.command", ["--source", "nope", "data/score/sample.ndjson"], {}, "there are shopify, woocommerce"),
    ("data.importing.for_scoring", ["--source", "nope", "README.md"], {}, "there are shopify, woocommerce"),
    ("delivery.__main__", ["nope"], {}, "'verify-image'"),
    ("delivery.__main__", ["preview"], {"STACK": ""}, "STACK is not set"),
    ("delivery.__main__", ["preview"], {"STACK": "nope"}, "There is no stack 'nope'; there are: local, prod, staging"),
    ("delivery.__main__", ["preview"], {"STACK": "local", "BASE": "nope"}, "BASE=nope is not a commit"),
    ("delivery.__main__", ["secrets"], {"STACK": "local", "ROTATE": "nope"}, "ROTATE=nope: what is drawn"),
    ("delivery.__main__", ["secrets"], {"STACK": "local", "SECRET": "nope"}, "whose value is given are: "),
    ("delivery.__main__", ["deploy"], {"STACK": "local", "MODEL": "nope"}, "neither job"),
    ("delivery.__main__", ["trace"], {"VERSION": "nope"}, "; there are: "),
    ("delivery.__main__", ["trace"], {"TAG": "nope"}, "; there are: "),
    ("delivery.__main__", ["publish-model"], {"VERSION": "nope", "MODELS_BUCKET": "b"}, "; there are: "),
    ("delivery.__main__", ["import-outcomes"], {"STACK": "local"}, "FILE=chargebacks.csv"),
    ("delivery.__main__", ["forget"], {"STACK": "local"}, "make forget CUSTOMER="),
    (
        "infra.local.__main__",
        ["up", "--stack", "nope"],
        {},
        "There is no stack 'nope'; there are: local, prod, staging",
    ),
    ("infra.local.__main__", ["up", "--port", "0"], {}, "a number from 1 to 65535"),
    ("infra.local.__main__", ["logs", "nope"], {}, "there are logs of: "),
    ("infra.local.__main__", ["run-job", "nope"], {}, "There is no job 'nope'; there are: none"),
    ("infra.local.__main__", ["object-put", "nope", "README.md"], {}, "There is no bucket 'nope'"),
    ("ml.__main__", ["promote"], {}, "which version?; there are: "),
    ("ml.__main__", ["promote", "nope"], {}, "no version 'nope'; there are: "),
    ("ml.__main__", ["trace", "nope"], {}, "there are: "),
    ("ml.__main__", ["train", "--config", "nope.toml"], {}, "nope.toml: not found"),
    ("orderguard.rules.__main__", [], {}, "name a file of rules"),
    ("orderguard.rules.__main__", ["nope.toml"], {}, "nope.toml: can't be read"),
    ("orderguard.masking.__main__", ["nope"], {}, "key-file"),
    ("tests.infra.former_state", ["nope"], {}, "TAG=nope is no tag here; there are: "),
]


@pytest.mark.parametrize(
    ("module", "words", "settings", "said"), WRONG, ids=[f"{w[0]} {' '.join(w[1])}" for w in WRONG]
)
def test_what_is_wrong_in_a_command_is_2_and_lists_what_there_is(
    module: str,
    words: list[str],
    settings: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("BASE", "CUSTOMER", "FILE", "MODEL", "ROTATE", "SECRET", "TAG", "VERSION", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**settings, "LOCAL_CLOUD_HOME": str(tmp_path), "MODELS_DIR": str(tmp_path / "models")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr("delivery.__main__.REPOSITORY", tmp_path)  # where it would make a folder of reports
    main = getattr(import_module(module), "main")
    try:
        code = {"app.forget": lambda: main(), "tests.infra.former_state": lambda: main(words[0])}.get(
            module, lambda: main(words)
        )()
    except SystemExit as ended:
        code = ended.code
    out, told = capfd.readouterr()
    assert said in " ".join(told.split()) and code == 2
    assert "Traceback" not in told and not set("\r\x1b") & set(out + told)


def test_the_page_has_the_exit_codes_of_every_program() -> None:
    from infra.local import errors
    from ml.__main__ import EXIT_BAD_INPUT, EXIT_GATE

    codes = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    own = [errors.EXIT_OK, errors.EXIT_UNEXPECTED, errors.EXIT_USAGE, errors.EXIT_REFUSED, errors.EXIT_ENVIRONMENT]
    assert list(map(int, codes)) == [*own, 130]
    assert (EXIT_BAD_INPUT, EXIT_GATE) == (errors.EXIT_USAGE, errors.EXIT_REFUSED)
    table = PAGE.partition("| program |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`python -m ([\w.]+)`", table))
    run = set(re.findall(r"\$\(PYTHON\) -m ((?:%s|tests)[\w.]*)" % "|".join(ROOMS), MAKEFILE))
    assert {name for name in run if name != "tests.infra"} <= told | {"data.generator"}


def shows_progress(tree: ast.AST) -> Iterator[tuple[ast.Call, bool]]:
    """Calls that write over a line or show a bar, and whether a terminal is asked for first."""

    def visit(node: ast.AST, asked: bool) -> Iterator[tuple[ast.Call, bool]]:
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            over = any(isinstance(text, str) and re.search("\r(?!\n)|\x1b", text) for text in texts)
            if name in ("print", "write") and over:
                yield node, asked
            if name in ("tqdm", "trange"):
                switch = next((ast.unparse(one.value) for one in node.keywords if one.arg == "disable"), "")
                yield node, bool(re.search(r"isatty|None|progress", switch))
        inside = asked or (isinstance(node, ast.If) and "isatty" in ast.unparse(node.test))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return visit(tree, False)


def test_progress_is_shown_at_a_terminal_alone() -> None:
    found = [
        (f"{path.relative_to(REPOSITORY)}:{call.lineno}", asked)
        for room in ROOMS
        for path in sorted((REPOSITORY / room).rglob("*.py"))
        if (source := path.read_text(encoding="utf-8")) and ("\\r" in source or "tqdm" in source or "\\x1b" in source)
        for call, asked in shows_progress(ast.parse(source))
    ]
    assert len(found) >= 7 and [place for place, asked in found if not asked] == []
    for wrong in ('print("\\rdone")', 'sys.stderr.write("\\x1b[2K")', "tqdm(x, disable=quiet)", "tqdm(x)"):
        assert [asked for _, asked in shows_progress(ast.parse(wrong))] == [False]


def test_the_bars_of_a_command_that_goes_well_are_not_in_its_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folders = [word for name in ("out", "truth", "score") for word in (f"--{name}", str(tmp_path / name))]
    assert sample([*folders, "--orders", "100", "--months", "1"]) == 0
    orders = next((tmp_path / "out").glob("*.ndjson"))
    assert for_scoring([str(orders)]) == 0
    out, told = capfd.readouterr()
    assert " orders with " in out and not told and "\r" not in out
