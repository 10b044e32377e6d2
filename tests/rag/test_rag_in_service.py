"""The RAG layer in the running service: a trained version's index, every provider chosen by the environment, and logs
without text.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from orderguard.model_version import verify
from orderguard.masking import Keyring
from orderguard.retrieval import INDEX_FILE, KNOWLEDGE_FOLDER, Case, KnowledgeIndex, PastCases, similar_cases
from orderguard.retrieval.cases import LEAST_LIKENESS
from tests.rag.fake_servers import (
    BytesServer,
    FakeServer,
    OpenAiDialect,
    Reply,
    VertexDialect,
    serving as serving_model,
)
from tests.rag.test_rag_hostile_providers import ENDLESS, WRONG, head, well_said
from tests.serving import API_KEY, MASKING_KEY, NO_TLS, ODD, WAIT_SECONDS, Service, histories_of, serving

QUESTION = "How long may an order be on hold?"
CANARY = "grace.hopper@canary.example"
KEY = "sk-canary-4711-very-secret"


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(models_dir, tmp_path_factory.mktemp("rag") / "service.log") as running:
        yield running


def cases_of(models: Path) -> list[Case]:
    """The past cases of the version `first`."""
    found = PastCases.read(histories_of(models), "first", Keyring.from_text(MASKING_KEY))
    return found.cases if found else []


def test_the_index_is_part_of_the_version_and_hashed_by_its_manifest(models_dir: Path) -> None:
    manifest = verify(models_dir / "first")
    assert f"{KNOWLEDGE_FOLDER}/{INDEX_FILE}" in manifest.files
    index = KnowledgeIndex.read(models_dir / "first" / KNOWLEDGE_FOLDER)
    assert index.feature_names == manifest.feature_names
    assert index.cases == [], "they belong to whoever has the key, and to no version"
    assert cases_of(models_dir) and all(case.score >= manifest.threshold for case in cases_of(models_dir))


def test_past_cases_tell_their_reasons_in_words_and_nothing_personal(models_dir: Path) -> None:
    cases = cases_of(models_dir)
    for case in cases:
        assert case.told and case.place, "each has words"
        assert {name for told in case.told for name in told.features} & {name for name, _ in case.reasons}
        for told in case.told:
            assert told.text[-1] == "." and not re.search("_|nan|@|https?:|tok", told.text), told.text
    assert any("earlier order" in told.text or "customer" in told.text for case in cases for told in case.told)


def test_an_odd_order_is_explained_and_compared(service: Service) -> None:
    reply = service.post("/v1/ask", {"question": "Why was this order flagged?", "order": ODD})
    answer = reply.json()
    score = service.score(ODD)["score"]
    assert answer["provider"] == "local"
    assert f"its score of {score:.4f} is" in answer["answer"]
    assert all(similar["similarity"] >= LEAST_LIKENESS for similar in answer["similar"])
    assert answer["model_version"] == "first"
    assert "mustermann" not in reply.text.lower()


def test_the_reasons_are_those_of_the_score_also_where_the_customer_is_known(service: Service) -> None:
    earlier = {**ODD, "order_id": "T-earlier", "created_at": "2026-05-03T12:00:00+02:00", "customer": {"id": "C-known"}}
    order = {**ODD, "order_id": "T-later", "customer": {"id": "C-known"}}
    service.score(earlier)
    scored = service.score(order)
    assert scored["history"] == "used"
    for _ in range(2):
        answer = service.post("/v1/ask", {"question": "Why was this order flagged?", "order": order}).json()
        assert f"its score of {scored['score']:.4f} is" in answer["answer"]
        assert scored["reasons"] and scored["reasons"][0]["text"] in answer["answer"]


def test_a_past_case_has_similar_cases(service: Service, models_dir: Path) -> None:
    index = KnowledgeIndex.read(models_dir / "first" / KNOWLEDGE_FOLDER)
    cases = cases_of(models_dir)
    like = {case.order_token: len(similar_cases(case, cases, *index.scale, limit=3)) for case in cases}
    for token in sorted(like, key=lambda token: (like[token], token))[:: max(1, len(like) - 1)][:2]:
        answer = service.post("/v1/ask", {"question": "Why was this order flagged?", "order_token": token}).json()
        assert len(answer["similar"]) == like[token]
        assert all(similar["case"]["order_token"] != token for similar in answer["similar"])


def test_no_generated_request_makes_it_fail(service: Service) -> None:
    """schemathesis over the OpenAPI document: what is sent may be anything, what comes back is as documented."""
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=SchemathesisConfig())
    operations = [operation.ok() for operation in schema.get_all_operations() if isinstance(operation, Ok)]
    mine = [one for one in operations if one.path.startswith(("/v1/ask", "/v1/similar", "/v1/chat", "/v1/models"))]
    assert len(mine) == 5
    for operation in mine:

        @given(case=operation.as_strategy())
        @settings(max_examples=30, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
        def check(case: schemathesis.Case[Any]) -> None:
            case.headers["X-API-Key"] = API_KEY
            answer = case.call(base_url=service.url, timeout=WAIT_SECONDS)
            assert answer.status_code < 500, answer.text
            case.validate_response(answer, checks=[status_code_conformance, response_schema_conformance])

        check()


def test_questions_need_the_key_and_errors_are_problem_documents(service: Service) -> None:
    bare = Service(service.process, service.port, service.log, {})
    for path in ("/v1/ask", "/v1/similar", "/v1/chat/completions"):
        assert bare.post(path, {}).status_code == 401
        assert service.post(path, b"{").headers["content-type"] == "application/problem+json"


def test_an_openai_client_may_send_the_key_its_own_way_to_its_own_route(service: Service) -> None:
    body = {"model": "any", "messages": [{"role": "user", "content": QUESTION}]}

    def status(path: str, **headers: str) -> int:
        return httpx.post(
            f"{service.url}{path}", json=body, headers=headers, timeout=WAIT_SECONDS, verify=NO_TLS
        ).status_code

    assert status("/v1/chat/completions", Authorization=f"Bearer {API_KEY}") == 200
    assert status("/v1/chat/completions", Authorization=f"Bearer {API_KEY}x") == 401
    assert status("/v1/chat/completions", Authorization=f"Basic {API_KEY}") == 401
    assert status("/v1/chat/completions", **{"X-API-Key": "x", "Authorization": f"Bearer {API_KEY}"}) == 401
    assert status("/v1/chat/completions", **{"X-API-Key": API_KEY, "Authorization": "Bearer of-google"}) == 200
    assert status("/v1/ask", Authorization=f"Bearer {API_KEY}") == 401


def test_the_former_route_is_logged_without_its_address(models_dir: Path, tmp_path: Path) -> None:
    order_id = "CANARY-ORDER-55012987"
    with serving(models_dir, tmp_path / "service.log", LOG_LEVEL="debug") as service:
        reply = service.get(f"/v1/orders/{order_id}/similar")
        assert (reply.status_code, reply.json()["type"]) == (410, "/docs#problem-gone")
        assert httpx.get(f"{service.url}/v1/orders/{order_id}/similar", verify=NO_TLS).status_code == 401
        assert service.post("/v1/similar", {"order_id": order_id}).status_code == 404
        metrics = service.get("/metrics").text
    lines = [line["httpRequest"] for line in service.log_lines() if line["event"] == "request"]
    asked = [(line["requestUrl"], line["status"]) for line in lines if line["status"] >= 400]
    assert asked[-3:] == [("other", 410), ("other", 401), ("other", 404)]
    for door in (service.log.read_text("utf-8"), metrics, reply.text + str(reply.headers)):
        assert order_id not in door and "/v1/orders" not in door


def test_logs_and_metrics_count_questions_and_hold_no_word_of_them(models_dir: Path, tmp_path: Path) -> None:
    with serving(models_dir, tmp_path / "service.log") as service:
        service.post("/v1/ask", {"question": f"How long may the order of {CANARY} be on hold?"})
        service.post("/v1/ask", {"question": "Zebrafinch?"})
        metrics = service.get("/metrics").text
    assert 'orderguard_questions_total{fallback="no",outcome="answered",provider="local"} 1.0' in metrics
    assert 'orderguard_questions_total{fallback="no",outcome="abstained",provider="local"} 1.0' in metrics
    asked = [line for line in service.log_lines() if line["event"] == "ask"]
    assert [line["outcome"] for line in asked] == ["answered", "abstained"]
    log = service.log.read_text(encoding="utf-8")
    for word in ("canary", "Zebrafinch", "How long", "A hold lasts"):
        assert word not in log


@pytest.mark.parametrize(
    ("dialect", "chosen"),
    [
        (OpenAiDialect, {"RAG_PROVIDER": "openai", "RAG_MODEL": "m", "RAG_API_KEY": KEY}),
        (
            VertexDialect,
            {"RAG_PROVIDER": "vertex", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west1"},
        ),
    ],
    ids=["openai", "vertex"],
)
def test_the_environment_chooses_the_provider(
    models_dir: Path, tmp_path: Path, dialect: type[OpenAiDialect] | type[VertexDialect], chosen: dict[str, str]
) -> None:
    replies = [Reply(tuple(f"A hold lasts at most 24 hours [{number}].\n" for number in range(1, 6)))]
    with serving_model(FakeServer(dialect, replies)) as model:
        url = f"{model.url}/v1" if dialect is OpenAiDialect else model.url
        settings = {"RAG_BASE_URL": url, "RAG_TIMEOUT_SECONDS": "120", **chosen}
        with serving(models_dir, tmp_path / "service.log", wait=True, **settings) as service:
            answer = service.post("/v1/ask", {"question": QUESTION}).json()
    assert answer["provider"] == chosen["RAG_PROVIDER"] and answer["fallback"] is None
    assert answer["citations"][0]["document"] == "policy-holds.md"
    assert len(model.requests) == 1
    assert KEY not in service.log.read_text(encoding="utf-8")


MOST_GROWTH = 64 * 2**20
"""Bytes: what an answer that means harm may add to the whole process at its peak, with all that it needs to be read."""
WAIT_FOR_PROVIDER = "30"


def peak_memory(service: Service) -> int:
    """The most memory that the process has had so far, in bytes."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_a_provider_that_means_harm_makes_the_process_no_larger(models_dir: Path, tmp_path: Path) -> None:
    server = BytesServer()
    settings = {"RAG_PROVIDER": "openai", "RAG_MODEL": "m", "RAG_API_KEY": KEY, "RAG_BASE_URL": f"{server.url}/v1"}
    settings |= {"RAG_TIMEOUT_SECONDS": WAIT_FOR_PROVIDER, "RAG_ATTEMPTS": "1"}
    try:
        with serving(models_dir, tmp_path / "service.log", wait=True, **settings) as service:
            server.answer = lambda: [head(), well_said(OpenAiDialect)]
            assert service.post("/v1/ask", {"question": QUESTION}).json()["provider"] == "openai"
            before = peak_memory(service)
            for what, made in {**ENDLESS, **WRONG}.items():
                server.answer = partial(made, OpenAiDialect)
                reply = service.post("/v1/ask", {"question": QUESTION})
                assert (reply.status_code, reply.json()["provider"]) == (200, "local"), what
                assert peak_memory(service) - before < MOST_GROWTH, what
    finally:
        server.close()


def test_off_answers_that_it_is_off_while_scoring_goes_on(models_dir: Path, tmp_path: Path) -> None:
    with serving(models_dir, tmp_path / "service.log", RAG_PROVIDER="off") as service:
        reply = service.post("/v1/ask", {"question": QUESTION})
        assert reply.status_code == 404 and "RAG_PROVIDER=off" in reply.json()["detail"]
        assert 0 <= service.score(ODD)["score"] <= 1


def test_a_setting_that_is_wrong_is_explained_at_the_start(models_dir: Path, tmp_path: Path) -> None:
    with serving(models_dir, tmp_path / "service.log", wait=False, RAG_PROVIDER="bard") as service:
        assert service.process.wait(WAIT_SECONDS) == 2
    log = service.log.read_text(encoding="utf-8")
    assert "RAG_PROVIDER must be one of local, vertex, openai, off" in log and "Traceback" not in log
