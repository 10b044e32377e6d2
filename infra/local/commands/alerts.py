"""Where a stack of this project keeps alerts on this machine."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.commands.store import said
from infra.local.containers import engines
from infra.local.errors import EXIT_ENVIRONMENT, ContainerError, LocalCloudError
from infra.local.home import DEFAULT_STACK
from infra.local.services.sql import NO_SERVER
from infra.local.supervisor.postgres_server import ENDING, server_program

URL, STORE = "orderguard:alertsUrl", "orderguard:alertStore"


def alert_settings(cloud: Cloud) -> list[str]:
    """What the engine is told beyond the stack's file. Where that wants a PostgreSQL and there is none, the stack goes
    without. The stack that people try things out with keeps alerts in a file of its home, unless its own file says
    else.

    Raises LocalCloudError where a server was there and is gone, and with it the alerts that it holds.
    """
    wanted = pulumi.setting(cloud.stack, STORE) != "off"
    if wanted and server_program():
        return []
    if wanted and any((cloud.run / "stores").glob(f"*{ENDING}.json")):
        raise LocalCloudError(
            f"{NO_SERVER}. This stack's alerts are in one: with it, run this again; to go on without them, run"
            " `make down` first.",
            EXIT_ENVIRONMENT,
        )
    without = ["--config", f"{STORE}=off"] if wanted else []
    if cloud.stack != DEFAULT_STACK or pulumi.setting(cloud.stack, URL) != "off" or _in_containers():
        return without
    return [*without, "--config", f"{URL}=sqlite:{cloud.root / 'alerts' / 'alerts.db'}"]


def _in_containers() -> bool:
    """Whether the service runs in a real container, which does not see the home's files."""
    try:
        return engines.chosen() is not None
    except ContainerError as problem:
        raise LocalCloudError(str(problem), EXIT_ENVIRONMENT) from None


def alerts_kept(cloud: Cloud, stores: Iterable[Mapping[str, Any]]) -> str:
    """Where a stack keeps alerts, in words. `stores` are the servers that run."""
    wanted = pulumi.setting(cloud.stack, STORE) != "off"
    server = next((one for one in stores if str(one["name"]).endswith(ENDING)), None)
    if wanted and server:
        return f"{said(server)}, over TLS and with a token in place of a password as in Google Cloud"
    told = alert_settings(cloud)
    url = next((one.partition("=")[2] for one in told if one.startswith(URL)), str(pulumi.setting(cloud.stack, URL)))
    place = f"SQLite, {url.partition(':')[2]}" if url.startswith("sqlite:") else "kept nowhere"
    return (
        f"{place}: there is no PostgreSQL that can run here (install postgresql, then `make up`)" if wanted else place
    )
