"""Which store of histories a stack of this project gets on this machine: a real server, or the service's own memory."""

from collections.abc import Mapping
from typing import Any

from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.errors import EXIT_ENVIRONMENT, LocalCloudError
from infra.local.home import DEFAULT_STACK
from infra.local.services.memorystore import INSTANCE as VALKEY
from infra.local.services.redis import INSTANCE as REDIS
from infra.local.services.redis import NO_SERVER
from infra.local.supervisor.redis_server import server_program

_EMBEDDED = ("--config", "orderguard:historyStore=off", "--config", "orderguard:maxInstances=1")


def engine_settings(cloud: Cloud) -> list[str]:
    """What the engine is told beyond the stack's file: nothing, where there is a server or the stack wants none.

    The stack that people try things out with gets the embedded store where there is none. Raises LocalCloudError
    where a server was there and is gone, and with it the histories that it holds.
    """
    if server_program() or cloud.stack != DEFAULT_STACK or _wanted(cloud.stack) == "off":
        return []
    if any(cloud.all(REDIS)) or any(cloud.all(VALKEY)):
        raise LocalCloudError(
            f"{NO_SERVER}. This stack's histories are in one: with it, run this again; to go on without them, run"
            " `make down` first.",
            EXIT_ENVIRONMENT,
        )
    return list(_EMBEDDED)


def require_server(cloud: Cloud) -> None:
    """Raise LocalCloudError where the stack wants a server that this machine does not have."""
    if cloud.stack != DEFAULT_STACK and _wanted(cloud.stack) != "off" and not server_program():
        raise LocalCloudError(
            f'{NO_SERVER}, or write `orderguard:historyStore: "off"` and a historyUrl into Pulumi.{cloud.stack}.yaml.',
            EXIT_ENVIRONMENT,
        )


def _wanted(stack: str) -> str:
    return str(pulumi.setting(stack, "orderguard:historyStore"))


def said(store: Mapping[str, Any]) -> str:
    """A store as `up` and `status` show it."""
    return f"{store['program']} on 127.0.0.1:{store['port']}"
