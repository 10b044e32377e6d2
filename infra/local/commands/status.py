"""`status`: where the service is, what it serves and whether it answers; with `verbose` all that the cloud holds."""

import json
import shlex
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from infra.local.clock import clock
from infra.local.apis.identity import owner_headers
from infra.local.apis.variables import of_person
from infra.local.apis.pubsub.messages import SUBSCRIPTION
from infra.local.cloud import Cloud
from infra.local.commands.clock import described
from infra.local.commands.store import said
from infra.local.commands.warnings import is_declared, warnings
from infra.local.errors import EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.events.firing import newest
from infra.local.events.watched import SCHEDULE, all_watched
from infra.local.executions import under_way
from infra.local.home import DEFAULT_STACK, Home
from infra.local.job_executions import FAILED, KILLED, latest
from infra.local.objects.notifications import NOTIFICATION
from infra.local.ports import straight
from infra.local.supervisor import client

_MEANINGS = {
    "real": "acts here as it does in Google Cloud",
    "enforced": "decides what may start",
    "declared": "checked and kept in state",
    "generic": "checked as far as its schema is known, and kept in state; what it does is not looked at",
}
_READY = "/readyz"
_SECONDS = 3.0


def collect(cloud: Cloud) -> dict[str, Any]:
    """All that `status` shows, as plain data."""
    resources: dict[str, list[dict[str, str]]] = defaultdict(list)
    for record in cloud.all():
        resources[record.kind].append({"type": record.type, "id": record.id})
    running = client.running(cloud)
    kept = client.request(cloud, {"do": "status"}) if running else {}
    alive = {what: kept.get(what) or [] for what in ("services", "stores", "balancers")}
    ran = {job: asdict(one) | {"told": one.told()} for job, one in latest(cloud).items()}
    return {
        "stack": cloud.stack,
        "clock": described(clock(cloud)),
        "supervisor": running,
        **alive,
        "fires": list(_fires(cloud, kept.get("schedules") or [])),
        "executions": ran,
        "resources": dict(resources),
    }


_WATCHED = {SCHEDULE: "schedule", NOTIFICATION: "notification", SUBSCRIPTION: "push to"}


