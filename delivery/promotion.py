"""From the training job's champion to what is served, without a new image: by canary, behind the job's gates."""

from delivery.deploy import deploy, go_back
from delivery.deployment import Deployment
from delivery.errors import DeliveryError, UsageError
from delivery.job_models import NoChampion, UnsignedChampion, champion, served
from delivery.models import Record, write
from delivery.stack import Stack
from delivery.traffic import live_service, serving, standing


def of_job(stack: Stack) -> Record | None:
    """The champion of the stack's own job, recorded for the steps that follow; None, and said, where there is none. One
    that a job from before named without a signature changes nothing: what serves goes on."""
    found: Record | None
    try:
        found = champion(stack)
    except UnsignedChampion as problem:
        print(f"note: {problem}")
        found = served(stack)
    except NoChampion as problem:
        print(f"note: {problem}")
        return None
    if found:
        write(found)
    return found


def deploy_champion(stack: Stack) -> Deployment:
    """Deploy the job's champion with the images that the stack has. Raises `DeliveryError` where nothing serves yet."""
    found = champion(stack)
    running = serving(live_service(stack))
    if running is None:
        raise DeliveryError(f"{stack.name} serves nothing yet: its first deployment brings the images.")
    trainer = str(stack.outputs().get("trainer_image", ""))
    write(found)
    return deploy(stack, found, _digest(running.image), _digest(trainer))


def by_itself(stack: Stack) -> str:
    """Deploy the champion where it is new; what to say of it. A version that a revision had before and that does not
    serve was refused by its canary, or somebody went back from it: a person has to want it again."""
    try:
        found = champion(stack)
    except NoChampion as problem:
        return f"nothing to promote: {problem}"
    service = live_service(stack)
    running = serving(service)
    if running and running.model_version == found.version:
        return f"{stack.name} serves the champion of its training job already: {found.version}"
    if any(one.model_version == found.version for one in service.revisions()):
        return (
            f"{found.version} was deployed to {stack.name} before and does not serve: it is not tried again by itself. "
            f"`make deploy MODEL=job STACK={stack.name}` does."
        )
    done = deploy_champion(stack)
    return f"{stack.name} serves model {done.model_version} at {done.url}"


def back(stack: Stack, name: str) -> str:
    """Give all traffic to the revision `name`, else to the one before the one that serves; what to say of it. Raises
    `DeliveryError` where there is none."""
    service = live_service(stack)
    revisions = service.revisions()
    found = standing(service.shares())
    names = [one.name for one in revisions]
    if found is None or (name and name not in names):
        there = ", ".join(names) or "none: is it up?"
        raise UsageError(f"{stack.name} has no revision {name or 'that serves'}; there are: {there}")
    before = names[names.index(found.stable) + 1 :][:1] if found.stable in names else []
    wanted = name or next(iter(before), "")
    chosen = next((one for one in revisions if one.name == wanted), None)
    if chosen is None:
        raise DeliveryError(f"{stack.name} has no revision before {found.stable}: there is nothing to go back to.")
    go_back(stack, service, chosen)
    return f"{stack.name} serves {chosen.name} again, with model {chosen.model_version}; {found.stable} has no traffic"


def _digest(image: str) -> str:
    """What stands after the @. Raises `DeliveryError` for an image without."""
    _, mark, digest = image.partition("@")
    if not mark:
        raise DeliveryError(f"the image {image or '(none)'} has no digest: deploy with IMAGE_DIGEST once.")
    return digest
