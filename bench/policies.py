"""What the policy pack costs: a resource in its own process, against the servicer of the policy SDK; its import; and
previews of up to 1,000 resources with the pack and without, against what the engine itself needs.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import proto
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from bench import policies_corpora, policies_previews, policies_sarif
from policies.analyzer import Analyzer
from policies.catalogue import RULES
from policies.pack import Pack
from policies.rule import PLATFORM
from policies.sdk import policy
from policies.version import PACK_NAME

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "reports" / "bench" / "policies.json"
OURS, SDKS = 1_000, 20
"""Repetitions of each; the SDK's servicer is slow enough for fewer."""
IMPORT_LIMIT_MS = 150

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


def main(folder: str | None = None) -> None:
    """Measure, print tables and write the report; with a folder of public values and programs what is found there,
    too.
    """
    figures: dict[str, Any] = {"resource": _resources(), "import_ms": _import_ms()}
    if folder is not None:
        figures["corpora"] = policies_corpora.measure(Path(folder))
    print(f"    import of all rules: {figures['import_ms']:.0f} ms of processor time (limit {IMPORT_LIMIT_MS})")
    figures["sarif"] = policies_sarif.measure(None if folder is None else Path(folder))
    figures["previews"] = policies_previews.measure()
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=2) + "\n")


def _resources() -> dict[str, dict[str, float]]:
    policies = [policy(rule) for rule in RULES]
    pack = Pack(RULES, PLATFORM, date.today())
    servicers: list[Callable[..., Any]] = [partial(Analyzer, pack, None), _PolicyAnalyzerServicer]
    ours, sdks = (kind(PACK_NAME, "1", policies, EnforcementLevel.ADVISORY) for kind in servicers)
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
            "rules": float(len(pack.rules_for(token))),
            "ours_ms": _milliseconds(ours.Analyze, request, OURS),
            "sdk_ms": _milliseconds(sdks.Analyze, request, SDKS),
        }
        figures[token] = row
        print(f"    {token:36} {row['rules']:5.0f} {row['ours_ms']:9.3f} {row['sdk_ms']:9.3f}")
    return figures


def _milliseconds(analyze: Callable[[Any, None], Any], request: Any, times: int) -> float:
    analyze(request, None)
    begun = time.process_time()
    for _ in range(times):
        analyze(request, None)
    return (time.process_time() - begun) / times * 1e3


def _import_ms() -> float:
    """Processor time of importing all rules, beyond that of an interpreter that does nothing; the least of five."""

    def least(code: str) -> float:
        command = [sys.executable, "-c", f"import time; {code}; print(time.process_time())"]
        return min(float(subprocess.check_output(command, cwd=ROOT)) for _ in range(5)) * 1e3

    return least("import policies.catalogue") - least("pass")


if __name__ == "__main__":
    main()
