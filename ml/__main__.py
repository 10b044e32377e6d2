"""`python -m ml`: from raw orders to a validated, promoted model version, step by step or all at once.

Exit codes: 0 done · 1 unexpected error · 2 bad input or usage · 3 a gate failed (the version is kept, and not
promoted). The masking key comes from MASKING_KEY or, better, MASKING_KEY_FILE.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from ml.backfill.settings import RUNNERS, BackfillError
from ml.config import DEFAULT, ConfigError
from ml.quarantine import TooManyBadLines
from ml.order_files import ReadingError, without_order_file
from ml.registry import NotPromoted
from ml.signature import SigningError
from orderguard.masking import MaskingKeyError
from orderguard.model_version import ModelVersionError
from orderguard.order_folders import order_folder
from orderguard.private_files import keep_private
from orderguard.rules import RulesError

BAD_INPUT = (RulesError, BackfillError, ConfigError, MaskingKeyError, ModelVersionError, SigningError, TooManyBadLines)
EXIT_BAD_INPUT, EXIT_GATE = 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        # Imported when it is wanted: listing versions needs no scikit-learn.
        run: Callable[[argparse.Namespace], int] = getattr(import_module(f"ml.{options.module}"), options.name)
        return run(options)
    except NotPromoted as error:
        print(f"not promoted: {error}", file=sys.stderr)
        return EXIT_GATE
    except ReadingError as error:
        print(f"error: {error.told(sys.stderr)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except OSError as error:
        print(f"error: {without_order_file(error, sys.stderr)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except BAD_INPUT as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ml", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(required=True, metavar="COMMAND")

    prepare = _command(
        steps, "prepare", "training_commands", "read, quarantine, mask, and write the features to a file"
    )
    _data(prepare)
    prepare.add_argument("--out", type=Path, default=Path("reports/features.npz"), help="where the features go")

    train = _command(
        steps, "train", "training_commands", "train, export, validate, describe, publish; promote if all gates pass"
    )
    _data(train)
    train.add_argument("--version", help="a name of your own instead of the tag or date-commit-data")
    train.add_argument("--features", type=Path, help="a backfill of these orders, instead of computing their features")
    train.add_argument("--no-promote", action="store_true", help="publish only")
    _key(train)

    validate = _command(
        steps, "validate", "training_commands", "train again from the data and compare: same bytes, same gates"
    )
    _data(validate)
    validate.add_argument("version", nargs="?", help="the version to validate (the champion)")

    export = _command(steps, "export", "commands", "copy a verified version's model.onnx out under a telling name")
    export.add_argument("version", nargs="?", help="the version to export (the champion)")
    export.add_argument("--to", type=Path, default=Path("reports/export"), help="the folder to copy to")

    backtest = _command(
        steps, "backtest", "backtest_command", "what rules, or another threshold, would have made of past orders"
    )
    _data(backtest)
    backtest.add_argument("version", nargs="?", help="the version that scores (the champion)")
    backtest.add_argument("--rules", type=Path, required=True, help="the file of rules and lists")
    backtest.add_argument("--days", type=float, default=28.0, help="how many days before the newest order (28)")
    backtest.add_argument("--threshold", type=float, help="another threshold to compare with the model's own")
    backtest.add_argument("--histories", type=Path, help="the folder that holds outcomes, where --outcomes names none")
    backtest.add_argument("--out", type=Path, default=Path("reports/backtest.html"), help="where the page goes")

    backfill = _command(
        steps,
        "backfill",
        "backfill.command",
        "features or scores of past orders, of any number, and what the store would hold after them",
    )
    backfill.add_argument(
        "--in", type=Path, default=order_folder(), dest="data", help="a folder of order files, or one file"
    )
    backfill.add_argument("--out", default="", help="the folder that it goes to")
    backfill.add_argument("--runner", default=RUNNERS[0], help=f"what runs it: {', '.join(RUNNERS)}")
    backfill.add_argument("--model", default="", help="the version whose scores are wanted, or champion (features)")
    backfill.add_argument("--at", default="", help="leave out orders placed after this moment")
    backfill.add_argument("--config", type=Path, default=DEFAULT, help="another configuration than ml/config.toml")
    backfill.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="the most processor cores to use")

    promote = _command(steps, "promote", "commands", "make a version the champion")
    promote.add_argument("version", nargs="?", default="", help="the version")
    promote.add_argument("--force", action="store_true", help="although its gates failed; the history says so")

    current = _command(
        steps, "champion", "champion_command", "see that there is a champion: train one where there is none"
    )
    _data(current)
    current.set_defaults(version=None, no_promote=False)
    _key(current)

    histories = _command(
        steps,
        "histories",
        "histories_command",
        "past cases of a version, and what the store would hold: under this key",
    )
    _data(histories)
    histories.add_argument("version", nargs="?", help="the version whose past cases are wanted (the champion)")
    histories.add_argument("--histories", type=Path, required=True, help="the folder that they go to")

    _command(steps, "rollback", "commands", "go back to the champion before this one")

    card = _command(steps, "card", "commands", "print a version's model card")
    card.add_argument("version", nargs="?", help="the version (the champion)")

    _command(steps, "models", "commands", "list the versions with their lineage")

    trace = _command(steps, "trace", "commands", "find versions by tag, commit, data, code, or an order file")
    trace.add_argument(
        "clue",
        help="a version, a tag, a commit, a SHA-256 or at least 6 digits of its start, a file, or an order file's name",
    )

    files = _command(steps, "files", "commands", "show which order file is which: the name beside its pseudonym")
    files.add_argument("--data", type=Path, default=order_folder(), help="a folder of order files, or one file")
    return parser


def _command(
    steps: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    module: str,
    meaning: str,
) -> argparse.ArgumentParser:
    command = steps.add_parser(name, help=meaning, description=meaning)
    command.set_defaults(module=module, name=name)
    command.add_argument("--json", action="store_true", help="print JSON for machines")
    command.add_argument(
        "--models", type=Path, default=Path(os.environ.get("MODELS_DIR", "models")), help="the folder of versions"
    )
    return command


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, default=order_folder(), help="a folder of order files, or one file")
    command.add_argument("--config", type=Path, default=DEFAULT, help="another configuration than ml/config.toml")
    command.add_argument(
        "--quarantine", type=Path, default=Path("data/quarantine/bad-lines.ndjson"), help="where bad lines go"
    )
    command.add_argument("--outcomes", type=Path, help="a file of outcomes (the one in the folder of histories)")
    command.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="the most processor cores to use")


def _key(command: argparse.ArgumentParser) -> None:
    """Whose key it is: that of the stack, or of the run."""
    whose = command.add_mutually_exclusive_group()
    whose.add_argument(
        "--histories", type=Path, help="the folder for what the key's owner gets: past cases, seed (nothing is made)"
    )
    whose.add_argument(
        "--run-key", action="store_true", help="the key was made for this run alone: make nothing that depends on it"
    )


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
