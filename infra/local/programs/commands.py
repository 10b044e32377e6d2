"""`up`, `preview`, `down`, `status`, `secret` and `env` for anybody's program."""

import json
import os
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.commands.accepted import Accepted
from infra.local.commands.engine_run import Transcript, alone, banner, heal_state, outputs_of, state_file
from infra.local.commands.engine_run import engine as run_engine
from infra.local.commands.jobs import put_object, run_named
from infra.local.commands.logs import logs
from infra.local.commands.status import environment as clients_environment
from infra.local.commands.status import balancer_lines, balancers, callers, collect, health_of, show, summary
from infra.local.commands.token import token as print_token
from infra.local.commands.up import drop_damaged
from infra.local.commands.warnings import is_declared, warnings
from infra.local.engine import ENGINE_VERSION, ensure_engine
from infra.local.engine.environment import refuse_credentials
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, LocalCloudError
from infra.local.home import Home, bytecode_cache
from infra.local.programs import running
from infra.local.programs.project import Project
from infra.local.services import all_resources
from infra.local.services import docker
from infra.local.supervisor import client

_ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Wanted:
    """What a command is for, and its options."""

    project: Project
    home: Home
    stack: str
    packs: Sequence[str] = ()
    given: Sequence[str] = ()
    providers: Sequence[str] = ()
    verbose: bool = False

    @property
    def cloud(self) -> Cloud:
        return Cloud(self.home, self.stack)

    def again(self, command: str) -> str:
        """How to type another command for the same stack."""
        return f"orderguard-cloud {command} --project {shlex.quote(_shown(self.project))} --stack {self.stack}"


def _shown(project: Project) -> str:
    return os.path.relpath(project.folder)


def up(wanted: Wanted) -> int:
    """Bring the program's stack up, and say so only where its services answer."""
    begun = time.monotonic()
    refuse_credentials(os.environ)
    banner(wanted.home, wanted.stack)
    cloud = wanted.cloud
    whole = running.variables(wanted.project, wanted.home, wanted.stack, wanted.providers)
    with alone(wanted.home, wanted.stack):
        _settle(wanted)
        gone = running.lost(running.state_of(wanted.project, wanted.home, wanted.stack), cloud)
        done = [f"{len(gone)} resources are gone from the cloud's folder, and recreated"] if gone else []
        done += drop_damaged(cloud) + heal_state(wanted.home, wanted.stack, whole, wanted.project.folder)
        for what in done + client.heal(cloud):
            print(f"    {what}", flush=True)
        words = ["up", "--yes", "--refresh", *running.packs(wanted.packs)]
        accepted = Accepted(cloud, wanted.project.folder, words, whole)
        code, transcript = _run(wanted, [*words, *accepted.words()], whole)
        if code:
            changed = "; nothing was changed" if transcript.unchanged else "; what was made is kept, `up` continues"
            print(f"error: `up` was refused or failed{changed}", file=sys.stderr)
            return EXIT_REFUSED
        accepted.keep()
        silent = _silent(cloud)
        outputs = outputs_of(wanted.home, wanted.stack, whole, wanted.project.folder)
    kinds = Counter(record.kind for record in cloud.all())
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none of Google Cloud"
    changed = "no resource changes" if transcript.unchanged else "changed as shown above"
    advisories = f"; {transcript.advisories} advisory notes of the policies" if transcript.advisories else ""
    print(f"\n    {changed}{advisories}\n    resources: {listed} ({time.monotonic() - begun:.1f} s)")
    for name, value in outputs.items():
        print(f"    {name:<20} {value if isinstance(value, str) else json.dumps(value)}")
    services = _services(cloud)
    for one in services:
        print(f"    service {one['name']:<12} {one['url']}{' DOES NOT ANSWER' if one['name'] in silent else ''}")
        how = "" if one["everybody"] else f": {wanted.again('token')}"
        print(f"    callers {'':<12} {callers(one)}{how}")
    for line in (line for one in balancers(cloud) for line in balancer_lines(one)):
        print(f"    {line}")
    for line in warnings(services):
        print(f"    warning: {line}")
    if silent:
        print(f"error: {', '.join(silent)} does not answer. See: {wanted.again('logs')}", file=sys.stderr)
        return EXIT_UNEXPECTED
    print(f"\n    next: {wanted.again('status')}; {wanted.again('down')}")
    return EXIT_OK


