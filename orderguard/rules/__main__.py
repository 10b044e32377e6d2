"""`python -m orderguard.rules FILE`: check a file of decision rules and say what it does; `--fields` lists what an
expression may name.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from orderguard.masking import Keyring, MaskingKeyError
from orderguard.rules.decision import Rulebook, load_rules
from orderguard.rules.errors import RulesError
from orderguard.rules.expressions import check
from orderguard.rules.fields import FIELDS


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 usable, 2 not."""
    parser = argparse.ArgumentParser(prog="python -m orderguard.rules", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="the file of rules")
    parser.add_argument("--fields", action="store_true", help="list the fields that expressions may name")
    given = parser.parse_args(arguments)
    if given.fields:
        for field in FIELDS.values():
            print(f"{field.name:32} {field.kind:14} {field.meaning}")
        return 0
    if given.file is None:
        parser.error("name a file of rules, or --fields")
    try:
        key = Keyring.from_environment(os.environ).fingerprint
    except MaskingKeyError:
        key = ""
    try:
        rules = load_rules(given.file, key)
    except RulesError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(told(rules, key)))
    return 0


def told(rules: Rulebook, key: str) -> list[str]:
    """What a file does, as lines."""
    lines = [f"{'RULE':32} {'MODE':7} {'ACTION':7} {'WORK':>7}  REASON"]
    for rule in rules.file.rules:
        action = f"+{rule.by:g}" if rule.action == "raise" else rule.action
        lines.append(f"{rule.id:32} {rule.mode:7} {action:7} {check(rule.when):>7,}  {rule.reason}")
    found = rules.description()
    lines.append(
        f"{found['acting']} rules act, {found['shadowed']} are shadowed; "
        f"{found['blocked']} tokens are blocked, {found['allowed']} allowed."
    )
    if key:
        lines.append(f"The masking key is {key}.")
    if rules.stale:
        stale = ", ".join(str(entry.line) for entry in rules.stale[:20])
        lines.append(f"{len(rules.stale)} tokens were made with another key and match nothing: renew lines {stale}.")
    lines.append("Next: make backtest RULES=FILE says what it would have done to the orders of the last 28 days.")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
