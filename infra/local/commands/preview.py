"""`preview`: what `up` would change, with the policies."""

import sys
import tempfile
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.commands.engine_run import Transcript, banner, engine, policy_pack
from infra.local.commands.store import engine_settings
from infra.local.engine import environment
from infra.local.errors import EXIT_OK, EXIT_REFUSED
from infra.local.home import Home


def preview(home: Home, stack: str, *, verbose: bool) -> int:
    """Changes nothing: a stack that does not exist yet is previewed in a folder that is removed again."""
    banner(home, stack)
    if not any((home.state / ".pulumi" / "stacks").glob(f"*/{stack}.json")):
        with tempfile.TemporaryDirectory(prefix="orderguard-preview-") as folder:
            return _preview(Home(Path(folder)), stack, verbose)
    return _preview(home, stack, verbose)


def _preview(home: Home, stack: str, verbose: bool) -> int:
    whole = environment(home, stack=stack)
    transcript = Transcript(everything=True)
    if engine(["preview", *policy_pack(), *engine_settings(Cloud(home, stack))], home, stack, whole, transcript):
        print("error: the preview was refused; nothing was changed", file=sys.stderr)
        return EXIT_REFUSED
    return EXIT_OK
