"""`python -m delivery STEP`: what the workflows' steps run, and what a person can run just as well.

Exit codes, as everywhere (docs/technical/commands.md): 0 done, 1 the step failed or found something wrong, 2 an input
is missing or names nothing, 3 refused, 4 the machine lacks something.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from delivery.commands import REPOSITORY
from delivery.errors import DeliveryError, UsageError
from delivery.steps import deployments, images, models, orders, reports
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.provider.resource import Refused
from orderguard.model_version import ModelVersionError

STEPS: dict[str, Callable[[], None]] = {
    "audit": reports.audit_requirements,
    "backfill": orders.launch_backfill,
    "bootstrap": deployments.lead_through,
    "build-images": images.build_images,
    "check-tag": reports.check_tag,
    "check-workflows": reports.check_workflows,
    "deploy": deployments.deploy_stack,
    "doctor": deployments.examine_needs,
    "drift-issue": deployments.drift_issue,
    "export-outcomes": orders.export_outcomes,
    "fetch-champion": models.fetch_champion,
    "fetch-model": models.fetch_model,
    "fetch-records": reports.fetch_records,
    "forget": orders.forget_customer,
    "gate-issue": reports.gate_issue,
    "go-back": deployments.go_back_to,
    "keep-promotions": deployments.keep_promotions,
    "import-outcomes": orders.import_outcomes,
    "model-summary": models.model_summary,
    "preview": reports.show_preview,
    "preview-comment": reports.preview_comment,
    "preview-report": reports.preview_report,
    "probe-orders": models.record_probes,
    "promotion": deployments.promote_champion,
    "promote-image": images.promote_image,
    "publish-model": models.publish_model,
    "push-images": images.push_images,
    "record-model": models.record_model,
    "release": reports.release_notes,
    "released-commit": deployments.released_commit,
    "scan-image": images.scan_image,
    "secret-scan": reports.scan_secrets,
    "secrets": deployments.see_to_secrets,
    "seed-histories": orders.seed_histories,
    "sign-image": images.sign_image,
    "state-copy": deployments.leave_state_copy,
    "test-summary": reports.test_summary,
    "trace": reports.show_trace,
    "verify-image": images.verify_image,
}


def main(words: list[str]) -> int:
    """Run one step; what goes wrong is told in a sentence, not in a traceback."""
    steps = "\n".join(f"  {name:16} {' '.join(str(step.__doc__).split())}" for name, step in STEPS.items())
    parser = argparse.ArgumentParser(
        prog="python -m delivery",
        description="Steps from a commit to production. Their inputs are environment variables; where\n"
        f"PULUMI_BACKEND_URL names a backend, they work on Google Cloud, else on the local cloud.\n\n{steps}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=STEPS, metavar="STEP")
    chosen = parser.parse_args(words).step
    Path(REPOSITORY / "reports").mkdir(exist_ok=True)
    try:
        STEPS[chosen]()
    except (DeliveryError, LocalCloudError, ModelVersionError, Refused) as problem:
        print(f"{chosen}: {problem}", file=sys.stderr)
        return _code(problem)
    return EXIT_OK


def _code(problem: Exception) -> int:
    if isinstance(problem, LocalCloudError):
        return problem.exit_code
    if isinstance(problem, Refused):
        return EXIT_REFUSED
    return EXIT_USAGE if isinstance(problem, (UsageError, ModelVersionError)) else EXIT_UNEXPECTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
