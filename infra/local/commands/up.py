"""`up`: the whole platform on this machine, from the engine to a curl line that works."""

import json
import shlex
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.local import pulumi
from infra.local.apis.identity import owner_headers
from infra.local.cloud import Cloud, Damaged
from infra.local.commands.accepted import Accepted
from infra.local.commands.engine_run import Transcript, alone, banner, engine, heal_state, outputs_of, policy_pack
from infra.local.commands.open import shown, way_in
from infra.local.commands.alerts import alert_settings, alerts_kept
from infra.local.commands.service_port import choose_port, first_service, kept, together, write_url
from infra.local.commands.status import balancer_lines, balancers, callers
from infra.local.commands.store import engine_settings, require_server, said
from infra.local.commands.warnings import warnings
from infra.local.engine import ensure_engine, environment
from infra.local.engine.environment import refuse_credentials
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, LocalCloudError
from infra.local.files import read_json, write_whole
from infra.local.home import REPOSITORY, Home
from infra.local.ports import straight
from infra.local.services import docker, secretmanager
from infra.local.services.cloudrunv2 import JOB, PORT_VARIABLE
from infra.local.supervisor import client
from infra.local.supervisor.kinds import kind_of
from infra.local.supervisor.redis_server import ENDING as VALKEY
from infra.local.supervisor.service import Service

_READY_SECONDS = 90.0
_PAST_PROXY = " --noproxy 127.0.0.1"
_ORDER = {
    "order_id": "demo-1",
    "created_at": "2026-11-02T10:15:00Z",
    "customer": {"id": "c-1"},
    "currency": "EUR",
    "items": [{"sku": "MUG-01", "quantity": 2, "unit_price": 9.5}],
}


class Steps:
    """What was done and how long it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what is done inside."""
        started = time.monotonic()
        yield
        self.taken.append((name, time.monotonic() - started))

    def table(self) -> str:
        """One line a step, and the sum."""
        rows = [*self.taken, ("in all", sum(seconds for _, seconds in self.taken))]
        return "\n".join(f"    {name:<34} {seconds:7.1f} s" for name, seconds in rows)


def up(
    home: Home, stack: str, port: int | None, *, verbose: bool, first: Callable[[Home, str], list[str]] | None = None
) -> int:
    """Brings the stack up and waits until its service answers. `first` readies a state from before, and says what it
    did. Raises LocalCloudError for what the machine lacks.
    """
    pulumi.require_stack(stack)
    refuse_credentials_and_show(home, stack)
    steps, cloud = Steps(), Cloud(home, stack)
    require_server(cloud)
    with steps.step("engine"):
        ensure_engine()
    with alone(home, stack):
        of_machine = [*engine_settings(cloud), *alert_settings(cloud)]
        dropped = drop_damaged(cloud)
        port = choose_port(cloud, port)
        whole = {**environment(home, stack=stack), PORT_VARIABLE: str(port)}
        with steps.step("healing"):
            done = dropped + heal_state(home, stack, whole) + heal_services(cloud, port)
            done += first(home, stack) if first else []
            for what in done:
                print(f"    {what}", flush=True)
        transcript = Transcript(everything=verbose)
        words = ["up", "--yes", "--refresh", *policy_pack(), *of_machine]
        accepted = Accepted(cloud, REPOSITORY, words, whole)
        with steps.step("pulumi up"):
            code = engine([*words, *accepted.words()], home, stack, whole, transcript)
        if code:
            print(transcript.problems(), file=sys.stderr)
            changed = (
                ""
                if transcript.unchanged
                else " after some changes; what had been made is kept, and `up` continues from there"
            )
            print(f"error: `up` was refused or failed{changed or '; nothing was changed'}", file=sys.stderr)
            return EXIT_REFUSED
        accepted.keep()
        outputs = outputs_of(home, stack, whole)
        with steps.step("waiting for /readyz"):
            ready = _wait_until_ready(cloud, str(outputs.get("url", "")))
        if not ready:
            raise LocalCloudError(
                f"{outputs.get('url')}/readyz does not answer. See: python -m infra.local logs --stack {stack}",
                EXIT_UNEXPECTED,
            )
        header = _write_access(home, cloud, outputs)
        _collect_images(cloud)
    _tell(cloud, stack, outputs, header, transcript, steps)
    return EXIT_OK


def refuse_credentials_and_show(home: Home, stack: str) -> None:
    """The banner, after the check that no real cloud is in reach."""
    import os

    refuse_credentials(os.environ)
    banner(home, stack)


def drop_damaged(cloud: Cloud) -> list[str]:
    """Removes records of services and stores that can't be read, with their supervisor, which is bound to them; what
    was done.
    """
    done = []
    for path in (*kept(cloud, "services"), *kept(cloud, "stores")):
        restore, what = (
            (Service.restored, "service") if path.parent.name == "services" else (kind_of(path.stem).restored, "store")
        )
        try:
            restore(cloud, path)
        except Damaged:
            client.stop(cloud)
            path.unlink()
            done.append(f"dropped the damaged record of {what} {path.stem}, which is recreated")
    return done


