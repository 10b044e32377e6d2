"""OpenAI's own client at this service, with nothing set but the address and the key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from app.problems import KINDS, OPENAI_CODES, Problem
from tests.serving import API_KEY, NO_TLS, ODD, WAIT_SECONDS, Service, serving

QUESTION = "How long may an order be on hold?"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
CANARY = "grace.hopper@canary.example"


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("openai") / "service.log"
    with serving(models_dir, log, MAX_BODY_BYTES="65536") as running:
        yield running
    assert "canary" not in log.read_text(encoding="utf-8")


def client_of(service: Service, key: str = API_KEY) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0, timeout=WAIT_SECONDS)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[openai.OpenAI]:
    with client_of(service) as client:
        yield client


def test_models_can_be_listed_and_looked_at(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert (model.id, model.object, model.owned_by) == ("orderguard", "model", "orderguard") and model.created > 0
    assert client.models.retrieve("orderguard") == model


def test_an_answer_comes_with_citations_and_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="orderguard", messages=ASKED)
    (choice,) = answer.choices
    assert choice.finish_reason == "stop" and choice.message.role == "assistant"
    content = choice.message.content or ""
    assert content and answer.model_extra and answer.model_extra["citations"][0]["excerpt"] in content
    assert answer.usage
    assert answer.usage.prompt_tokens == -(-len(QUESTION) // 4)
    assert answer.usage.completion_tokens == -(-len(content) // 4)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_usage_counts_all_messages_in_every_form(client: openai.OpenAI) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "12345678"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    usage = client.chat.completions.create(model="orderguard", messages=messages).usage
    assert usage and usage.prompt_tokens == 2 + -(-len(QUESTION) // 4)


@pytest.mark.parametrize("with_usage", [True, False, None])
def test_a_stream_says_the_same_and_ends_with_its_usage_where_that_was_asked_for(
    client: openai.OpenAI, with_usage: bool | None
) -> None:
    whole = client.chat.completions.create(model="orderguard", messages=ASKED)
    options: Any = openai.omit if with_usage is None else {"include_usage": with_usage}
    chunks = list(
        client.chat.completions.create(model="orderguard", messages=ASKED, stream=True, stream_options=options)
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    finished = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert finished == [None] * (len(finished) - 1) + ["stop"]
    if with_usage:
        assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
        assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in chunks[:-1])
    else:
        assert all("usage" not in chunk.model_fields_set for chunk in chunks)


def test_an_order_can_be_asked_about(client: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": f"Why was the order of {CANARY} flagged?"}]
    answer = client.chat.completions.create(model="orderguard", messages=asked, extra_body={"order": ODD})
    assert (answer.choices[0].message.content or "").startswith("This order is ")


TUNING: dict[str, Any] = {
    "temperature": 0.2,
    "top_p": 0.9,
    "max_tokens": 10,
    "max_completion_tokens": 10,
    "seed": 7,
    "presence_penalty": 1,
    "frequency_penalty": 1,
    "user": "analyst",
    "metadata": {"a": "b"},
    "store": False,
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "service_tier": "auto",
    "logit_bias": {"50256": -100},
}
HARMLESS: dict[str, Any] = {
    "n": 1,
    "tools": [],
    "tool_choice": "none",
    "response_format": {"type": "text"},
    "logprobs": False,
    "modalities": ["text"],
    "stop": None,
}


def test_parameters_that_change_nothing_are_taken(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(model="orderguard", messages=ASKED)
    tuned = client.chat.completions.create(
        model="orderguard", messages=ASKED, extra_body={"of_a_later_api": {"a": 1}}, **TUNING, **HARMLESS
    )
    assert tuned.choices == plain.choices


TOOL = {"type": "function", "function": {"name": "release", "parameters": {"type": "object", "properties": {}}}}
REFUSED: dict[str, Any] = {
    "n": 2,
    "tools": [TOOL],
    "tool_choice": "required",
    "functions": [TOOL["function"]],
    "function_call": {"name": "release"},
    "response_format": {"type": "json_object"},
    "logprobs": True,
    "top_logprobs": 3,
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "stop": ["\n"],
    "web_search_options": {},
    "prediction": {"type": "content", "content": CANARY},
}


@pytest.mark.parametrize("name", REFUSED)
def test_parameters_that_would_change_the_answer_are_refused_by_name(client: openai.OpenAI, name: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="orderguard", messages=ASKED, extra_body={name: REFUSED[name]})
    assert (raised.value.param, raised.value.code) == (name, "unsupported_parameter")
    assert raised.value.type == "invalid_request_error" and "leave it out" in raised.value.message
    assert CANARY not in raised.value.response.text


def test_a_picture_is_refused(client: openai.OpenAI) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"https://canary.example/{CANARY}"}}
    asked: list[Any] = [{"role": "user", "content": [{"type": "text", "text": QUESTION}, picture]}]
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="orderguard", messages=asked)
    assert raised.value.param == "messages" and "canary" not in raised.value.response.text


def told(error: openai.APIStatusError) -> tuple[int, str | None, str | None, str | None]:
    """What the client made of an error; its `error` object is the only place where it finds that."""
    assert error.message and error.response.headers["content-type"] == "application/problem+json"
    assert set(error.response.json()["error"]) == {"message", "type", "param", "code"}
    return error.status_code, error.type, error.param, error.code


INVALID = "invalid_request_error"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_problem_has_the_error_object(kind: str) -> None:
    problem = Problem(kind)
    error = json.loads(problem.document("request", openai=True))["error"]
    code = "rate_limit_exceeded" if problem.status == 429 else OPENAI_CODES.get(kind)
    assert error == {
        "message": problem.detail,
        "type": "server_error" if problem.status >= 500 else INVALID,
        "param": None,
        "code": code,
    }
    assert "error" not in json.loads(problem.document("request"))


def test_errors_are_the_client_s_own(service: Service, client: openai.OpenAI) -> None:
    create = client.chat.completions.create

    def refused(kind: type[openai.APIStatusError], ask: Any) -> tuple[int, str | None, str | None, str | None]:
        with pytest.raises(kind) as raised:
            ask()
        return told(raised.value)

    with client_of(service, "wrong") as stranger:
        for ask in (
            stranger.models.list,
            lambda: stranger.models.retrieve("orderguard"),
            lambda: stranger.chat.completions.create(model="orderguard", messages=ASKED),
        ):
            assert refused(openai.AuthenticationError, ask) == (401, INVALID, None, "invalid_api_key")
    assert refused(openai.NotFoundError, lambda: client.models.retrieve("gpt-9")) == (
        404,
        INVALID,
        None,
        "model_not_found",
    )
    assert refused(openai.NotFoundError, lambda: client.models.retrieve(f"org/{CANARY}"))[0] == 404
    unknown: Any = {"order_id": f"never-seen-{CANARY}"}
    assert refused(openai.NotFoundError, lambda: create(model="m", messages=ASKED, extra_body=unknown))[0] == 404
    assert refused(openai.BadRequestError, lambda: create(model="m", messages=[])) == (400, INVALID, "messages", None)
    assert refused(openai.BadRequestError, lambda: create(model=f"ü {CANARY}", messages=ASKED))[2] == "model"
    options: Any = {"include_usage": True}
    assert refused(openai.BadRequestError, lambda: create(model="m", messages=ASKED, stream_options=options)) == (
        400,
        INVALID,
        "stream_options",
        None,
    )
    long: list[Any] = [{"role": "system", "content": "x" * 70_000}, *ASKED]
    assert refused(openai.APIStatusError, lambda: create(model="m", messages=long))[:2] == (413, INVALID)
    broken: Any = {"order": {"order_id": CANARY}}
    assert (
        refused(openai.BadRequestError, lambda: create(model="m", messages=ASKED, extra_body=broken))[2]
        == "order.created_at"
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/v1/models/orderguard", 405),
        ("GET", "/v1/models/", 404),
    ],
)
def test_other_methods_get_an_error_object_too(service: Service, method: str, path: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    reply = httpx.request(method, f"{service.url}{path}", headers=headers, timeout=WAIT_SECONDS, verify=NO_TLS)
    assert reply.status_code == status and reply.json()["error"]["type"] == INVALID
    assert reply.json()["error"]["message"] == reply.json()["detail"]


def test_the_bearer_key_opens_openai_s_routes_alone(service: Service) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    for path in ("/v1/model", "/v1/features", "/v1/modelsx", "/v1/models/../model"):
        assert (
            httpx.get(f"{service.url}{path}", headers=headers, timeout=WAIT_SECONDS, verify=NO_TLS).status_code == 401
        )
        assert "error" not in httpx.get(f"{service.url}{path}", timeout=WAIT_SECONDS, verify=NO_TLS).json()


def test_a_service_that_is_not_ready_says_so_in_the_error_object(tmp_path: Path) -> None:
    with serving(tmp_path / "no-models", tmp_path / "log", wait=False) as service:
        service.until(lambda: is_up(service), "an answer")
        with client_of(service) as client, pytest.raises(openai.InternalServerError) as raised:
            client.chat.completions.create(model="orderguard", messages=ASKED)
    assert told(raised.value) == (503, "server_error", None, None)


def is_up(service: Service) -> bool:
    try:
        return service.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
