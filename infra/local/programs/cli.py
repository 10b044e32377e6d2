"""`orderguard-cloud`: Google Cloud on one machine, for anybody's Pulumi program in Python.

Exit codes are those of `python -m infra.local`: 0 done; 1 unexpected; 2 wrong usage or settings; 3 refused; 4 the
machine lacks something; 130 interrupted.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local.errors import LocalCloudError, explaining
from infra.local.programs.project import home_of, read_project, stack_of
from orderguard.private_files import kept_private


def _parser() -> argparse.ArgumentParser:
    from infra.local.commands import clock
    from infra.local.commands.jobs import list_executions
    from infra.local.programs import commands
    from infra.local.programs.commands import Wanted

    parser = argparse.ArgumentParser(prog="orderguard-cloud", description=__doc__.partition("\n")[0])
    added = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[Wanted, argparse.Namespace], int], says: str) -> argparse.ArgumentParser:
        one = added.add_parser(name, help=says, description=says)
        one.set_defaults(action=action)
        one.add_argument("--project", type=Path, default=Path(), help="the folder of Pulumi.yaml (default: this one)")
        one.add_argument("--stack", help="the stack (default: the one that has a file of settings, else `local`)")
        return one

    def running(one: argparse.ArgumentParser) -> None:
        one.add_argument("--config", action="append", default=[], metavar="KEY=VALUE", help="a setting, kept here")
        one.add_argument("--policy-pack", action="append", default=[], metavar="DIR", help="check it with these, too")
        one.add_argument("--provider", action="append", default=[], metavar="NAME", help="let this plugin act for real")

    up = command("up", lambda wanted, _: commands.up(wanted), "bring the program's stack up")
    running(up)
    up.add_argument("--verbose", action="store_true", help="show all that the engine prints")
    running(command("preview", lambda wanted, _: commands.preview(wanted), "show what `up` would do"))
    down = command("down", lambda wanted, given: commands.down(wanted, force=given.force), "take this stack down")
    down.add_argument("--force", action="store_true", help="drop its local cloud, whatever is protected")
    down.add_argument("--provider", action="append", default=[], metavar="NAME", help="let this plugin act for real")
    down.add_argument("--verbose", action="store_true", help="show all that the engine prints")
    status = command(
        "status",
        lambda wanted, given: commands.status(wanted, as_json=given.json, verbose=given.verbose, env=given.env),
        "show URL, revision and health of what is up",
    )
    status.add_argument("-v", "--verbose", action="store_true", help="list the resources and processes, too")
    status.add_argument("--env", action="store_true", help="print the variables that lead Google's clients here")
    status.add_argument("--json", action="store_true", help="print JSON for machines")
    logs = command("logs", lambda wanted, given: commands.show_logs(wanted, given.name, given.lines), "show log lines")
    logs.add_argument("name", nargs="?", help="the service or job (default: all)")
    logs.add_argument("--lines", type=int, default=40, help="how many lines (default: %(default)s)")
    secret = command("secret", lambda wanted, given: commands.secret(wanted, given.key), "keep a secret setting here")
    secret.add_argument("key", help="the setting; its value comes on standard input")
    job = command(
        "run-job", lambda wanted, given: commands.run_job(wanted, given.name), "run a Cloud Run job, and wait"
    )
    job.add_argument("name", help="the job's name")
    listed = command(
        "executions",
        lambda wanted, given: list_executions(wanted.home, wanted.stack, given.job, as_json=given.json),
        "list what ran of the Cloud Run jobs, and how it went",
    )
    listed.add_argument("job", nargs="?", help="the job (default: all)")
    listed.add_argument("--json", action="store_true", help="print JSON for machines")
    put = command(
        "object-put",
        lambda wanted, given: commands.put(wanted, given.bucket, given.file, given.name),
        "put a file into a bucket, and start what its arrival triggers",
    )
    put.add_argument("bucket", help="the bucket's name")
    put.add_argument("file", type=Path, help="the file")
    put.add_argument("--name", help="the object's name (default: the file's)")
    clock.options(
        command("clock", lambda wanted, given: clock.show_or_set(wanted.home, wanted.stack, given), clock.SAYS)
    )
    token = command(
        "token",
        lambda wanted, given: commands.show_token(wanted, given.audience, given.account, access=given.access),
        "print an identity token, for a service that is not open to everybody",
    )
    token.add_argument("--audience", help="whom it is for (default: the URL of the stack's service)")
    token.add_argument("--account", help="a service account of the stack to be (default: the owner of this machine)")
    token.add_argument("--access", action="store_true", help="an access token, for Google's interfaces here")
    env = command(
        "env",
        lambda wanted, given: commands.show_environment(wanted, export=not given.plain),
        "print the variables with which `pulumi` itself uses this local cloud",
    )
    running(env)
    env.add_argument("--plain", action="store_true", help="NAME=VALUE lines, as for a file of a pipeline's variables")
    for name, says in (("engine", "get the Pulumi engine"), ("types", "list the types that act, with their kinds")):
        added.add_parser(name, help=says, description=says).set_defaults(plain_command=getattr(commands, name))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an expected error is explained, without a traceback."""
    given = _parser().parse_args(arguments)
    with kept_private():
        return explaining(lambda: _done(given))


def _done(given: argparse.Namespace) -> int:
    from infra.local.programs.commands import Wanted

    if sys.platform != "linux":
        raise LocalCloudError("The local cloud needs Linux. On this system it runs in a container: see README.")
    if hasattr(given, "plain_command"):
        return int(given.plain_command())
    project = read_project(given.project)
    wanted = Wanted(
        project,
        home_of(project),
        stack_of(project, given.stack),
        packs=getattr(given, "policy_pack", ()),
        given=getattr(given, "config", ()),
        providers=getattr(given, "provider", ()),
        verbose=getattr(given, "verbose", False),
    )
    code: int = given.action(wanted, given)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
