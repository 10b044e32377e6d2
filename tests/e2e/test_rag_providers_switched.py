"""The RAG provider is a setting of the stack: each is switched in the running platform, against fake model servers."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.local_platform import Platform
from tests.rag.fake_servers import FakeServer, OpenAiDialect, Reply, VertexDialect, serving

QUESTION = {"question": "How long may an order be on hold?"}
SUPPORTED = Reply(tuple(f"A hold lasts at most 24 hours [{number}].\n" for number in range(1, 6)))


@contextmanager
def stack_settings(platform: Platform, **settings: str) -> Iterator[None]:
    """The platform with these settings, as `up` leaves it; afterwards the file is as it was."""
    file = platform.tree / "Pulumi.local.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before + "".join(f'  orderguard:{name}: "{value}"\n' for name, value in settings.items()))
    try:
        done = platform.up()
        assert done.returncode == 0, done.stdout + done.stderr
        yield
    finally:
        file.write_text(before, encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def left_as_it_was(platform: Platform) -> Iterator[None]:
    yield
    assert platform.up().returncode == 0


def test_the_local_provider_answers_by_default(platform: Platform) -> None:
    status, answer = platform.post("/v1/ask", QUESTION)
    assert status == 200 and answer["provider"] == "local" and answer["citations"]


@pytest.mark.parametrize(("provider", "dialect"), [("openai", OpenAiDialect), ("vertex", VertexDialect)])
def test_a_model_answers_where_the_stack_says_so(
    platform: Platform, provider: str, dialect: type[OpenAiDialect] | type[VertexDialect]
) -> None:
    with serving(FakeServer(dialect, [SUPPORTED])) as model:
        url = f"{model.url}/v1" if provider == "openai" else model.url
        with stack_settings(platform, ragProvider=provider, ragModel="model-of-test", ragBaseUrl=url):
            status, answer = platform.post("/v1/ask", QUESTION)
    assert status == 200 and answer["provider"] == provider and answer["fallback"] is None, answer
    assert answer["citations"][0]["excerpt"].startswith("A hold lasts at most 24 hours")
    assert len(model.requests) == 1


def test_off_switches_questions_off_and_leaves_scoring_on(platform: Platform) -> None:
    with stack_settings(platform, ragProvider="off"):
        status, problem = platform.post("/v1/ask", QUESTION)
        assert status == 404 and "RAG_PROVIDER=off" in problem["detail"]
        assert platform.answers()
