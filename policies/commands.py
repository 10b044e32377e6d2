"""`orderguard-policies`: the pack for any Pulumi program, with the engine and without it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from policies.folder import pack_folder
from policies.options import absolute, pack_of, parser
from policies.output.text import text
from policies.remediation import difference
from policies.rule import MANDATORY, Severity
from policies.selection import PROFILES
from policies.state import State, check, read_state
from policies.version import PACK_NAME, PACK_VERSION
from policies.writing import OUTPUTS, write_reports, write_whole

HELD, VIOLATED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: no mandatory rule is violated; one is; the command can't be carried out as it was given; Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:  # whoever reads has seen enough
        sys.stderr.close()
        return HELD
    except (ValueError, OSError) as problem:
        print(f"orderguard-policies: {problem}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        print("\ninterrupted: the same command starts over", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser("orderguard-policies", description=__doc__)
    whole.add_argument("--version", action="version", version=f"{PACK_NAME} {PACK_VERSION}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    path = commands.add_parser(
        "path", parents=[parser()], help="the folder for `pulumi preview --policy-pack $(orderguard-policies path)`"
    )
    path.set_defaults(run=_path)

    checked = commands.add_parser("check", parents=[parser()], help="check a state, without the engine")
    checked.add_argument("--state", required=True, metavar="FILE", help="what `pulumi stack export` wrote; - reads it")
    checked.add_argument("--config", metavar="FILE", help="rules' settings, as for --policy-pack-config")
    for suffix in OUTPUTS:
        checked.add_argument(f"--{suffix}", metavar="FILE", help=f"write the report there as {suffix}")
    checked.add_argument("--diff", action="store_true", help="show what --remediate would change")
    checked.set_defaults(run=_check)

    listed = commands.add_parser("rules", parents=[parser()], help="list the rules that a selection has")
    listed.set_defaults(run=_rules)
    return whole


def _path(options: argparse.Namespace) -> int:
    pack_of(options)  # A selection that can't be used is told here, not by the engine.
    print(pack_folder(absolute(options)))
    return HELD


def _check(options: argparse.Namespace) -> int:
    pack = pack_of(options, options.config)
    name = "standard input" if options.state == "-" else options.state
    try:
        content = sys.stdin.read() if options.state == "-" else Path(options.state).read_text(encoding="utf-8")
        state = read_state(content)
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not text: give what `pulumi stack export` writes") from None
    except ValueError as problem:
        raise ValueError(f"{name} {problem}") from None
    check(pack, state)
    pack.finish()
    document = pack.report.document()
    for suffix, make in OUTPUTS.items():
        if file := getattr(options, suffix):
            write_whole(Path(file), make(document))
    if options.report:
        write_reports(document, Path(options.report))
    print(text(document, verbose=options.verbose), end="")
    if options.diff:
        _show_remedies(document["findings"], state)
    return VIOLATED if document["summary"]["mandatory"] else HELD


def _show_remedies(findings: Sequence[dict[str, str]], state: State) -> None:
    """The properties that `--remediate all` would set, as a diff."""
    resources = {resource.urn: resource for resource in state.resources}
    for finding in findings:
        resource = resources.get(finding["urn"])
        if finding["state"] == "violated" and resource is not None:
            if lines := list(difference(finding["rule"], resource)):
                print(f"\n{finding['rule']} on {finding['name']}", *(f"  {line}" for line in lines), sep="\n")


def _rules(options: argparse.Namespace) -> int:
    rules = pack_of(options).rules
    for rule in sorted(rules, key=lambda rule: -list(Severity).index(rule.severity)):
        level = "" if rule.level is MANDATORY else f" ({rule.level.value})"
        print(f"{rule.severity.value:<8}  {rule.name}{level}: {rule.description}")
    print(f"{len(rules)} rules of profile {options.profile}: {PROFILES[options.profile]}", file=sys.stderr)
    return HELD
