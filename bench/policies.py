"""What a resource costs in the pack's own process: dispatched by type and decoded once, against the SDK's servicer."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import proto
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies.analyzer import Analyzer
from policies.catalogue import PACK_NAME, RULES, rules_for
from policies.sdk import policy

REPORT = Path(__file__).resolve().parent.parent / "reports" / "bench" / "policies.json"
OURS, SDKS = 1_000, 20
"""Repetitions of each; the SDK's servicer is slow enough for fewer."""

_ENVIRONMENT = [
    {"name": f"SETTING_{number}", "value": f"gs://p-prod-models/2026-01-{number:02}"} for number in range(12)
]
_RESOURCES: Mapping[str, Mapping[str, Any]] = {
    "gcp:cloudrunv2/service:Service": {
        "location": "europe-west1",
        "labels": {"application": "shop", "environment": "prod", "team": "orders"},
        "template": {"containers": [{"image": "europe-west1-docker.pkg.dev/p/i/s", "envs": _ENVIRONMENT}]},
    },
    "gcp:storage/bucket:Bucket": {
        "location": "EU",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
        "labels": {"application": "shop", "environment": "prod", "team": "orders"},
    },
    "gcp:projects/iAMMember:IAMMember": {
        "role": "roles/run.invoker",
        "member": "serviceAccount:s@p.iam.gserviceaccount.com",
    },
    "aws:s3/bucket:Bucket": {"acl": "private"},
}


def main() -> None:
    """Measures, prints a table and writes the report."""
    policies = [policy(rule) for rule in RULES]
    ours, sdks = (
        kind(PACK_NAME, "1", policies, EnforcementLevel.ADVISORY) for kind in (Analyzer, _PolicyAnalyzerServicer)
    )
    figures: dict[str, dict[str, float]] = {}
    print(f"    {'one resource of type':36} {'rules':>5} {'ours, ms':>9} {'SDK, ms':>9}")
    for token, properties in _RESOURCES.items():
        request = proto.AnalyzeRequest(
            type=token,
            urn=f"urn:pulumi:prod::p::{token}::r",
            name="r",
            properties=json_format.ParseDict(dict(properties), struct_pb2.Struct()),
        )
        row = {
            "rules": float(len(rules_for(token))),
            "ours_ms": _milliseconds(ours.Analyze, request, OURS),
            "sdk_ms": _milliseconds(sdks.Analyze, request, SDKS),
        }
        figures[token] = row
        print(f"    {token:36} {row['rules']:5.0f} {row['ours_ms']:9.3f} {row['sdk_ms']:9.3f}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=2) + "\n")


def _milliseconds(analyze: Callable[[Any, None], Any], request: Any, times: int) -> float:
    analyze(request, None)
    begun = time.process_time()
    for _ in range(times):
        analyze(request, None)
    return (time.process_time() - begun) / times * 1e3
