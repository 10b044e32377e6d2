"""One module a Google Cloud service, each with the same shape: a table `RESOURCES` from type token to how the type
acts.

The registry finds a module by the token's service; a type that no table holds is generic: declared, with ids and
outputs in the usual forms.
"""

import importlib
import pkgutil
from functools import cache

from infra.local.facts import facts_of, service_of
from infra.local.provider.generic import generic
from infra.local.provider.resource import Resource


@cache
def resource_of(token: str) -> Resource | None:
    """How this type acts; None for what is no type of the SDK."""
    service, facts = service_of(token), facts_of(token)
    if facts is None:
        return None
    own = importlib.import_module(f"{__name__}.{service}").RESOURCES if service in modules() else {}
    return own.get(facts.type) or generic(facts)


@cache
def modules() -> list[str]:
    """The services that have a module."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def all_resources() -> dict[str, Resource]:
    """Every type that has a table; every other one is generic."""
    tables = (importlib.import_module(f"{__name__}.{name}").RESOURCES for name in modules())
    return {token: resource for table in tables for token, resource in table.items()}
