"""What a service's table asks of the supervisor for a store: a server that is kept alive with its data."""

from collections.abc import Mapping
from typing import Any

from infra.local.cloud import Cloud
from infra.local.ports import free_port
from infra.local.supervisor import client


def is_kept(cloud: Cloud, name: str) -> bool:
    """Whether there is such a store."""
    return (cloud.run / "stores" / f"{name}.json").exists()


def deployed(cloud: Cloud, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the supervisor answers when it is to run a store like this: `ok` with what the kind of it gives access by,
    or `error`.
    """
    client.ensure(cloud)
    answer = client.request(cloud, {"do": "deploy_store", "name": name, "port": free_port(), "spec": dict(spec)})
    if not answer["ok"]:
        client.stop_if_idle(cloud)
    return answer


def port(cloud: Cloud, name: str) -> int | None:
    """Where a store listens now; None where there is none."""
    if not is_kept(cloud, name):
        return None
    client.ensure(cloud)
    stores = client.request(cloud, {"do": "status"})["stores"]
    return next((int(one["port"]) for one in stores if one["name"] == name), None)


def delete(cloud: Cloud, name: str) -> None:
    """End a store and drop its data, and the supervisor with the last thing that it kept alive."""
    if not is_kept(cloud, name) and not client.running(cloud):
        return
    client.ensure(cloud)
    if not client.request(cloud, {"do": "delete_store", "name": name}).get("left"):
        client.stop(cloud)
