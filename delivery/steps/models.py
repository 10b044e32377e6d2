"""Steps on model versions: recorded, fetched, published."""

import os
from pathlib import Path

from delivery import github, job_models, models, probes, promotion, recording, summary
from delivery.commands import REPOSITORY
from delivery.steps.inputs import required, stack
from orderguard.example_orders import FOLDER, OWN


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


def record_probes() -> None:
    """Record example orders for canaries, masked under a key that is thrown away. Inputs: ORDERS, a file with one order
    a line; PROBE_ORDERS, the file to write."""
    source = Path(required("ORDERS", "a file of orders, one JSON object a line"))
    target = Path(os.environ.get(probes.VARIABLE) or REPOSITORY / FOLDER / OWN)
    print(f"{recording.record(source, target)} example orders, masked: {target}")
    print("Next: commit the file, and train: a version records what it says of these orders, for its canary.")


def model_summary() -> None:
    """Put the newest model version's card on the run's page."""
    rival = models.read(models.RIVAL).version if models.RIVAL.exists() else None
    github.summary(summary.model(models.models_folder(), rival))
