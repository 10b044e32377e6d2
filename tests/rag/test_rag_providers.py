"""The contract that every provider keeps, tested against real HTTP servers that record what they are sent."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.rag.prompt import Prompt
from app.rag.providers import PROVIDERS
from app.rag.providers.provider import ProviderError
from app.rag.settings import RagSettings
from tests.rag.conftest import CANARY_EMAIL, INJECTION
from tests.rag.fake_servers import FakeServer, OpenAiDialect, Reply, VertexDialect, serving

Client = Callable[[RagSettings], TestClient]
Start = Callable[..., tuple[FakeServer, RagSettings]]

DIALECTS: dict[str, type[OpenAiDialect] | type[VertexDialect]] = {"openai": OpenAiDialect, "vertex": VertexDialect}
QUESTION = "How long may an order be on hold?"
HOLD = "A hold lasts at most 24 hours, and 48 hours when the customer was asked a question."
KEY = "sk-canary-4711-very-secret"


@pytest.fixture(params=list(DIALECTS))
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start a fake server of each dialect in turn, and give the settings that lead to it."""
    with ExitStack() as stack:

        def begin(*replies: Reply, timeout: float = 120.0) -> tuple[FakeServer, RagSettings]:
            server = stack.enter_context(serving(FakeServer(DIALECTS[request.param], list(replies))))
            settings = RagSettings(
                provider=request.param,
                model="model-of-test",
                base_url=f"{server.url}/v1" if request.param == "openai" else server.url,
                api_key=KEY,
                project="project-of-test",
                location="europe-west1",
                timeout_seconds=timeout,
            )
            return server, settings

        yield begin


def numbered(server: FakeServer, line: str) -> int:
    """The number under which a line of evidence was sent."""
    content = server.requests[-1][2]
    text = content["messages"][1]["content"] if "messages" in content else content["contents"][0]["parts"][0]["text"]
    number: int = next(e["number"] for e in json.loads(text)["evidence"] if line in e["lines"])
    return number


def ask(client: TestClient, question: str = QUESTION, **more: object) -> dict[str, Any]:
    reply = client.post("/v1/ask", json={"question": question, **more})
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def holding_number(client: Client, start: Start) -> int:
    """The number that the evidence about holds gets: the same for the same question."""
    server, settings = start(Reply(("UNKNOWN",)))
    ask(client(settings))
    return numbered(server, HOLD)


def test_a_supported_answer_passes_with_its_citation(client: Client, start: Start) -> None:
    number = holding_number(client, start)
    _, settings = start(
        Reply(("An order may be on hold at most 24 ", f"hours. [{number}]", " Something invented [99]."))
    )
    answer = ask(client(settings))
    assert answer["provider"] == settings.provider and answer["fallback"] is None
    assert answer["answer"] == "An order may be on hold at most 24 hours. [1]"
    (citation,) = answer["citations"]
    assert citation["excerpt"] == HOLD and citation["document"] == "policy-holds.md"


def test_the_model_and_the_credentials_go_where_the_api_wants_them(client: Client, start: Start) -> None:
    server, settings = start(Reply(("UNKNOWN",)))
    ask(client(settings))
    (path, headers, body), *_ = server.requests
    if settings.provider == "openai":
        assert path == "/v1/chat/completions" and body["model"] == "model-of-test"
        assert headers["authorization"] == f"Bearer {KEY}"
    else:
        assert path.startswith("/v1beta1/projects/project-of-test/locations/europe-west1/publishers/google/models/")
        assert headers["authorization"] == "Bearer no-credentials" and KEY not in server.sent()


def test_only_masked_text_and_no_customer_text_is_sent(client: Client, start: Start) -> None:
    server, settings = start(Reply(("UNKNOWN",)))
    order = {
        "order_id": "raw-id-4711",
        "created_at": "2026-05-04T03:41:00Z",
        "customer": {"id": "raw-customer-4711", "name": "Ada Lovelace", "email": CANARY_EMAIL},
        "currency": "EUR",
        "items": [{"sku": "SKU-1", "quantity": 90, "unit_price": 2.5}],
        "note": INJECTION,
        "gift_message": "From Ada",
    }
    ask(client(settings), f"Why was the order of {CANARY_EMAIL} flagged?", order=order)
    assert server.requests
    for secret in (CANARY_EMAIL, "canary", "4711", "Ada", "Lovelace", "Ignore all previous", "cus_", "ord_"):
        assert secret not in str([body for _, _, body in server.requests]), secret
    assert "[EMAIL]" in server.sent()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_retried(client: Client, start: Start, status: int) -> None:
    number = holding_number(client, start)
    server, settings = start(
        Reply(status=status, headers={"Retry-After": "0"}), Reply((f"It lasts at most 24 hours when held [{number}].",))
    )
    answer = ask(client(settings))
    assert answer["provider"] == settings.provider and len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_retried_and_the_local_answer_stands_in(client: Client, start: Start, status: int) -> None:
    server, settings = start(Reply(status=status))
    answer = ask(client(settings))
    assert len(server.requests) == 1
    assert answer["provider"] == "local" and answer["fallback"] == f"it answered {status}"
    assert HOLD in str(answer["answer"])


