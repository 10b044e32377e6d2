"""`python -m delivery STEP`: what the workflows' steps run, and what a person can run just as well.

Exit codes, as everywhere (docs/technical/commands.md): 0 done, 1 the step failed or found something wrong, 2 an input
is missing or names nothing, 3 refused, 4 the machine lacks something.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from delivery import (
    audit,
    drift,
    github,
    images,
    inspection,
    job_models,
    keys,
    models,
    probes,
    promotion,
    recording,
    records,
    release,
    state_copy,
    summary,
    trace,
    workflow_rules,
)
from delivery.backfill import backfill
from delivery.commands import REPOSITORY, commit, run
from delivery.deploy import BACKFILL_DIGEST, deploy
from delivery.deployment import report
from delivery.doctor import leading
from delivery.doctor.need import Machine, examine
from delivery.doctor.needs import needs_of
from delivery.errors import DeliveryError, UsageError
from delivery.forgetting import forget
from delivery.outcomes import bring, export
from delivery.previews import comment
from delivery.previews.markdown import markdown
from delivery.previews.preview import Preview, as_json
from delivery.previews.running import preview
from delivery.previews.text import text
from delivery.seeding import seed
from delivery.stack import Stack, on_google_cloud
from delivery.traffic import live_service, serving
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.pulumi import require_stack
from infra.local.provider.resource import Refused
from orderguard.example_orders import FOLDER, OWN
from orderguard.model_version import ModelVersionError


def required(name: str, why: str) -> str:
    """An environment variable that a step can't do without."""
    value = os.environ.get(name)
    if not value:
        raise UsageError(f"{name} is not set. It names {why}.")
    return value


def stack() -> Stack:
    name = required("STACK", "the stack: local, staging or prod")
    require_stack(name)
    return Stack(name)


def build_images() -> None:
    """Build the images here."""
    for name, reference in images.build(commit()).items():
        archive = REPOSITORY / "reports" / "images" / f"{name}.tar"
        images.export(reference, archive)
        print(inspection.table(reference, inspection.inspect(archive)))
    print("Next: make scan-image")


def push_images() -> None:
    """Build and push the images; hand their digests to later steps. Inputs: REGISTRY."""
    digests = images.push(required("REGISTRY", "the repository in Artifact Registry"), commit())
    told = {"digest": digests[images.SCORER], "train-digest": digests[images.TRAINER]}
    github.output(told | ({"backfill-digest": digests[images.BACKFILL]} if images.BACKFILL in digests else {}))


def pushed_images() -> dict[str, str]:
    """The images that the pipeline has pushed, name → digest."""
    scorer = required("IMAGE_DIGEST", "the service's image")
    found = {images.SCORER: scorer, images.TRAINER: required("TRAIN_IMAGE_DIGEST", "the training job's image")}
    backfill = os.environ.get(BACKFILL_DIGEST)
    return found | ({images.BACKFILL: backfill} if backfill else {})


def promote_image() -> None:
    """Bring the pushed images into the registry of the stack that is to be deployed. Inputs: SOURCE_REGISTRY, REGISTRY,
    IMAGE_DIGEST, TRAIN_IMAGE_DIGEST, BACKFILL_IMAGE_DIGEST (where there is one)."""
    source = required("SOURCE_REGISTRY", "where they were pushed")
    target, digests = required("REGISTRY", "this stack's registry"), pushed_images()
    images.promote(source, target, digests)
    print(f"{target} holds {', '.join(f'{name}@{digest}' for name, digest in digests.items())}")


def verify_image() -> None:
    """Check where the images that are to be deployed come from. Inputs: REGISTRY, IMAGE_DIGEST, TRAIN_IMAGE_DIGEST."""
    registry = required("REGISTRY", "this stack's registry")
    print(images.verify(registry, pushed_images()))


def sign_image() -> None:
    """Sign the images that are to be deployed for the stack's attestor, where it names one. Inputs: STACK, REGISTRY,
    IMAGE_DIGEST, TRAIN_IMAGE_DIGEST."""
    print(images.sign(stack(), required("REGISTRY", "this stack's registry"), pushed_images()))


