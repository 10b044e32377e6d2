"""What the engine starts: serves the rules of a run until the engine ends it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pulumi_policy.policy as sdk

from policies.analyzer import Analyzer
from policies.options import pack_of, parsed
from policies.rule import GENERIC
from policies.sdk import policy
from policies.version import PACK_NAME
from policies.writing import clear


def serve(arguments: Sequence[str], profile: str = GENERIC) -> None:
    """Serve the rules that these options ask for. Never returns; options that can't be used end the process with a
    message.
    """
    options = parsed(arguments, profile)
    try:
        pack = pack_of(options)
    except (ValueError, OSError) as problem:
        sys.exit(f"{PACK_NAME}: {problem}")
    reports = Path(options.report) if options.report else None
    if reports is not None:
        clear(reports)
    # The one class that PolicyPack serves with.
    setattr(sdk, "_PolicyAnalyzerServicer", partial(Analyzer, pack, reports))
    sdk.PolicyPack(name=PACK_NAME, policies=[policy(rule) for rule in pack.rules])