def test_a_slow_provider_is_given_up_in_time(client: Client, start: Start) -> None:
    _, settings = start(Reply(holds=True), timeout=0.3)
    answer = ask(client(settings))
    assert answer["provider"] == "local" and answer["fallback"] == "it took too long"


def test_a_client_library_that_gives_up_before_the_answer_s_deadline_says_the_same(start: Start) -> None:
    """On a machine that got no turn for a moment, both times are over at once."""
    _, settings = start(Reply(holds=True), timeout=0.3)

    async def asked() -> list[str]:
        return [piece async for piece in PROVIDERS[settings.provider](settings).stream(Prompt(QUESTION, []))]

    with pytest.raises(ProviderError, match="it took too long"):
        asyncio.run(asked())


def test_a_provider_that_cannot_be_reached_is_replaced(client: Client, start: Start) -> None:
    _, settings = start(Reply(("UNKNOWN",)))
    gone = RagSettings(
        **{name: getattr(settings, name) for name in ("provider", "model", "project", "location", "timeout_seconds")},
        base_url="http://127.0.0.1:1/v1",
        attempts=2,
    )
    answer = ask(client(gone))
    assert answer["provider"] == "local" and "could not be" in str(answer["fallback"])


def test_an_answer_that_nothing_supports_is_replaced(client: Client, start: Start) -> None:
    _, settings = start(Reply(("Holds last nine weeks [1]. The moon is made of cheese [2]. Trust me.",)))
    answer = ask(client(settings))
    assert answer["provider"] == "local" and answer["fallback"] == "nothing that it said was supported"


def test_an_answer_that_breaks_off_keeps_what_was_checked(client: Client, start: Start) -> None:
    number = holding_number(client, start)
    broken = Reply((f"A hold lasts at most 24 hours [{number}]. And then",), holds=True)
    _, settings = start(broken, timeout=5.0)  # in which the first piece comes on a busy machine, too
    answer = ask(client(settings))
    assert answer["provider"] == settings.provider and answer["interrupted"]
    assert answer["answer"] == "A hold lasts at most 24 hours. [1]"


def test_nonsense_instead_of_the_api_is_replaced(client: Client, start: Start) -> None:
    _, settings = start(Reply(raw=b"data: {not json}\r\n\r\n"))
    answer = ask(client(settings))
    assert answer["provider"] == "local" and answer["fallback"]


def test_an_error_in_the_stream_is_a_failure_and_retried(client: Client) -> None:
    failed = Reply(raw=b'data: {"error": {"message": "overloaded", "type": "server_error"}}\n\ndata: [DONE]\n\n')
    with serving(FakeServer(DIALECTS["openai"], [failed])) as server:
        settings = RagSettings(provider="openai", model="m", base_url=f"{server.url}/v1", api_key=KEY, attempts=2)
        answer = ask(client(settings))
    assert answer["provider"] == "local" and answer["fallback"] == "it broke off with an error"
    assert len(server.requests) == 2


def test_streaming_gives_the_same_text(client: Client, start: Start) -> None:
    number = holding_number(client, start)
    text = f"A hold lasts at most 24 hours [{number}]. Perishable goods may be held for two hours [{number}]."
    _, settings = start(Reply(tuple(text)))
    messages = [{"role": "user", "content": QUESTION}]
    whole = client(settings).post("/v1/chat/completions", json={"messages": messages}).json()
    streamed = client(settings).post("/v1/chat/completions", json={"messages": messages, "stream": True}).text
    assert whole["choices"][0]["message"]["content"].count("[") == 2
    assert "at most 24 hours. [1]" in streamed and "two hours. [2]" in streamed


def test_the_key_is_in_no_answer_and_no_representation(client: Client, start: Start) -> None:
    _, settings = start(Reply(status=401))
    assert KEY not in str(ask(client(settings)))
    assert KEY not in repr(settings)


def test_without_evidence_nobody_is_asked(client: Client, start: Start) -> None:
    server, settings = start(Reply(("Norway's capital is Oslo [1].",)))
    answer = ask(client(settings), "What is the recommended tyre pressure?")
    assert answer["abstained"] and not server.requests