def record_model() -> None:
    """Record the champion and its manifest's hash."""
    made = models.record()
    github.output({"version": made.version, "manifest-sha256": made.manifest_sha256})


def fetch_model() -> None:
    """Fetch this commit's model version and check it against its record. Inputs, where it has to be one and no other:
    MODEL_COMMIT, MODEL_MANIFEST_SHA256. MODEL=job takes the champion of the training job of STACK; where that has named
    none yet, this commit's."""
    if job_models.by_job(os.environ) and (made := promotion.of_job(stack())):
        return github.output({"version": made.version, "source": made.source})
    found = models.fetch()
    told = {"version": found.version, "commit": found.commit, "manifest-sha256": found.manifest_sha256}
    return github.output({**told, "source": found.source})


def fetch_champion() -> None:
    """Fetch the version that was trained before this commit, for the next training to be compared with."""
    found = models.fetch_champion()
    print(
        f"the champion is {found.version}"
        if found
        else "nothing was fetched: the champion stays as it is, or there is none"
    )


def publish_model() -> None:
    """Copy a model version into the model bucket. Inputs: MODELS_BUCKET, VERSION."""
    place = models.publish(required("MODELS_BUCKET", "the model bucket"), required("VERSION", "the model version"))
    print(f"published to {place}")


def deploy_stack() -> None:
    """Deploy the fetched model version and the pushed image; go back where the service is not well. Inputs: STACK;
    IMAGE_DIGEST and TRAIN_IMAGE_DIGEST, without which the program builds the images itself. MODEL=job deploys the
    champion of the stack's own training job, and without IMAGE_DIGEST with the image that serves; CANARY_MINUTES is how
    long each step waits for callers."""
    digests = os.environ.get("IMAGE_DIGEST"), os.environ.get("TRAIN_IMAGE_DIGEST")
    if not job_models.by_job(os.environ):
        done = deploy(stack(), models.read(), *digests)
    elif all(digests):
        done = deploy(stack(), promotion.of_job(stack()) or models.read(), *digests)
    else:
        done = promotion.deploy_champion(stack())
    print(f"{done.stack} serves model {done.model_version} from image {done.image} at {done.url}")


def promote_champion() -> None:
    """Deploy the champion of the stack's own training job, where it is new: by canary, with the image that serves. What
    was deployed before and went back is not tried again by itself. Inputs: STACK."""
    try:
        print(promotion.by_itself(stack()))
    finally:
        if report(stack().name).exists():
            github.output({"recorded": "true"})


def keep_promotions() -> None:
    """Attach the records of promotions to the releases that their stacks run."""
    print(release.keep_promotions())


def released_commit() -> None:
    """The commit whose program a stack runs, for a promotion to run with no other. Inputs: STACK."""
    found = serving(live_service(stack()))
    github.output({"commit": stack().released_commit(found.image if found else "")})


def go_back_to() -> None:
    """Give all traffic of a stack to a revision that served before, without a build: REVISION, else the one before.
    Inputs: STACK."""
    print(promotion.back(stack(), os.environ.get("REVISION", "")))


def record_probes() -> None:
    """Record example orders for canaries, masked under a key that is thrown away. Inputs: ORDERS, a file with one order
    a line; PROBE_ORDERS, the file to write."""
    source = Path(required("ORDERS", "a file of orders, one JSON object a line"))
    target = Path(os.environ.get(probes.VARIABLE) or REPOSITORY / FOLDER / OWN)
    print(f"{recording.record(source, target)} example orders, masked: {target}")
    print("Next: commit the file, and train: a version records what it says of these orders, for its canary.")


def leave_state_copy() -> None:
    """Leave a copy of the stack's state without its secrets, which previews compare with. Inputs: STACK."""
    if not on_google_cloud(os.environ):
        print("the local cloud's state is this machine's: previews read it as it is")
        return
    print(f"previews compare with {state_copy.leave(stack())}")