def _fires(cloud: Cloud, schedules: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each schedule and trigger, with when it fires next and how it did the last time."""
    coming = {one["id"]: one for one in schedules}
    for watched in all_watched(cloud):
        last, next_one = newest(cloud, watched.id), coming.get(watched.id, {})
        yield {
            "name": watched.id if watched.type == NOTIFICATION else watched.name,
            "what": _WATCHED.get(watched.type, "trigger"),
            "next": next_one.get("next", ""),
            "not": next_one.get("not", ""),
            "last": asdict(last) | {"good": last.is_good} if last else None,
            "under_way": under_way(cloud, str((watched.inputs.get("destination") or {}).get("workflow") or "")),
        }


def status(home: Home, stack: str, *, as_json: bool, verbose: bool = False) -> int:
    """Print a few lines, all there is, or JSON; 1 where something that should run does not answer."""
    found = collect(Cloud(home, stack))
    if as_json:
        print(json.dumps(found, indent=1))
        return EXIT_OK
    health = health_of(Cloud(home, stack), found)
    stack = "" if stack == DEFAULT_STACK else f" STACK={stack}"
    for line in summary(found, health, up=f"make up{stack}", more=f"make status V=1{stack}"):
        print(line)
    if verbose:
        show(found)
    stopped = bool(found["resources"]) and not found["supervisor"]
    return EXIT_UNEXPECTED if stopped or not all(well for well, _ in health.values()) else EXIT_OK


def environment(home: Home, stack: str) -> int:
    """Print what a shell evaluates so that Google's clients, started from it, work with this stack. Raises
    LocalCloudError where there is no such stack here.
    """
    cloud = Cloud(home, stack)
    if not any(cloud.names()):
        raise LocalCloudError(f"Nothing is up in the stack {stack}. Bring it up first.", EXIT_USAGE)
    for name, value in of_person(cloud).items():
        print(f"export {name}={shlex.quote(value)}")
    return EXIT_OK


def health_of(cloud: Cloud, found: Mapping[str, Any]) -> dict[str, tuple[bool, str]]:
    """Of each service, whether it is as it should be, and in words."""
    return {one["name"]: _health(cloud, one) for one in found["services"]}


def callers(service: Mapping[str, Any]) -> str:
    """Who may call a service, in words."""
    return "everybody" if service["everybody"] else "members with roles/run.invoker, and you by a token"


def summary(found: Mapping[str, Any], health: Mapping[str, tuple[bool, str]], *, up: str, more: str) -> Iterator[str]:
    """URL, revision and health of each service; `up` and `more` are the commands to go on with."""
    count = sum(map(len, found["resources"].values()))
    if not count and not found["services"]:
        yield f"Nothing is up in the stack {found['stack']}. Bring it up: {up}"
        return
    for service in found["services"]:
        yield f"{service['name']}: {service['url']}"
        for share in service["traffic"]:
            yield f"    revision  {share['revision']} ({share['percent']} % of the traffic)"
        yield f"    health    {health[service['name']][1]}"
        yield f"    callers   {callers(service)}"
        yield f"    runs by   {', '.join(_runners(service))}"
    for balancer in found.get("balancers", ()):
        yield from balancer_lines(balancer)
    if not found["supervisor"]:
        yield f"{count} resources are there, and nothing runs. Start it: {up}"
        return
    for one in found.get("fires", ()):
        if one["last"] and not one["last"]["good"]:
            yield f"{one['what']} {one['name']}: {one['last']['status']} {one['last']['told']}"
    for job, one in found.get("executions", {}).items():
        if one["state"] in (FAILED, KILLED):
            yield f"job {job}: {one['told']}\n    see: {one['log']}"
    yield from (f"warning: {line}" for line in warnings(found["services"]))
    yield f"{count} resources; `{more}` lists them, and the processes"


def balancers(cloud: Cloud) -> list[dict[str, Any]]:
    """The load balancers that listen, once all of the stack do; the supervisor opens them by itself."""
    deadline = time.monotonic() + _SECONDS
    while client.running(cloud):
        found: list[dict[str, Any]] = client.request(cloud, {"do": "status"})["balancers"]
        if len(found) >= len(list((cloud.run / "balancers").glob("*.json"))) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
    return []


def balancer_lines(balancer: Mapping[str, Any]) -> Iterator[str]:
    """Where a load balancer listens, and how to ask it."""
    yield f"{balancer['name']}: {balancer['url']} (load balancer before {', '.join(balancer['services']) or 'nothing'})"
    port = balancer["url"].rpartition(":")[2]
    for domain in [one for one in balancer["domains"] if "*" not in one][:1]:
        known = f"--cacert {balancer['authority']} " if balancer["authority"] else ""
        scheme = balancer["url"].partition(":")[0]
        yield f"    ask it    curl {known}--resolve {domain}:{port}:127.0.0.1 {scheme}://{domain}:{port}/"


def _health(cloud: Cloud, service: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a service is as it should be, and in words."""
    if is_declared(service):
        return True, "declared only: this machine can't run it"
    if asleep := _asleep(service):
        return True, asleep
    try:
        asked = urllib.request.Request(f"{service['url']}{_READY}", headers=owner_headers(cloud, service["url"]))
        with straight().open(asked, timeout=_SECONDS):
            return True, "ready"
    except urllib.error.HTTPError as answer:
        # One that has no such path answers all the same.
        return answer.code in (401, 403, 404), "answers" if answer.code in (401, 403, 404) else f"answers {answer.code}"
    except OSError as problem:
        return False, f"does not answer ({getattr(problem, 'reason', problem)})"


def _runners(service: Mapping[str, Any]) -> list[str]:
    """What runs the revisions that are served: an engine's containers, or commands in their frozen build contexts."""
    served = {one["revision"] for one in service["traffic"]}
    return sorted({one["runs_by"] for one in service["revisions"] if one["name"] in served})


def _asleep(service: Mapping[str, Any]) -> str:
    """What to say of a service without an instance, which nobody looks at for that: a look would start one."""
    served = {one["revision"] for one in service["traffic"] if one["percent"]}
    revisions = [one for one in service["revisions"] if one["name"] in served]
    if any(one["instances"] or not one["running"] for one in revisions):
        return ""
    return "scaled to zero: the next request starts an instance"


def show(found: Mapping[str, Any]) -> None:
    """Print resources by kind, and what runs."""
    for line in _rest(found):
        print(line)


def _revision(revision: Mapping[str, Any], percent: int) -> Iterator[str]:
    """A revision's share, its instances and what they may be, its last cold start."""
    scaling, instances = revision["scaling"], revision["instances"]
    started = f"  last cold start {revision['cold_start_ms']} ms" if revision["cold_start_ms"] is not None else ""
    allowed = f"from {scaling['min']} to {scaling['max']}, {scaling['concurrency']} requests each"
    yield (
        f"    {revision['name']:<40} {percent:>3} %  instances {len(instances)} ({allowed}){started}  restarts"
        f" {revision['restarts']}"
    )
    for one in instances:
        ready = "ready" if one["ready"] else "not ready"
        yield f"        pid {one['pid']}  port {one['port']}  {ready}  {one['active']} requests"


def _rest(found: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    for kind, meaning in _MEANINGS.items():
        listed = found["resources"].get(kind, [])
        yield f"{kind} ({meaning}): {len(listed)}"
        for one in listed:
            yield f"    {one['type'].partition(':')[2].partition(':')[0]:<36} {one['id']}"
    yield f"\nclock: {found.get('clock', '')}"
    for one in found.get("fires", ()):
        coming = f"next {one['next']}" if one["next"] and not one["not"] else one["not"]
        last = one["last"]
        told = f"fired {last['at'][:19]}Z: {last['status'] or ''} {last['told']}" if last else "has not fired"
        yield f"{one['what']} {one['name']}: {told}{f'; {coming}' if coming else ''}"
        yield from (f"    its workflow waits until {until} (`clock --advance`)" for until in one["under_way"] if until)
    for job, one in found.get("executions", {}).items():
        yield f"job {job}: {one['name']} of {one['created'][:19]}Z, by {one['by']}: {one['told']}"
    yield f"supervisor: {'pid ' + str(found['supervisor']) if found['supervisor'] else 'not running'}"
    for service in found["services"]:
        yield f"{service['name']}: {service['url']}"
        shares = {one["revision"]: one for one in service["traffic"]}
        for revision in service["revisions"]:
            share = shares.get(revision["name"])
            if revision["instances"] or share:
                yield from _revision(revision, share["percent"] if share else 0)
    for balancer in found.get("balancers", ()):
        yield f"{balancer['name']}: {balancer['url']}"
        yield from (f"    {line}" for line in balancer["rules"])
        yield from (f"    {line} is declared only" for line in balancer["declared_only"])
    for store in found["stores"]:
        yield f"{store['name']}: {said(store)}\n    pid {store['pid']}  restarts {store['restarts']}"
