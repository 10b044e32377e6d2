"""The RAG layer's routes: `POST /v1/ask`, `GET /v1/orders/{order_id}/similar` and the OpenAI-compatible `POST
/v1/chat/completions`."""

from pathlib import Path
from typing import Protocol

from fastapi import APIRouter

from app.rag.settings import RagSettings
from orderguard.masking import Keyring
from orderguard.retrieval import Case
from orderguard.schema import MaskedOrder


class Service(Protocol):
    """What the scoring service lends to the RAG layer."""

    keyring: Keyring

    def version_dir(self) -> Path:
        """The folder of the model version that is served now; its `knowledge/` is what answers come from. It may
        change with a reload."""

    def examine(self, order: MaskedOrder) -> Case:
        """Score a masked order with the served model and give its reasons, leaving no trace in the customer's
        history.

        `orderguard.retrieval.make_case(order, features, score, threshold, contributions)` makes the case.
        """


def routes(settings: RagSettings, service: Service) -> APIRouter:
    """The routes, each under /v1. The API key rule and the limits hold for them as for every /v1 route; errors are
    `app.problems.Problem`.

    With `RAG_PROVIDER=off` every route answers 404 with a problem that says so. `create_app` reads
    `app.rag.settings.read_rag_settings(environment)`
    (which raises `SettingsError`) and includes the router.
    """
    return APIRouter()