def see_to_secrets() -> None:
    """See to it that each secret of the stack has a version and that none stands in the state. Inputs: STACK; SECRET,
    one whose value standard input holds; ROTATE, one that gets another key: masking-key, api-key or probe-key."""
    print("\n".join(keys.see_to_secrets(stack())))
    print(f"Next: `make deploy STACK={stack().name}` (`make up` on this machine), which refers to the newest versions")


def launch_backfill() -> None:
    """Launch a backfill on the stack's template of Dataflow. Inputs: STACK, IN, OUT, MODEL, AT."""
    print(backfill(stack()))


def seed_histories() -> None:
    """Make past cases and the seed of histories under the stack's own key; load it. Inputs: STACK; or HISTORY_URL, a
    store of your own; DATA, the folder of orders on this machine; SEED_HISTORIES=off leaves it out."""
    print(seed(stack()))


def forget_customer() -> None:
    """Have a stack's service, store and bucket of histories forget a customer. Inputs: CUSTOMER, STACK; API_KEY, where
    the local Secret Manager has none; DATA, the folder of orders."""
    print("\n".join(forget(stack())))


def export_outcomes() -> None:
    """Write a stack's outcomes into its bucket of histories and this machine's folder of histories. Inputs: STACK;
    API_KEY, where the local Secret Manager has none; HISTORIES, that folder."""
    print(export(stack()))


def import_outcomes() -> None:
    """Hand a file of outcomes to a stack's desk. Inputs: FILE, STACK; SOURCE, who says so; MEANS, the outcome of a file
    without such a column; ORDER, OUTCOME, TIME, its columns; API_KEY, where the local Secret Manager has none."""
    print(bring(stack()))


def show_preview() -> None:
    """Show what `up` would change in a stack, with the policies; a violation or a refusal is exit code 1. Inputs:
    STACK; BASE, the branch or commit that a change is compared with; JSON=1 prints JSON for machines."""
    for_machines = bool(os.environ.get("JSON"))
    if not for_machines:
        print(f"==> preview of {stack().name}; nothing is changed", file=sys.stderr)
    found = preview(stack())
    print(as_json(found) if for_machines else text(found), end="")
    _refused(found)


def preview_report() -> None:
    """Preview a stack and write its section of the comment; a violation or a refusal is exit code 1. Inputs: STACK;
    BASE, the commit that a change is compared with, without credentials."""
    found = preview(stack())
    github.summary(markdown(found), log=text(found))
    print(f"written to {comment.write(found).relative_to(REPOSITORY)}")
    _refused(found)


def _refused(found: Preview) -> None:
    if found.failure:
        raise DeliveryError(f"The preview of {found.stack} was refused; nothing was changed. The reasons are above.")


def preview_comment() -> None:
    """Write the pull request's comment, or update it. Inputs: PULL_REQUEST."""
    print(f"comment {comment.comment(required('PULL_REQUEST', 'the number of the pull request'))}")


def examine_needs() -> None:
    """Say what a deployment of a stack needs and what of it is missing, on this machine, in the project, on GitHub;
    exit code 1 where something is. Inputs: STACK."""
    needs, machine = needs_of(stack()), Machine(os.environ)
    found = examine(needs, machine)
    print(leading.report(needs, found))
    if missing := leading.stopping(needs, found):
        raise DeliveryError(
            f"{missing[0].name} is missing first. `make bootstrap STACK={stack().name}` leads through it."
        )


def lead_through() -> None:
    """Bring what a first deployment needs, one after the other; each command is shown, and run where you agree. Begins
    where it was interrupted. Inputs: STACK; YES=1 agrees to all."""
    always = bool(os.environ.get("YES"))
    if not always and not sys.stdin.isatty():
        raise DeliveryError("Nobody is here to agree to a command: run it in a terminal, or with YES=1.")
    needs = needs_of(stack())
    agree = (lambda _: True) if always else (lambda question: input(f"    {question} [y/N] ").strip().lower() == "y")
    if left := leading.lead(needs, Machine(os.environ), agree):
        raise DeliveryError(f"{left.name} is missing. Provide it and run this again: it continues from there.")
    print("Nothing is missing. Next: push a tag v* (docs/technical/first-deployment.md).")