def preview(wanted: Wanted) -> int:
    """Show what `up` would do; changes nothing."""
    refuse_credentials(os.environ)
    banner(wanted.home, wanted.stack)
    whole = running.variables(wanted.project, wanted.home, wanted.stack, wanted.providers)
    _settle(wanted)
    code, _ = _run(replace(wanted, verbose=True), ["preview", *running.packs(wanted.packs)], whole)
    print("\nerror: the preview was refused; see above" if code else f"\n    next: {wanted.again('up')}", flush=True)
    return EXIT_REFUSED if code else EXIT_OK


def down(wanted: Wanted, *, force: bool) -> int:
    """Destroys the stack, and nothing else. What is protected refuses it before anything is touched; `force` removes
    the local cloud of this stack whatever is protected.
    """
    project, home, stack, cloud = wanted.project, wanted.home, wanted.stack, wanted.cloud
    banner(home, stack)
    pulumi.require_own(home, stack, project.name)
    path = state_file(home, stack, project.folder)
    if not path.exists() and not cloud.root.exists():
        print("    there is nothing to take down")
        return EXIT_OK
    with alone(home, stack):
        if not force and path.exists():
            whole = running.variables(project, home, stack, wanted.providers, program=_is_dynamic(wanted))
            heal_state(home, stack, whole, project.folder)
            if held := running.protected(running.state_of(project, home, stack)):
                listed = "\n".join(f"    {one}" for one in held)
                print(
                    f"error: nothing was taken down, since these are protected:\n{listed}\nLift the protection in the"
                    f" program and run `{wanted.again('up')}`, or drop this stack's local cloud whatever is protected:"
                    f" {wanted.again('down')} --force",
                    file=sys.stderr,
                )
                return EXIT_REFUSED
            client.heal(cloud)  # one of older code would be asked what it doesn't know
            code, _ = _run(wanted, ["destroy", "--yes", "--refresh"], whole)
            if code:
                print("error: the stack could not be taken down completely; see above", file=sys.stderr)
                return EXIT_REFUSED
        client.stop(cloud)
        docker.forget_all(cloud)
        if force:
            for file in path.parent.glob(f"{stack}.json*"):
                file.unlink()
        shutil.rmtree(cloud.root, ignore_errors=True)
        shutil.rmtree(bytecode_cache() / cloud.root.relative_to("/"), ignore_errors=True)
    print(f"    no process, port or resource of {project.name}/{stack} is left")
    return EXIT_OK


def status(wanted: Wanted, *, as_json: bool, verbose: bool = False, env: bool = False) -> int:
    """What there is, and where the state and the cloud differ; with `env` what leads Google's clients here."""
    if env:
        return clients_environment(wanted.home, wanted.stack)
    cloud = wanted.cloud
    resources = running.state_of(wanted.project, wanted.home, wanted.stack)
    gone = running.lost(resources, cloud)
    services = sorted(path.stem for path in (cloud.run / "services").glob("*.json"))
    dead = [] if client.running(cloud) else services
    silent = [] if dead else _silent(cloud, 0)
    found = {"project": wanted.project.name, **collect(cloud), "lost": gone, "stopped": dead, "silent": silent}
    if as_json:
        print(json.dumps(found, indent=1))
        return EXIT_OK
    print(f"{wanted.project.name}/{wanted.stack} in {wanted.home.root}")
    for line in summary(
        found, health_of(wanted.cloud, found), up=wanted.again("up"), more=f"{wanted.again('status')} -v"
    ):
        print(line)
    if verbose:
        show(found)
    for what in gone:
        print(f"gone: {what} is in the state, but not in the cloud's folder")
    for name in dead:
        print(f"stopped: the service {name} should run, and its supervisor does not")
    for name in silent:
        print(f"silent: the service {name} does not answer")
    if gone or dead or silent:
        print(f"    fix it: {wanted.again('up')}")
        return EXIT_UNEXPECTED
    return EXIT_OK


def show_logs(wanted: Wanted, name: str | None, lines: int) -> int:
    """The newest lines of the stack's services and jobs."""
    return logs(wanted.home, wanted.stack, name, lines)


