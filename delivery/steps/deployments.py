"""Steps that change what a stack serves, or say what it does."""

import os
import sys

from delivery import drift, github, job_models, keys, models, promotion, release, state_copy
from delivery.deploy import deploy
from delivery.deployment import report
from delivery.doctor import leading
from delivery.doctor.need import Machine, examine
from delivery.doctor.needs import needs_of
from delivery.errors import DeliveryError
from delivery.stack import on_google_cloud
from delivery.steps.inputs import stack
from delivery.traffic import live_service, serving


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