def drift_issue() -> None:
    """Look for drift between a stack's state, its program and the cloud, and open an issue where there is some. Inputs:
    STACK."""
    print(drift.report(stack()))


def model_summary() -> None:
    """Put the newest model version's card on the run's page."""
    rival = models.read(models.RIVAL).version if models.RIVAL.exists() else None
    github.summary(summary.model(models.models_folder(), rival))


def test_summary() -> None:
    """Put the test reports on the run's page."""
    github.summary(summary.tests(REPOSITORY / "reports"))


def gate_issue() -> None:
    """Open an issue with the report of a training run that a gate stopped, or that failed before."""
    report, body = (REPOSITORY / "reports" / name for name in ("model-summary.md", "issue.md"))
    told = report.read_text(encoding="utf-8") if report.exists() else "Training ended before its gates."
    body.write_text(f"{told}\n\nThe run: {github.run_page()}\n", encoding="utf-8")
    title = f"Training {'stopped by a gate' if report.exists() else 'failed'} at {commit()[:12]}"
    print(run(["gh", "issue", "create", "--title", title, "--body-file", str(body)]).strip())


def release_notes() -> None:
    """Write the release notes of the tag at HEAD and, in GitHub Actions, publish them."""
    print(release.release(publish=bool(os.environ.get("GITHUB_ACTIONS"))))


def check_tag() -> None:
    """Check that HEAD carries a version tag, is on main, was tried on the stacks of the tag before and, in GitHub
    Actions, that CI has passed there."""
    print(f"{release.check_tag()} is on main")
    release.check_way_up()
    if os.environ.get("GITHUB_ACTIONS"):
        release.check_ci()


def fetch_records() -> None:
    """Fetch what the releases keep for the trace."""
    print(f"records of {', '.join(records.fetch())}")


def show_trace() -> None:
    """Show where something comes from and where it went. Inputs: VERSION, TAG or IMAGE."""
    print(trace.trace({name: os.environ.get(name, "") for name in ("VERSION", "TAG", "IMAGE", "FILE")}))


def audit_requirements() -> None:
    """Look up the locked packages among known vulnerabilities."""
    audit.requirements(["run", "vertex", "dev"])


def scan_image() -> None:
    """Look up what the built image holds among known vulnerabilities."""
    audit.image(REPOSITORY / "reports" / "images" / f"{images.SCORER}.tar")


def scan_secrets() -> None:
    """Look for credentials in every file that git tracks."""
    audit.secrets()


def check_workflows() -> None:
    """Hold the workflow files against Checkov's rules. Inputs: CHECKOV."""
    passed = workflow_rules.check(Path(required("CHECKOV", "the program checkov")).absolute())
    for name, count in sorted(passed.items()):
        print(f"{name}: {count} rules passed")


STEPS: dict[str, Callable[[], None]] = {
    "audit": audit_requirements,
    "backfill": launch_backfill,
    "bootstrap": lead_through,
    "build-images": build_images,
    "check-tag": check_tag,
    "check-workflows": check_workflows,
    "deploy": deploy_stack,
    "doctor": examine_needs,
    "drift-issue": drift_issue,
    "export-outcomes": export_outcomes,
    "fetch-champion": fetch_champion,
    "fetch-model": fetch_model,
    "fetch-records": fetch_records,
    "forget": forget_customer,
    "gate-issue": gate_issue,
    "go-back": go_back_to,
    "keep-promotions": keep_promotions,
    "import-outcomes": import_outcomes,
    "model-summary": model_summary,
    "preview": show_preview,
    "preview-comment": preview_comment,
    "preview-report": preview_report,
    "probe-orders": record_probes,
    "promotion": promote_champion,
    "promote-image": promote_image,
    "publish-model": publish_model,
    "push-images": push_images,
    "record-model": record_model,
    "release": release_notes,
    "released-commit": released_commit,
    "scan-image": scan_image,
    "secret-scan": scan_secrets,
    "secrets": see_to_secrets,
    "seed-histories": seed_histories,
    "sign-image": sign_image,
    "state-copy": leave_state_copy,
    "test-summary": test_summary,
    "trace": show_trace,
    "verify-image": verify_image,
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
