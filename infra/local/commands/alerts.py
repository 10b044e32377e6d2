"""Where a stack of this project keeps alerts on this machine."""

from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.home import DEFAULT_STACK

URL = "orderguard:alertsUrl"


def alert_settings(cloud: Cloud) -> list[str]:
    """What the engine is told beyond the stack's file: the stack that people try things out with keeps alerts in a file
    of its home, unless its own file says else.
    """
    if cloud.stack != DEFAULT_STACK or pulumi.setting(cloud.stack, URL) != "off":
        return []
    return ["--config", f"{URL}=sqlite:{cloud.root / 'alerts' / 'alerts.db'}"]


def alerts_kept(cloud: Cloud) -> str:
    """Where a stack keeps alerts, in words."""
    told = alert_settings(cloud)
    url = told[1].partition("=")[2] if told else str(pulumi.setting(cloud.stack, URL))
    return f"SQLite, {url.partition(':')[2]}" if url.startswith("sqlite:") else url
