"""`python -m infra.local`: the platform on this machine.

Exit codes: 0 done; 1 unexpected; 2 wrong usage or settings; 3 refused (a policy, the provider or a protection; nothing
that was refused was changed); 4 the machine lacks something (engine, free port, clean environment); 130 interrupted.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local.commands import clock
from infra.local.errors import EXIT_OK, explaining
from infra.local.home import DEFAULT_STACK, Home, home_from
from orderguard.private_files import keep_private


def _engine(arguments: argparse.Namespace) -> int:
    from infra.local.engine import ENGINE_VERSION, ensure_engine

    engine = ensure_engine()
    print(f"Pulumi engine {ENGINE_VERSION}: {engine.pulumi} (from: {engine.source})")
    return EXIT_OK


def _up(arguments: argparse.Namespace) -> int:
    from infra.local.commands.up import up
    from infra.local_upgrade import let_go_of_versions

    def first(home: Home, stack: str) -> list[str]:
        return [f"took the key {name} out of the state; it stays" for name in let_go_of_versions(home, stack)]

    return up(home_from(), arguments.stack, arguments.port, verbose=arguments.verbose, first=first)


def _open(arguments: argparse.Namespace) -> int:
    from infra.local.commands.open import open_page

    return open_page(home_from())


def _down(arguments: argparse.Namespace) -> int:
    from infra.local.commands.down import down

    return down(home_from(), arguments.stack, verbose=arguments.verbose)


def _status(arguments: argparse.Namespace) -> int:
    from infra.local.commands.status import environment, status

    if arguments.env:
        return environment(home_from(), arguments.stack)
    return status(home_from(), arguments.stack, as_json=arguments.json, verbose=arguments.verbose)


def _logs(arguments: argparse.Namespace) -> int:
    from infra.local.commands.logs import logs

    return logs(home_from(), arguments.stack, arguments.name, arguments.lines)


def _run_job(arguments: argparse.Namespace) -> int:
    from infra.local.commands.jobs import run_named

    return run_named(home_from(), arguments.stack, arguments.name)


def _executions(arguments: argparse.Namespace) -> int:
    from infra.local.commands.jobs import list_executions

    return list_executions(home_from(), arguments.stack, arguments.job, as_json=arguments.json)


def _run_template(arguments: argparse.Namespace) -> int:
    from infra.local.commands.templates import run_template

    return run_template(home_from(), arguments.stack, arguments.template, arguments.name, arguments.parameters)


def _object_put(arguments: argparse.Namespace) -> int:
    from infra.local.commands.jobs import put_object

    return put_object(home_from(), arguments.stack, arguments.bucket, arguments.file, arguments.name)


def _clock(arguments: argparse.Namespace) -> int:
    return clock.show_or_set(home_from(), arguments.stack, arguments)


def _secret(arguments: argparse.Namespace) -> int:
    from infra.local.commands.secret import secret

    return secret(home_from(), arguments.stack, arguments.key)


def _token(arguments: argparse.Namespace) -> int:
    from infra.local.commands.token import token

    return token(home_from(), arguments.stack, arguments.audience, arguments.account, access=arguments.access)


def _types(arguments: argparse.Namespace) -> int:
    from infra.local.facts import known_types
    from infra.local.services import all_resources

    own = all_resources()
    for token in sorted(known_types()):
        print(f"{own[token].kind if token in own else 'generic':<9} {token}")
    return EXIT_OK


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: write a number from 1 to 65535")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="The platform on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int], says: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says)
        added.set_defaults(action=action)
        if action not in (_engine, _types):
            added.add_argument("--stack", default=DEFAULT_STACK, help="the stack (default: %(default)s)")
        return added

    command("engine", _engine, "get the Pulumi engine of the pinned version")
    up = command("up", _up, "bring a stack up, and wait until its service answers")
    up.add_argument("--port", type=_port, help="the service's port (default: that of the last `up`, else 8080)")
    up.add_argument("--verbose", action="store_true", help="show all that the engine prints")
    command("open", _open, "print a link that opens the page with the API key, once")
    down = command("down", _down, "destroy a stack and stop its processes; orders and models stay")
    down.add_argument("--verbose", action="store_true", help="show all that the engine prints")
    status = command("status", _status, "show URL, revision and health of what is up")
    status.add_argument("-v", "--verbose", action="store_true", help="list the resources and processes, too")
    status.add_argument("--env", action="store_true", help="print the variables that lead Google's clients here")
    status.add_argument("--json", action="store_true", help="print JSON for machines")
    logs = command("logs", _logs, "show the newest log lines of a service or job")
    logs.add_argument("name", nargs="?", help="the service or job (default: all)")
    logs.add_argument("--lines", type=int, default=40, help="how many lines (default: %(default)s)")
    run_job = command("run-job", _run_job, "run a Cloud Run job and wait for it")
    run_job.add_argument("name", help="the job's name")
    listed = command("executions", _executions, "list what ran of the Cloud Run jobs, and how it went")
    listed.add_argument("job", nargs="?", help="the job (default: all)")
    listed.add_argument("--json", action="store_true", help="print JSON for machines")
    run_template = command("run-template", _run_template, "launch a flex template of Dataflow, and wait for its job")
    run_template.add_argument("template", help="the template's file, as gs://BUCKET/OBJECT")
    run_template.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="the template's parameters")
    run_template.add_argument("--name", default="template", help="the job's name (default: %(default)s)")
    put = command("object-put", _object_put, "put a file into a bucket and start what its arrival triggers")
    put.add_argument("bucket", help="the bucket's name")
    put.add_argument("file", type=Path, help="the file")
    put.add_argument("--name", help="the object's name (default: the file's)")
    clock.options(command("clock", _clock, clock.SAYS))
    kept = command(
        "secret", _secret, "keep a secret setting in this home, encrypted; its value comes on standard input"
    )
    kept.add_argument("key", help="the setting, such as orderguard:hookShopifySecret")
    shown = command("token", _token, "print an identity token, for a service that is not open to everybody")
    shown.add_argument("--audience", help="whom it is for (default: the URL of the stack's service)")
    shown.add_argument("--account", help="a service account of the stack to be (default: the owner of this machine)")
    shown.add_argument("--access", action="store_true", help="an access token, for Google's interfaces here")
    command("types", _types, "list the resource types that the local cloud knows, with their kinds")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command; an expected error is explained, without a traceback."""
    parsed = _parser().parse_args(arguments)
    return explaining(lambda: parsed.action(parsed))


if __name__ == "__main__":
    keep_private()
    raise SystemExit(main(sys.argv[1:]))
