"""The options of a run, the same for the command, for the folder that it makes for the engine, and for the variable
`ORDERGUARD_POLICIES`.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from policies.baseline import read_baseline
from policies.catalogue import RULES
from policies.pack import Pack, configured
from policies.rule import GENERIC, Level, Severity, matches_any
from policies.remediation import REMEDIES
from policies.selection import PROFILES, Selection, SelectionError, selected

VARIABLE = "ORDERGUARD_POLICIES"


def parser(profile: str = GENERIC) -> argparse.ArgumentParser:
    """What can be said of a run; a parent of the commands' own parsers."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--profile", choices=PROFILES, default=profile, help=f"which rules (default: {profile})")
    options.add_argument(
        "--framework",
        action="append",
        default=[],
        metavar="NAME",
        help="only rules of a standard: cis, '*CKV_GCP_29'",
    )
    options.add_argument(
        "--severity", choices=[severity.value for severity in Severity], default="low", help="only rules as bad as this"
    )
    options.add_argument("--rule", action="append", default=[], metavar="PATTERN", help="only these rules: 'bucket-*'")
    options.add_argument("--baseline", metavar="FILE", help="let pass what this file has written down")
    options.add_argument("--write-baseline", metavar="FILE", help="write down all that is violated now")
    options.add_argument("--owner", metavar="WHO", help="who answers for new entries of the baseline (default: you)")
    options.add_argument(
        "--remediate", action="append", default=[], metavar="PATTERN", help="put right what has one safe value"
    )
    options.add_argument("--report", metavar="DIR", help="write report.json, .sarif, .html, .md and .txt there")
    options.add_argument("--verbose", action="store_true", help="list what is undecided instead of counting it")
    return options


def pack_of(options: argparse.Namespace, configuration: str | None = None) -> Pack:
    """The pack that these options ask for. Raises a ValueError that says which of them can't be used, or OSError."""
    selection = Selection(options.profile, tuple(options.framework), options.severity, tuple(options.rule))
    rules = selected(RULES, selection)
    putting_right = ["*" if pattern == "all" else pattern for pattern in options.remediate]
    rules = tuple(
        (
            replace(rule, level=Level.REMEDIATE)
            if rule.name in REMEDIES and matches_any(rule.name, putting_right)
            else rule
        )
        for rule in rules
    )
    if options.baseline and options.write_baseline:
        raise SelectionError("give --baseline or --write-baseline: the second takes up what its file has already")
    baseline = None
    if file := options.write_baseline or options.baseline:
        owner = options.owner or getpass.getuser()
        baseline = read_baseline(Path(file), writing=bool(options.write_baseline), owner=owner)
    pack = Pack(rules, options.profile, date.today(), baseline, options.verbose, selection.narrowed())
    if configuration:
        configured(pack, json.loads(Path(configuration).read_text(encoding="utf-8")))
    return pack


def absolute(options: argparse.Namespace) -> list[str]:
    """The same options as arguments that hold in any folder."""
    found = ["--profile", options.profile, "--severity", options.severity]
    for name in ("framework", "rule", "remediate"):
        found += [part for value in getattr(options, name) for part in (f"--{name}", value)]
    for name in ("baseline", "write_baseline", "report"):
        if value := getattr(options, name):
            found += [f"--{name.replace('_', '-')}", os.path.abspath(value)]
    found += ["--owner", options.owner] if options.owner else []
    return [*found, "--verbose"] if options.verbose else found


def parsed(arguments: Sequence[str], profile: str) -> argparse.Namespace:
    """Options that come without a command, as the engine's pack gets them."""
    return argparse.ArgumentParser(VARIABLE, parents=[parser(profile)]).parse_args(arguments)
