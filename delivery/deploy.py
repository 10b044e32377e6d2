"""A deployment: a canary beside the proven revision, step by step, and back where it is not well.

It begins with what is live, not with what the last run wanted: a canary that was left open is closed first, and the
proven revision is read from the split. Where that one serves well, the new revision comes up without traffic; past
cases are made for its model and its store of histories is seeded; then it gets its share in steps, and is looked at
after each. Where nothing serves well there is nothing to lose, and a canary beside a broken revision would fail for its
neighbour's faults. Going back moves the traffic, without a build and without a new setting, and then has the state say
so. So each step may be cut off: the next deployment goes on from the traffic that it finds.
"""

import time
from collections.abc import Mapping
from typing import Any

from delivery.asking import address_of, ask, headers_for
from delivery.callers import callers_of
from delivery.canary import Canary, scored_by_stable
from delivery.commands import commit, tag
from delivery.deployment import JOB, Deployment, write
from delivery.errors import DeliveryError
from delivery.job_models import expected_scores
from delivery.models import Record
from delivery.probes import Answer
from delivery.seeding import seed
from delivery.stack import Stack
from delivery.traffic import LiveService, Revision, Standing, live_service, name_of, revision_of, serving, standing

CHECKS = 50
READY_WITHIN_SECONDS = 120.0
WELL_WITHIN_SECONDS = 20.0
"""For a service that runs already: an instance that has to start takes a few."""
ORDER = {
    "order_id": "check",
    "created_at": "2026-01-05T12:00:00Z",
    "customer": {"id": "check"},
    "currency": "EUR",
    "items": [{"sku": "check", "quantity": 1, "unit_price": 10.0}],
}
"""The smallest order that the schema lets through."""
BACKFILL_DIGEST = "BACKFILL_IMAGE_DIGEST"
READY = "/ready"
"""Not /readyz: Cloud Run keeps some paths that end in z from callers outside."""
UNREACHED = "(if a load balancer is in front of it: does the domain point there, and has its certificate been issued?)"


def deploy(stack: Stack, model: Record, image_digest: str | None, trainer_digest: str | None) -> Deployment:
    """Deploy `model` with the pushed images (None: the program builds them itself). Raises `DeliveryError` after going
    back."""
    for name in stack.let_go_of_versions():
        _step(f"{name} is no longer in the state of {stack.name}; it stays in Secret Manager")
    service = live_service(stack)
    left = settle(stack, service)
    stable = revision_of(service, left.stable) if left else None
    wanted = {"modelVersion": model.version}
    if model.source == JOB:
        own = {"modelSha256": model.model_sha256, "modelPromotedAt": model.promoted_at}
        wanted |= {"modelSource": "bucket", **{name: value for name, value in own.items() if value}}
    if image_digest and trainer_digest:
        wanted |= {"imageDigest": image_digest, "trainerImageDigest": trainer_digest, **_of_backfills(stack)}
    release, expected = tag() or commit()[:12], expected_scores(stack, model)
    canary: list[dict[str, Any]] = []
    try:
        known = _serves(stack, stable) if stable else Unwell()
        if left and stable and not isinstance(known, Unwell):
            _by_canary(stack, service, wanted, release, left, stable, known, expected, canary)
        else:
            _step(f"all traffic of {stack.name}")
            stack.up(wanted, release)
            _step(seed(stack))
        check(stack, model.version)
    except Overtaken:
        write(_record(stack, service, "overtaken", canary=canary))
        raise
    except DeliveryError as problem:
        raise _go_back(stack, service, stable, problem, canary) from None
    done = _record(stack, service, "deployed", model, canary)
    write(done)
    return done


def _of_backfills(stack: Stack) -> dict[str, str]:
    """The image of backfills, where the stack has them: the one that was pushed, else the one that it has."""
    if stack.setting("backfill") != "True":
        return {}
    has = str(stack.outputs().get("backfill_image", "")).partition("@")[2]
    digest = stack.environment.get(BACKFILL_DIGEST) or has
    return {"backfillImageDigest": digest} if digest else {}


