"""A provider of the local cloud, asked as the engine asks it, without a cloud to hold anything."""

from pathlib import Path
from typing import Any, NoReturn

from pulumi.runtime.proto import provider_pb2

from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.provider.check import REFUSED
from infra.local.provider.server import Provider
from infra.local.provider.values import properties, struct


class Aborted(Exception):
    """The provider answered by an RPC error."""


class Context:
    """The part of a gRPC context that the provider uses."""

    def abort(self, code: Any, details: str) -> NoReturn:
        raise Aborted(details)


def urn_of(token: str) -> str:
    """The resource that all questions are about: x, of some type."""
    return f"urn:pulumi:s::p::{token}::x"


class Asker:
    """Both packages' providers."""

    def __init__(self, home: Path) -> None:
        cloud = Cloud(Home(home), "fidelity")
        self.providers = {package: Provider(package, cloud) for package in ("gcp", "docker")}
        settings = struct({"project": "a-project", "region": "europe-west1"})
        for provider in self.providers.values():
            provider.Configure(provider_pb2.ConfigureRequest(args=settings), None)

    def provider(self, token: str) -> Provider:
        """The provider of a type."""
        return self.providers[token.partition(":")[0]]

    def check(self, token: str, inputs: Any, old: Any = None) -> tuple[dict[str, Any], list[str]]:
        """The inputs as they are filled in, and the provider's own failures."""
        request = provider_pb2.CheckRequest(
            urn=urn_of(token), olds=struct(old or {}), news=struct(inputs), randomSeed=b"seed"
        )
        answer = self.provider(token).Check(request, Context())  # type: ignore[arg-type]
        failures = [failure.reason for failure in answer.failures]
        return properties(answer.inputs), [one for one in failures if not one.startswith(REFUSED)]

    def diff(self, token: str, old: Any, new: Any) -> tuple[str, bool]:
        """None, update or replace; and whether the old one goes first."""
        before, _ = self.check(token, old)
        after, _ = self.check(token, new, before)
        request = provider_pb2.DiffRequest(
            urn=urn_of(token),
            id="x",
            olds=struct(before),
            old_inputs=struct(before),
            news=struct(after),
        )
        answer = self.provider(token).Diff(request, Context())  # type: ignore[arg-type]
        if answer.replaces:
            return "replace", answer.deleteBeforeReplace
        return "none" if answer.changes == provider_pb2.DiffResponse.DIFF_NONE else "update", False
