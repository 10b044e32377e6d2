"""`status`: resources by kind, revisions, processes and URLs."""

import json
from collections import defaultdict
from typing import Any

from infra.local.cloud import Cloud
from infra.local.commands.store import said
from infra.local.commands.warnings import warnings
from infra.local.errors import EXIT_OK
from infra.local.home import Home
from infra.local.supervisor import client

_MEANINGS = {
    "real": "acts here as it does in Google Cloud",
    "enforced": "decides what may start",
    "declared": "checked and kept in state",
    "generic": "checked as far as its schema is known, and kept in state; what it does is not looked at",
}


def collect(cloud: Cloud) -> dict[str, Any]:
    """All that `status` shows, as plain data."""
    resources: dict[str, list[dict[str, str]]] = defaultdict(list)
    for record in cloud.all():
        resources[record.kind].append({"type": record.type, "id": record.id})
    running = client.running(cloud)
    kept = client.request(cloud, {"do": "status"}) if running else {}
    alive = {what: kept.get(what) or [] for what in ("services", "stores")}
    return {"stack": cloud.stack, "supervisor": running, **alive, "resources": dict(resources)}


def status(home: Home, stack: str, *, as_json: bool) -> int:
    """Prints the table, or JSON."""
    found = collect(Cloud(home, stack))
    if as_json:
        print(json.dumps(found, indent=1))
        return EXIT_OK
    show(found)
    return EXIT_OK


def show(found: dict[str, Any]) -> None:
    """Prints what `collect` found."""
    for kind, meaning in _MEANINGS.items():
        listed = found["resources"].get(kind, [])
        print(f"{kind} ({meaning}): {len(listed)}")
        for one in listed:
            print(f"    {one['type'].partition(':')[2].partition(':')[0]:<36} {one['id']}")
    print(f"\nsupervisor: {'pid ' + str(found['supervisor']) if found['supervisor'] else 'not running'}")
    for service in found["services"]:
        print(f"{service['name']}: {service['url']}")
        shares = {one["revision"]: one for one in service["traffic"]}
        for revision in service["revisions"]:
            share = shares.get(revision["name"])
            if revision["pid"] or share:
                print(
                    f"    {revision['name']:<40} {share['percent'] if share else 0:>3} % "
                    f" {'ready' if revision['ready'] else 'not ready'}  pid {revision['pid']}  restarts"
                    f" {revision['restarts']}"
                )
    for line in warnings(found["services"]):
        print(f"warning: {line}")
    for store in found["stores"]:
        print(f"{store['name']}: {said(store)}\n    pid {store['pid']}  restarts {store['restarts']}")