def settle(stack: Stack, service: LiveService) -> Standing | None:
    """Close what a deployment before this one left open, and have the state say what is live. What serves now, with the
    canary that was open; None where nothing serves."""
    left = standing(service.shares())
    if left is None:
        return None
    if left.candidate == left.stable:
        _step(f"finished: {left.stable} had all traffic of {stack.name} when its deployment was cut off")
    elif left.percent:
        _step(
            f"undone: a deployment of {stack.name} was cut off while {left.candidate} had {left.percent} % of the "
            f"traffic; {left.stable} gets all of it"
        )
        service.send_all(left.stable)
    elif left.candidate:
        _step(f"undone: a deployment of {stack.name} was cut off before {left.candidate} had any traffic")
    stack.refresh_service()
    return left


def _by_canary(
    stack: Stack,
    service: LiveService,
    wanted: Mapping[str, str],
    release: str,
    left: Standing,
    stable: Revision,
    stable_answers: list[Answer] | None,
    expected: Mapping[str, float],
    findings: list[dict[str, Any]],
) -> None:
    """Bring the new revision up beside the stable one and give it traffic in steps; what was seen at each goes to
    `findings`."""
    beside = {"stableRevision": stable.name}
    _step(f"{stack.name}: the new revision, without traffic")
    stack.up({**wanted, **beside, "canaryPercent": "0"}, f"{release}: no traffic yet")
    candidate = service.revisions()[0]
    _step(seed(stack))
    ours = standing(service.shares())
    canary = Canary(stack, callers_of(stack, name_of(stack)), stable, candidate, stable_answers, expected)
    try:
        _step(f"example orders: {canary.score(0)}")
        for percent in stack.canary_steps():
            if candidate.name == left.candidate != stable.name and percent < left.percent:
                _step(f"resumed: {candidate.name} was already healthy at {percent} %")
                continue
            _still_ours(service, ours)
            _step(f"canary: {percent} % of the traffic of {stack.name}")
            stack.up({**wanted, **beside, "canaryPercent": str(percent)}, f"{release}: canary at {percent} %")
            ours = standing(service.shares())
            check(stack, candidate.model_version, stable.model_version)
            _step(f"example orders: {canary.score(percent)}")
            _step(f"callers: {canary.watch()}")
        _still_ours(service, ours)
    finally:
        findings.extend(canary.told())
    _step(f"all traffic of {stack.name}")
    stack.up(wanted, release)


class Overtaken(DeliveryError):
    """Somebody else has moved the traffic since: this deployment does nothing more."""


def _still_ours(service: LiveService, ours: Standing | None) -> None:
    """Raise `Overtaken` where the split is no longer the one that this deployment left."""
    found = standing(service.shares())
    if found != ours:
        raise Overtaken(f"The traffic was moved by somebody else in the meantime ({found}): nothing more is done here.")


class Unwell:
    """The serving revision is unhealthy: there is nothing to compare a canary with."""


def _serves(stack: Stack, stable: Revision) -> list[Answer] | None | Unwell:
    """What the stable revision says of the example orders, while it has all traffic (None where it takes none)."""
    try:
        check(stack, stable.model_version, within=WELL_WITHIN_SECONDS)
        return scored_by_stable(stack)
    except DeliveryError as problem:
        _step(f"{stack.name} is already unhealthy, so there is no canary: {problem}")
        return Unwell()


def _go_back(
    stack: Stack,
    service: LiveService,
    stable: Revision | None,
    problem: DeliveryError,
    canary: list[dict[str, Any]] | None = None,
) -> DeliveryError:
    """Give the proven revision all traffic again and record how that ended; returns what to tell."""
    if stable is None:
        write(_record(stack, service, "failed", canary=canary))
        return DeliveryError(f"The first deployment of {stack.name} failed; there is nothing to go back to.\n{problem}")
    _step(f"{stack.name} is unhealthy; all traffic goes back to {stable.name} with model {stable.model_version}")
    try:
        go_back(stack, service, stable)
        check(stack, stable.model_version)
    except DeliveryError as worse:
        write(_record(stack, service, "failed, and so did going back", canary=canary))
        return DeliveryError(
            f"{stack.name} needs a person. The deployment failed:\n{problem}\n"
            f"Going back to {stable.model_version} failed too:\n{worse}"
        )
    write(_record(stack, service, "went back", canary=canary))
    return DeliveryError(f"{stack.name} serves what it served before, because the deployment failed:\n{problem}")