def heal_services(cloud: Cloud, port: int) -> list[str]:
    """Starts the supervisor again where services and stores should be running, and gives the first service its port."""
    done = client.heal(cloud)
    if not kept(cloud, "services"):
        return done
    first, noted = first_service(cloud), cloud.home.root / "url"
    before = read_json(first)["port"]
    with together():
        moved = client.request(cloud, {"do": "move", "name": first.stem, "port": port})
        if not moved["ok"]:
            raise LocalCloudError(f"Port {port} can't be opened: {moved['error']}. Choose another: make up PORT=9000")
        if noted.is_file() and noted.read_text().strip() == f"http://127.0.0.1:{before}":
            write_url(cloud.home, f"http://127.0.0.1:{port}")  # callers find it, whatever the engine says next
    return done


def _wait_until_ready(cloud: Cloud, url: str) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    asked = urllib.request.Request(f"{url}/readyz", headers=owner_headers(cloud, url))
    while time.monotonic() < deadline:
        try:
            with straight().open(asked, timeout=5) as answer:
                if answer.status == 200:
                    return True
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    return False


def _write_access(home: Home, cloud: Cloud, outputs: Mapping[str, Any]) -> Path | None:
    """Notes the URL, and the API key as a header that curl reads from a file: no key in process arguments."""
    write_url(home, str(outputs["url"]))
    secret = outputs.get("api_key_secret")
    if not secret:
        return None
    key = secretmanager.value(cloud, str(secret), "latest").partition(",")[0]
    write_whole(home.root / "api-key.header", f"X-API-Key: {key}\n".encode())
    return home.root / "api-key.header"


def _collect_images(cloud: Cloud) -> None:
    """Each change of a file is a new image: the ones that no revision and no job may need any more go."""
    services = client.request(cloud, {"do": "status"})["services"]
    used = [str(image) for service in services for revision in service["revisions"] for image in revision["images"]]
    used += [
        str(container["image"])
        for job in cloud.all(JOB)
        for container in job.inputs["template"]["template"]["containers"]
    ]
    docker.collect(cloud, used)


def _tell(
    cloud: Cloud, stack: str, outputs: Mapping[str, Any], header: Path | None, transcript: Transcript, steps: Steps
) -> None:
    kinds = Counter(record.kind for record in cloud.all())
    changes = "no resource changes" if transcript.unchanged else "changed as shown above"
    advisories = (
        f"; {transcript.advisories} advisory notes of the policies (`preview` shows them)"
        if transcript.advisories
        else ""
    )
    print(f"\n    {changes}{advisories}")
    print(
        f"    resources: {kinds['real']} real, {kinds['enforced']} enforced, {kinds['declared']} declared, "
        f"{kinds['generic']} generic "
        f"(`make status V=1{'' if stack == 'local' else f' STACK={stack}'}` lists them)"
    )
    for line in warnings(client.request(cloud, {"do": "status"})["services"]):
        print(f"    warning: {line}")
    print(f"\n{steps.table()}\n")
    print(f"    URL            {outputs['url']}")
    print(f"    API            {outputs['url']}/docs")
    print(f"    callers        {_callers(cloud, str(outputs['url']))}")
    if hooks := outputs.get("hooks_url"):
        print(f"    webhooks       {hooks}/v1/hooks/ (in Google Cloud: behind the load balancer)")
    for line in (line for one in balancers(cloud) for line in balancer_lines(one)):
        print(f"    {line}")
    print(f"    model version  {outputs.get('model_version', '(none)')}")
    print(f"    histories      {_histories(cloud, outputs)}")
    stores = client.request(cloud, {"do": "status"})["stores"]
    print(f"    alerts         {alerts_kept(cloud, stores)}")
    if header:
        print(f"    page           {way_in(str(outputs['url']), header, terminal=sys.stdout.isatty())}")
        print(f"    API key        {shown(header)} (what the page and callers need)")
        body = json.dumps(_ORDER, separators=(",", ":"))
        past_proxy = "" if urllib.request.proxy_bypass("127.0.0.1") or not urllib.request.getproxies() else _PAST_PROXY
        held = shlex.quote(f"@{shown(header)}")
        print(
            f"\n    curl -s{past_proxy} -H {held} -H 'content-type: application/json' -d '{body}'"
            f" {outputs['url']}/v1/score\n"
        )
    print("    next: `make score` scores a sample of orders; `make status` shows what runs; `make down` removes it all")


def _callers(cloud: Cloud, url: str) -> str:
    """Who may call the service, and how."""
    services = client.request(cloud, {"do": "status"})["services"]
    found = next((one for one in services if one["url"] == url), None)
    if found is None or found["everybody"]:
        return "everybody on this machine (orderguard:openInvoker), with the API key"
    return f"{callers(found)}: `make token` prints one, `make score` shows one"


def _histories(cloud: Cloud, outputs: Mapping[str, Any]) -> str:
    """Which store of histories the service has."""
    stores = {one["name"]: one for one in client.request(cloud, {"do": "status"})["stores"]}
    name = str(outputs.get("history_store"))
    if store := stores.get(f"{name}{VALKEY}"):
        return f"{said(store)}, with access tokens and TLS as in Google Cloud"
    if store := stores.get(name):
        return f"{said(store)}, with a password and TLS as in Google Cloud (orderguard:historyEngine: one without)"
    if pulumi.setting(cloud.stack, "orderguard:historyStore") == "off":
        return "as orderguard:historyUrl says"
    return (
        "in the service's memory, until it restarts: neither valkey-server nor redis-server is on PATH (install"
        " redis-server, then `make up`)"
    )
