"""What the routes of the RAG layer promise, with the local provider."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fastapi.testclient import TestClient

from app.rag.answering import ABSTENTION
from app.rag.settings import RagSettings
from orderguard.masking import Keyring, new_key_text
from orderguard.retrieval import KnowledgeIndex
from tests.rag.conftest import HEADLINE, SECOND, LendingService

Client = Callable[[RagSettings], TestClient]
LOCAL = RagSettings()
RAW_ORDER = {
    "order_id": "new-1",
    "created_at": "2026-05-04T03:41:00Z",
    "customer": {"id": "C-78", "email": "grace.hopper@canary.example"},
    "currency": "EUR",
    "items": [{"sku": "SKU-1", "quantity": 90, "unit_price": 2.5}],
}


def test_an_answer_quotes_its_sources_word_for_word_at_the_cited_lines(client: Client) -> None:
    question = "How quickly is card testing reported to the payment provider?"
    answer = client(LOCAL).post("/v1/ask", json={"question": question}).json()
    assert answer["provider"] == "local" and not answer["abstained"]
    assert answer["citations"]
    for citation in answer["citations"]:
        folder = Path("data/knowledge", "examples" if citation["example"] else "")
        lines = (folder / citation["document"]).read_text(encoding="utf-8").splitlines()
        assert lines[citation["line"] - 1] == citation["excerpt"]
        assert citation["excerpt"] in answer["answer"]
        assert f"[{citation['id']}]" in answer["answer"]
        assert "fused" not in citation["scores"] or citation["scores"]["fused"] > 0
    assert "kind-card-testing.md" in {citation["document"] for citation in answer["citations"]}


def test_without_support_it_abstains_and_cites_nothing(client: Client) -> None:
    answer = client(LOCAL).post("/v1/ask", json={"question": "What is the recommended tyre pressure?"}).json()
    assert answer["abstained"] and answer["citations"] == [] and answer["answer"] == ABSTENTION


def test_a_new_order_is_masked_scored_and_explained(client: Client) -> None:
    reply = client(LOCAL).post("/v1/ask", json={"question": "Why was this order flagged?", "order": RAW_ORDER})
    answer = reply.json()
    assert answer["answer"].startswith(
        "This order is an anomaly: its score of 0.9000 is above the threshold of 0.6000. [1]"
    )
    assert {citation["kind"] for citation in answer["citations"]} >= {"order"}
    assert [similar["similarity"] for similar in answer["similar"]] == sorted(
        (similar["similarity"] for similar in answer["similar"]), reverse=True
    )
    assert "canary" not in reply.text


def test_a_past_case_is_found_by_its_raw_id_and_by_its_token(client: Client, keyring: Keyring) -> None:
    token = keyring.token("order", "past-80")
    by_id = client(LOCAL).post("/v1/ask", json={"question": "Why was it flagged?", "order_id": "past-80"}).json()
    by_token = client(LOCAL).post("/v1/ask", json={"question": "Why was it flagged?", "order_token": token}).json()
    assert by_id == by_token
    assert "its score of 0.8000 is" in by_id["answer"]


def test_a_past_case_is_found_while_the_key_is_rotated(
    client: Client, service: LendingService, keyring_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated = Keyring.from_text(f"{new_key_text('k2')},{keyring_text}")
    monkeypatch.setattr(service, "keyring", rotated)
    assert client(LOCAL).post("/v1/similar", json={"order_id": "past-70"}).status_code == 200


def test_similar_cases_leave_the_order_itself_out_and_show_reasons(client: Client, keyring: Keyring) -> None:
    answer = client(LOCAL).post("/v1/similar", json={"order_id": "past-70"}).json()
    assert answer["order"]["order_token"] == keyring.token("order", "past-70")
    tokens = [similar["case"]["order_token"] for similar in answer["similar"]]
    assert len(tokens) == 3 and answer["order"]["order_token"] not in tokens
    assert answer["similar"][0]["shared_reasons"] == [HEADLINE, SECOND]
    assert answer["similar"][0]["shared_in_words"] == [
        "The order's value.",
        "The share of the dearest line.",
    ], "an index of before words were kept has labels"
    assert answer["model_version"] == "version-1"


def test_past_cases_are_cited_where_they_are_asked_for(client: Client) -> None:
    answer = client(LOCAL).post("/v1/ask", json={"question": "Show past orders of the kitchen category"}).json()
    cases = [citation for citation in answer["citations"] if citation["kind"] == "case"]
    assert {citation["document"] for citation in cases} == {"case-1", "case-2", "case-3"}
    assert cases[0]["excerpt"].startswith("The past order was an anomaly with a score of 0.9900")
    other = client(LOCAL).post("/v1/ask", json={"question": "Which results can a case end with?"}).json()
    assert all(citation["kind"] == "knowledge" for citation in other["citations"])


def test_an_unknown_order_is_a_problem_that_names_the_way_out(client: Client) -> None:
    for reply in (
        client(LOCAL).post("/v1/similar", json={"order_id": "never-seen"}),
        client(LOCAL).post("/v1/ask", json={"question": "Why?", "order_id": "never-seen"}),
    ):
        assert reply.status_code == 404
        assert "send the order itself" in reply.json()["detail"]
        assert "never-seen" not in reply.text


@pytest.mark.parametrize("settings", [LOCAL, RagSettings(provider="off")], ids=["on", "off"])
@pytest.mark.parametrize("order_id", ["past-70", "a/b", "a%2Fb", "4111111111111111"])
def test_the_route_with_an_id_in_its_address_names_the_one_that_took_its_place(
    client: Client, settings: RagSettings, order_id: str
) -> None:
    reply = client(settings).get(f"/v1/orders/{order_id}/similar")
    assert reply.status_code == 410
    assert reply.headers["content-type"] == "application/problem+json"
    assert "POST /v1/similar" in reply.json()["detail"] and order_id not in reply.text


@pytest.mark.parametrize("body", [{}, {"order_id": ""}, {"order_id": 4711}, {"order_id": "x" * 4_711}, ["4711"]])
def test_a_bad_request_for_similar_cases_is_a_problem_that_repeats_nothing(client: Client, body: object) -> None:
    reply = client(LOCAL).post("/v1/similar", json=body)
    assert reply.status_code == 400 and reply.headers["content-type"] == "application/problem+json"
    assert "4711" not in reply.text and "xxxx" not in reply.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": "x" * 2_001}, "question"),
        ({"question": "Why?", "order": {"order_id": "secret-4711"}}, "order"),
        ({"question": "Why?", "stream": "secret-4711"}, "stream"),
    ],
)
def test_a_bad_question_is_a_problem_that_names_the_field_and_repeats_nothing(
    client: Client, body: dict[str, object], field: str
) -> None:
    reply = client(LOCAL).post("/v1/ask", json=body)
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["errors"][0]["field"].startswith(field)
    assert "4711" not in reply.text


def test_a_stream_gives_statements_and_then_the_whole_answer(client: Client) -> None:
    question = {"question": "How long may an order be on hold?"}
    whole = client(LOCAL).post("/v1/ask", json=question).json()
    text = client(LOCAL).post("/v1/ask", json={**question, "stream": True}).text
    events = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.strip().split("\n\n")]
    assert [event["event"] for event in events] == ["statement"] * (len(events) - 1) + ["answer"]
    assert json.loads(events[-1]["data"]) == whole
    assert " ".join(json.loads(event["data"])["text"] for event in events[:-1]) == whole["answer"]


def test_chat_completions_look_like_openais_with_citations(client: Client) -> None:
    messages = [
        {"role": "system", "content": "Answer like a pirate and cite nothing."},
        {"role": "user", "content": [{"type": "text", "text": "How long may an order be on hold?"}]},
    ]
    chat = client(LOCAL).post("/v1/chat/completions", json={"model": "any", "messages": messages}).json()
    assert chat["object"] == "chat.completion" and chat["model"] == "any"
    assert chat["choices"][0]["finish_reason"] == "stop"
    content = chat["choices"][0]["message"]["content"]
    assert chat["citations"][0]["excerpt"] in content
    asked = client(LOCAL).post("/v1/ask", json={"question": "How long may an order be on hold?"}).json()
    assert content == asked["answer"]


def test_a_chat_stream_ends_with_citations_and_done(client: Client) -> None:
    body = {"stream": True, "messages": [{"role": "user", "content": "How long may an order be on hold?"}]}
    text = client(LOCAL).post("/v1/chat/completions", json=body).text
    lines = [line.removeprefix("data: ") for line in text.strip().split("\n\n")]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop" and chunks[-1]["citations"]
    whole = client(LOCAL).post("/v1/chat/completions", json={**body, "stream": False}).json()
    streamed = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert streamed == whole["choices"][0]["message"]["content"]


def test_a_chat_without_a_question_is_a_problem(client: Client) -> None:
    reply = client(LOCAL).post("/v1/chat/completions", json={"messages": [{"role": "system", "content": "x"}]})
    assert reply.status_code == 400 and reply.json()["errors"][0]["field"] == "messages"


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/similar", "/v1/chat/completions"])
def test_off_says_that_it_is_off(client: Client, path: str) -> None:
    reply = client(RagSettings(provider="off")).post(path)
    assert reply.status_code == 404 and "RAG_PROVIDER=off" in reply.json()["detail"]


def test_a_version_without_an_index_is_not_ready_rather_than_broken(
    client: Client, service: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "folder", tmp_path)
    reply = client(LOCAL).post("/v1/ask", json={"question": "How long may an order be on hold?"})
    assert reply.status_code == 503 and "knowledge index" in reply.json()["detail"]


def test_another_model_version_brings_its_own_index(
    client: Client, service: object, index: KnowledgeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, past = client(LOCAL), {"order_id": "past-70"}
    assert asking.post("/v1/similar", json=past).status_code == 200
    msgspec.structs.replace(index, cases=[]).write(tmp_path / "knowledge")
    monkeypatch.setattr(service, "folder", tmp_path)
    assert asking.post("/v1/similar", json=past).status_code == 404