def go_back(stack: Stack, service: LiveService, stable: Revision) -> None:
    """Give `stable` all traffic, and then have the state say so. Raises `DeliveryError` where the traffic stays."""
    if standing(service.shares()) != Standing(stable.name):
        service.send_all(stable.name)
    try:
        stack.refresh_service()
        _heal(stack, stable)
    except DeliveryError as problem:
        _step(f"the state still says otherwise, which the next deployment fixes: {problem}")


def _heal(stack: Stack, stable: Revision) -> None:
    """Have the stack's jobs and outputs be those of the revision that serves again; they are of the release that was
    refused. Its model is in the bucket already."""
    outputs = stack.outputs()
    if (outputs.get("model_version"), outputs.get("image")) == (stable.model_version, stable.image):
        return
    _step(f"jobs and outputs of {stack.name} follow {stable.name}")
    wanted = {"modelVersion": stable.model_version, "modelSource": "bucket", "modelSha256": stable.sha256}
    trainer = stack.trainer_of(stable.digest) or str(outputs.get("trainer_image", "")).partition("@")[2]
    if stable.digest and trainer:
        wanted |= {"imageDigest": stable.digest, "trainerImageDigest": trainer, **_of_backfills(stack)}
    stack.up_jobs({name: value for name, value in wanted.items() if value}, f"back: jobs of {stable.name}")


def _record(
    stack: Stack,
    service: LiveService,
    outcome: str,
    model: Record | None = None,
    canary: list[dict[str, Any]] | None = None,
) -> Deployment:
    """What serves now; `model` is known for what was just deployed."""
    found = serving(service)
    return Deployment(
        stack=stack.name,
        commit=commit(),
        tag=tag(),
        image=found.image if found else "",
        model_version=found.model_version if found else "",
        manifest_sha256=model.manifest_sha256 if model else "",
        url=address_of(stack, stack.outputs()),
        outcome=outcome,
        training_run=model.run if model else "",
        model_source=model.source if model else "",
        revision=found.name if found else "",
        run_commit=stack.environment.get("GITHUB_SHA", ""),
        canary=canary or [],
    )


def check(stack: Stack, *versions: str, within: float | None = None) -> None:
    """Ask the service until it is ready with one of `versions`, then `CHECKS` times in a row without a failure.

    Raises `DeliveryError` where it does not get ready in time (`within` seconds, else READY_WITHIN_SECONDS), or fails
    once.
    """
    outputs = stack.outputs()
    url = address_of(stack, outputs)
    headers = headers_for(stack, outputs, url)
    end = time.monotonic() + (READY_WITHIN_SECONDS if within is None else within)
    while True:
        status, body = ask(url, READY, headers)
        if status == 200 and body.get("model_version") in versions:
            break
        if time.monotonic() > end:
            raise DeliveryError(
                f"{url}{READY} did not answer with model version {' or '.join(versions)}: "
                f"{status or 'no connection'} {body.get('reason') or ''}{'' if status else UNREACHED}"
            )
        time.sleep(0.5)
    failures = [status for status, _ in (ask(url, READY, headers) for _ in range(CHECKS)) if status != 200]
    if "X-API-Key" in headers:
        failures += [
            status for status, _ in (ask(url, "/v1/score", headers, ORDER) for _ in range(CHECKS)) if status != 200
        ]
    if failures:
        raise DeliveryError(f"{url} failed {len(failures)} of its checks; the first with status {failures[0]}")


def _step(says: str) -> None:
    print(f"==> {says}", flush=True)
