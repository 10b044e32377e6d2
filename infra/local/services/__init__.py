"""One module a Google Cloud service, each with the same shape: a table `RESOURCES` from type token to how the type
acts.

The registry finds a module by the token's service; a type that no table holds is unknown, and an error.
"""

import importlib
import pkgutil

from infra.local.facts import service_of
from infra.local.provider.resource import Resource


def resource_of(token: str) -> Resource | None:
    """How this type acts, or None where no service module knows it."""
    service = service_of(token)
    if service not in modules():
        return None
    resources: dict[str, Resource] = importlib.import_module(f"{__name__}.{service}").RESOURCES
    return resources.get(token)


def modules() -> list[str]:
    """The services that have a module."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def all_resources() -> dict[str, Resource]:
    """Every type that the local cloud knows."""
    tables = (importlib.import_module(f"{__name__}.{name}").RESOURCES for name in modules())
    return {token: resource for table in tables for token, resource in table.items()}