def show_token(wanted: Wanted, audience: str | None, account: str | None, *, access: bool) -> int:
    """An identity token, or an access token."""
    return print_token(wanted.home, wanted.stack, audience, account, access=access)


def run_job(wanted: Wanted, name: str) -> int:
    """Run a Cloud Run job and wait for it."""
    return run_named(wanted.home, wanted.stack, name)


def put(wanted: Wanted, bucket: str, file: Path, name: str | None) -> int:
    """Put a file into a bucket and start what its arrival triggers."""
    return put_object(wanted.home, wanted.stack, bucket, file, name)


def engine() -> int:
    """Get the Pulumi engine of the pinned version."""
    found = ensure_engine()
    print(f"Pulumi engine {ENGINE_VERSION}: {found.pulumi} (from: {found.source})")
    return EXIT_OK


def types() -> int:
    """The types that have a table of their own: every other one is declared, and generic."""
    for token, resource in sorted(all_resources().items()):
        print(f"{resource.kind:<9} {token}")
    return EXIT_OK


def secret(wanted: Wanted, key: str) -> int:
    """Keep a secret setting, read from standard input, for this stack."""
    value = sys.stdin.read().strip("\n")
    if not value:
        raise LocalCloudError(f"Standard input is empty. Write: printf SECRET | {wanted.again('secret')} {key}")
    full = running.full_key(wanted.project, key)
    whole = running.variables(wanted.project, wanted.home, wanted.stack, program=False)
    pulumi.keep_secret(full, value, wanted.home, wanted.stack, wanted.project.folder, whole)
    print(f"{full} is kept, encrypted, in {wanted.home.root}; `{wanted.again('up')}` gives it to the stack.")
    return EXIT_OK


def show_environment(wanted: Wanted, *, export: bool) -> int:
    """The variables with which `pulumi` itself, or a pipeline, uses this stack's local cloud."""
    whole = running.variables(wanted.project, wanted.home, wanted.stack, wanted.providers)
    running.settle(wanted.project, wanted.home, wanted.stack, wanted.given)
    command, _ = pulumi.prepare(["up"], wanted.home, wanted.stack, wanted.project.folder, whole)
    whole["LOCAL_CLOUD_SETTINGS"] = command[-1]
    for name in sorted(name for name, value in whole.items() if os.environ.get(name) != value):
        print(f"export {name}={shlex.quote(whole[name])}" if export else f"{name}={whole[name]}")
    return EXIT_OK


def _settle(wanted: Wanted) -> None:
    for default in running.settle(wanted.project, wanted.home, wanted.stack, wanted.given):
        print(f"    {default} stands in: the stack's settings have none")


def _run(wanted: Wanted, words: Sequence[str], whole: Mapping[str, str]) -> tuple[int, Transcript]:
    transcript = Transcript(everything=wanted.verbose)
    code = run_engine(words, wanted.home, wanted.stack, whole, transcript, wanted.project.folder)
    if code:
        text = "\n".join(transcript.lines)
        if not wanted.verbose:
            print(transcript.problems(), file=sys.stderr)
        for hint in running.hints(text):
            print(f"hint: {hint}", file=sys.stderr)
    return code, transcript


def _is_dynamic(wanted: Wanted) -> bool:
    """Whether taking it down runs the program's own Python: it holds resources whose provider the program is."""
    resources = running.state_of(wanted.project, wanted.home, wanted.stack)
    return any(str(one["type"]).startswith("pulumi-python:") for one in resources)


def _services(cloud: Cloud) -> list[dict[str, Any]]:
    return list(client.request(cloud, {"do": "status"})["services"]) if client.running(cloud) else []


def _silent(cloud: Cloud, seconds: float = _ANSWER_SECONDS) -> list[str]:
    """The services that do not answer within so many seconds, of those that this machine runs."""
    deadline = time.monotonic() + seconds
    while True:
        services = [one for one in _services(cloud) if not is_declared(one)]
        silent = sorted(str(one["name"]) for one in services if not running.answers(cloud, str(one["url"])))
        if not silent or time.monotonic() >= deadline:
            return silent
        time.sleep(0.2)
