"""What the engine starts: serves all rules of the pack until the engine ends it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pulumi_policy.policy as sdk  # noqa: E402

from policies.analyzer import Analyzer  # noqa: E402
from policies.catalogue import PACK_NAME, RULES  # noqa: E402
from policies.sdk import policy  # noqa: E402

setattr(sdk, "_PolicyAnalyzerServicer", Analyzer)  # The one class that PolicyPack serves with.
sdk.PolicyPack(name=PACK_NAME, policies=[policy(rule) for rule in RULES])
