"""The RAG layer's routes: `POST /v1/ask`, `POST /v1/similar` and the OpenAI-compatible `POST /v1/chat/completions`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from app import past_cases
from app.problems import Problem
from app.rag import chat, contract
from app.rag.answering import Answering, AskEvent
from app.rag.providers import PROVIDERS
from app.rag.settings import RagSettings
from orderguard.masking import Keyring, mask_order
from orderguard.masking.codes import undecided
from orderguard.retrieval import KNOWLEDGE_FOLDER, Case, KnowledgeError, KnowledgeIndex, Search, similar_cases
from orderguard.schema import MaskedOrder

SIMILAR_CASES = 5
ORDER_NAMESPACE = "order"


class Service(Protocol):
    """What the scoring service lends to the RAG layer."""

    keyring: Keyring
    histories: Path | None
    """The folder that past cases lie in."""

    def version_dir(self) -> Path:
        """The folder of the model version that is served now; its `knowledge/` is what answers come from. It may change
        with a reload.
        """

    async def examine(self, order: MaskedOrder) -> Case:
        """Score a masked order, its codes `undecided`, with the served model and give its reasons, leaving no trace in
        the customer's history.

        `orderguard.retrieval.make_case(order, features, score, threshold, contributions)` makes the case.
        """


class Knowledge:
    """The search over the served model version's index and its past cases, loaded at first use, and again when another
    version serves or the file of the cases changes.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loaded: tuple[object, Search] | None = None

    async def search(self) -> tuple[Search, str]:
        """The search, and the name of the model version. Raises `Problem` when the served version has no index."""
        folder = self._service.version_dir()
        # In a thread: loading takes as long as some dozens of scores.
        return await asyncio.to_thread(self._current, folder), folder.name

    def _current(self, folder: Path) -> Search:
        state = folder, past_cases.state_of(self._service.histories, folder.name)
        if self._loaded is None or self._loaded[0] != state:
            try:
                index = KnowledgeIndex.read(folder / KNOWLEDGE_FOLDER)
            except KnowledgeError:
                raise Problem(
                    "not-ready", "the served model version has no usable knowledge index: train one with this release"
                ) from None
            # A former version has cases in its index, under a key that nobody can tell.
            found = past_cases.find(self._service.histories, folder.name, self._service.keyring)
            self._loaded = state, Search(msgspec.structs.replace(index, cases=found.cases))
        return self._loaded[1]


def routes(
    settings: RagSettings,
    service: Service,
    record: Callable[[AskEvent], None] = lambda event: None,
    knowledge: Knowledge | None = None,
) -> APIRouter:
    """The routes, each under /v1. The API key rule and the limits hold for them as for every /v1 route; errors are
    `app.problems.Problem`. `record` is told of every answer, without any text.

    With `RAG_PROVIDER=off` every route answers 404 with a problem that says so. Raises `SettingsError` when the
    provider's client library is not installed.
    """
    if settings.provider == "off":
        return _switched_off()
    router = APIRouter()
    _add_former(router)
    answering = Answering(settings, PROVIDERS[settings.provider](settings), record)
    knowledge = knowledge or Knowledge(service)

    async def case_of(request: contract.AskRequest | chat.ChatRequest, search: Search) -> Case | None:
        """The order that the question is about. Raises `Problem` when it isn't known."""
        if request.order is not None:
            # In a thread: texts may take about a hundred milliseconds.
            return await service.examine(
                await asyncio.to_thread(mask_order, request.order, service.keyring, doubt=undecided)
            )
        if request.order_id is not None:
            return _past_case(search, service.keyring.tokens(ORDER_NAMESPACE, request.order_id))
        return _past_case(search, [request.order_token]) if request.order_token is not None else None

    @router.post("/v1/ask", **contract.ASK)
    async def ask(request: Request) -> Response:
        asked = contract.decode(await request.body(), contract.AskRequest)
        search, version = await knowledge.search()
        case = await case_of(asked, search)
        if asked.stream:
            return _events(contract.ask_events(answering.stream(search, asked.question, case), version))
        return _json(contract.ask_answer(await answering.answer(search, asked.question, case), version))

    @router.post("/v1/similar", **contract.SIMILAR)
    async def similar(request: Request) -> Response:
        asked = contract.decode(await request.body(), contract.SimilarRequest)
        search, version = await knowledge.search()
        case = _past_case(search, service.keyring.tokens(ORDER_NAMESPACE, asked.order_id))
        found = similar_cases(case, search.index.cases, *search.index.scale, limit=SIMILAR_CASES)
        return _json(contract.SimilarAnswer(contract.past_case(case), contract.similar_orders(found), version))

    @router.post("/v1/chat/completions", **chat.CHAT)
    async def complete(request: Request) -> Response:
        asked = contract.decode(await request.body(), chat.ChatRequest)
        question = asked.question()
        search, _ = await knowledge.search()
        case = await case_of(asked, search)
        if asked.stream:
            return _events(chat.chat_chunks(answering.stream(search, question, case), asked))
        return _json(chat.chat_answer(await answering.answer(search, question, case), asked))

    card = chat.ModelCard(chat.MODEL, created=int(time.time()))

    @router.get("/v1/models", **chat.MODELS)
    async def models() -> Response:
        return _json(chat.ModelList([card]))

    @router.get("/v1/models/{model:path}", **chat.ONE_MODEL)
    async def one_model(model: str) -> Response:
        if model != card.id:
            raise Problem("unknown-model")
        return _json(card)

    return router


def _past_case(search: Search, tokens: list[str]) -> Case:
    """The case with one of these pseudonyms: while a key is rotated, an order has one under each. Raises `Problem`."""
    for token in tokens:
        if case := search.index.case_by_token.get(token):
            return case
    raise Problem("not-found", "the order is not among the past cases; send the order itself to /v1/ask as `order`")


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _events(events: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream")


def _add_former(router: APIRouter) -> None:
    """Add the route that had an order's id in its address, where every proxy on the way logs it."""

    async def gone() -> Response:
        raise Problem("gone", 'send the order\'s id in a body: POST /v1/similar {"order_id": "…"}')

    router.add_api_route("/v1/orders/{order_id:path}/similar", gone, methods=["GET"], include_in_schema=False)


def _switched_off() -> APIRouter:
    """Routes that say that the RAG layer is off, rather than that they don't exist."""
    router = APIRouter(include_in_schema=False)
    _add_former(router)

    async def off() -> Response:
        raise Problem("not-found", "questions are switched off (RAG_PROVIDER=off)")

    router.add_api_route("/v1/ask", off, methods=["POST"])
    router.add_api_route("/v1/similar", off, methods=["POST"])
    router.add_api_route("/v1/chat/completions", off, methods=["POST"])
    router.add_api_route("/v1/models", off, methods=["GET"])
    router.add_api_route("/v1/models/{model:path}", off, methods=["GET"])
    return router
