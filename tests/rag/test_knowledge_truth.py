"""What the knowledge says about the product is true of it: limits, routes, commands, buttons and settings are read from
the code. What is a shop's own policy ships as an example and is marked so.
"""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml

from app.logs import AskLine
from app.problems import KINDS as PROBLEMS
from app.settings import Settings
from data.generator.anomalies import KINDS
from ml.knowledge_index import EXAMPLES, KNOWLEDGE_DIR, MAX_CASES, knowledge_index, read_knowledge
from orderguard.features import FEATURE_NAMES
from orderguard.retrieval import KnowledgeIndex
from orderguard.retrieval.cases import LEAST_LIKENESS
from orderguard.schema import Channel, json_schema

ROOT = KNOWLEDGE_DIR.parents[1]
CONFIG = tomllib.loads((ROOT / "ml" / "config.toml").read_text(encoding="utf-8"))
PRODUCTION = {
    name.removeprefix("orderguard:"): value
    for name, value in yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))["config"].items()
}
DEFAULTS = {each.name: each.default for each in fields(Settings)}
PAGE = (ROOT / "app" / "static" / "index.html").read_text(encoding="utf-8")
*FIRST, LAST_CHANNEL = get_args(Channel)
PAGES = [*KNOWLEDGE_DIR.glob("*.md"), *(KNOWLEDGE_DIR / EXAMPLES).glob("*.md")]
TEXT = {path.name: path.read_text(encoding="utf-8") for path in PAGES}

HELD: list[tuple[str, str]] = [
    ("glossary.md", f"A channel is where the order was placed: {', '.join(FIRST)} or {LAST_CHANNEL}."),
    ("howto-score-a-file.md", f"a batch holds up to {DEFAULTS['max_batch']:,} orders."),
    ("howto-score-a-file.md", "the stream route, /v1/score/stream, which answers line by line"),
    ("howto-score-a-file.md", 'Choose the file with the button "Open a file …", then press "Score"'),
    ("howto-score-a-file.md", "Run make score with ORDERS set to the file."),
    ("howto-similar-cases.md", f"at most {MAX_CASES}, those with the highest scores."),
    ("howto-similar-cases.md", f"Cases that are less alike than {LEAST_LIKENESS:g} are not shown"),
    ("howto-similar-cases.md", "as a cosine between -1 and 1."),
    ("howto-read-a-score.md", "A score lies between 0 and 1"),
    ("howto-read-a-score.md", "Most orders score close to 0"),
    ("howto-read-a-score.md", "0.8 does not mean that 80 percent of such orders are fraud."),
    ("faq-model.md", "The model is trained when somebody runs make train"),
    ("faq-model.md", "The command make rollback goes back to the champion before this one, and make up serves it."),
    (
        "policy-retention.md",
        f"Raw orders are kept for {PRODUCTION['retentionDays']} days in the raw bucket of production",
    ),
    ("policy-retention.md", f"logs of production are kept for {PRODUCTION['logRetentionDays']} days"),
    ("policy-retention.md", f"a customer who hasn't ordered for {DEFAULTS['history_ttl_days']} days."),
    (
        "policy-thresholds.md",
        f"about one order in {'a hundred' if CONFIG['alert']['rate'] == 0.01 else '?'} is flagged",
    ),
    (
        "runbook-service-down.md",
        "An error 401 means a missing or old API key, 422 an order with a wrong field, 503 a service",
    ),
]
"""What a page says, with what it says of the product taken from the code."""


@pytest.mark.parametrize(("page", "said"), HELD)
def test_a_page_says_what_the_code_does(page: str, said: str) -> None:
    assert said in TEXT[page]


def test_nothing_else_is_told_of_the_product_in_numbers_names_or_commands() -> None:
    """So a new figure has to be held before it can stand in the knowledge."""
    documents, passages = read_knowledge()
    lines = {document.name: document.lines for document in documents}
    examples = {document.name for document in documents if document.example}
    for passage in passages:
        told_of_product = passage.document not in examples or passage.remarks.get("of") == ["product"]
        if passage.document == "features.md" or not told_of_product:
            continue
        for line in lines[passage.document][passage.first_line - 1 : passage.last_line]:
            concrete = re.search(r"\d|\"|`|\bmake [a-z]|/v1/", re.sub(r"article \d+\(\d+\)|UTF-8", "", line))
            if concrete and '"other"' not in line:
                assert any(page == passage.document and said in line for page, said in HELD), f"{passage.id}: {line}"


def test_commands_routes_and_buttons_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
    for name, text in TEXT.items():
        commands = set(re.findall(r"\b[Rr]un[s]? make ([a-z-]+)|\bmake (rollback|up|train|score|forget)\b", text))
        assert {one or other for one, other in commands} <= targets, name
        assert all(f'"{route}"' in sources for route in re.findall(r"/v1/[a-z/]+[a-z]", text)), name
    assert "forget" in targets and "The forget command" in TEXT["runbook-subject-request.md"]
    assert ">Open a file …<" in PAGE and re.search(r'id="score"[^>]*>Score<', PAGE)
    assert "drop" not in "".join(TEXT[name] for name in TEXT if name.startswith("howto-")).lower()


def test_required_fields_kinds_gates_and_what_is_logged_are_those_of_the_code(panel_index: KnowledgeIndex) -> None:
    required = set(json_schema()["$defs"]["Order"]["required"])
    named = re.search(r"Required are (.*)\.", TEXT["howto-score-a-file.md"])
    assert named and required and all(field in named[1] for field in required)
    kinds = [kind.replace("_", " ") for kind in KINDS]
    assert all(kind in TEXT["faq-kinds.md"].lower().replace("-", " ") for kind in kinds)
    gates = {name for name, value in CONFIG["gates"].items() if isinstance(value, dict)}
    assert gates == {"anomalies", "drift", "alert_rate", "parity", "masking", "behaviour", "champion"}
    logged = set(AskLine.__struct_fields__) - {"severity", "time", "event", "message", "trace", "span", "request_id"}
    assert logged == {"provider", "outcome", "fallback", "citations", "seconds"}
    assert {401, 422, 503} <= {int(status) for status, _ in PROBLEMS.values()}
    for word in ("gender", "nationality", "language", "birth"):
        assert not any(word in name for name in FEATURE_NAMES)
    for page in panel_index.documents:
        assert page.example == (KNOWLEDGE_DIR / EXAMPLES / page.name).exists(), page.name


@pytest.fixture(scope="module")
def panel_index() -> KnowledgeIndex:
    return knowledge_index(np.zeros((1, len(FEATURE_NAMES)), np.float32), [])


def test_a_page_of_ones_own_takes_the_place_of_the_example(tmp_path: Path) -> None:
    (tmp_path / EXAMPLES).mkdir()
    (tmp_path / EXAMPLES / "policy-holds.md").write_text("# Holds\n\n## How long\nA hold lasts 24 hours.\n", "utf-8")
    (tmp_path / EXAMPLES / "policy-other.md").write_text("# Other\n\n## What\nAn example.\n", "utf-8")
    (tmp_path / "policy-holds.md").write_text("# Holds\n\n## How long\nA hold lasts 12 hours.\n", "utf-8")
    documents, _ = read_knowledge(tmp_path)
    told = {document.name: (document.example, document.lines[-1]) for document in documents}
    assert told["policy-holds.md"] == (False, "A hold lasts 12 hours.")
    assert told["policy-other.md"] == (True, "An example.")
