"""What the store of histories begins with: past cases and a seed from raw orders, under the stack's own key.

On Google Cloud two jobs of the stack do it, since nobody else may read raw orders, or reach the store: one makes the
seed, the other loads it. On this machine the first half is done here, from the folder of orders, under the key that the
local Secret Manager holds; HISTORY_URL names another store, which is then seeded under the key of MASKING_KEY_FILE.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from delivery.commands import REPOSITORY, follow
from delivery.errors import DeliveryError
from delivery.models import models_folder
from delivery.stack import Stack, on_google_cloud
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.services import secretmanager
from orderguard.order_folders import order_folder
from orderguard.model_version import champion

SWITCH = "SEED_HISTORIES"
OFF = f"{SWITCH}=off goes on without: customers then seem new until they come back."


def seed(stack: Stack) -> str:
    """Seed the store of histories of a stack; what to say of it.

    Raises `DeliveryError` where something is wrong: a seed of another key, a store that is away.
    """
    if stack.environment.get(SWITCH) == "off":
        return f"{stack.name} was not seeded: {SWITCH} is off"
    if stack.environment.get("HISTORY_URL"):
        return _named_store(stack.environment)
    outputs = stack.outputs()
    if not outputs.get("histories_job"):
        return f"{stack.name} has no histories to seed: it was never deployed, or by a release of before"
    try:
        if on_google_cloud(stack.environment):
            _on_google_cloud(stack, outputs)
        else:
            _on_this_machine(stack, outputs)
    except DeliveryError as problem:
        raise DeliveryError(f"The histories of {stack.name} were not seeded. {problem}\n{OFF}") from None
    loaded = "loaded into the store" if outputs.get("seeding_job") else "there is no shared store to load it into"
    return f"histories of {stack.name} for model {outputs.get('model_version')}: made, and {loaded}"


def _on_google_cloud(stack: Stack, outputs: Mapping[str, Any]) -> None:
    place = ["--region", stack.setting("region", "gcp"), "--project", stack.setting("project", "gcp")]
    for job in (outputs["histories_job"], outputs.get("seeding_job")):
        if job:
            print(f"==> job {job}", flush=True)
            follow(["gcloud", "run", "jobs", "execute", str(job), *place, "--wait"], environment=stack.environment)


def _on_this_machine(stack: Stack, outputs: Mapping[str, Any]) -> None:
    home = home_from(stack.environment)
    cloud = Cloud(home, stack.name)
    key = secretmanager.value(cloud, str(outputs["masking_key_secret"]), "latest")
    version, folder = str(outputs["model_version"]), cloud.bucket(str(outputs["histories_bucket"]))
    own = {**stack.environment, "MASKING_KEY": key, "LOCAL_CLOUD_HOME": str(home.root)}
    models, data = models_folder(own), own.get("DATA", "")
    own_models = cloud.bucket(str(outputs.get("models_bucket", "")))
    if not (models / version).exists() and (own_models / version).exists():
        # Made by the stack's own job, of what lies in its raw bucket.
        models, data = own_models, str(cloud.bucket(str(outputs["raw_bucket"])))
    _make(version, folder, own, models, data)
    if job := outputs.get("seeding_job"):
        follow([sys.executable, "-m", "infra.local", "run-job", str(job), "--stack", stack.name], environment=own)


def _named_store(environment: Mapping[str, str]) -> str:
    version = champion(models_folder(environment))
    if version is None:
        raise DeliveryError("There is no champion to make histories for: run `make train` first.")
    folder = REPOSITORY / environment.get("HISTORIES_DIR", ".local/histories")
    _make(version, folder, environment, models_folder(environment), environment.get("DATA", ""))
    follow([sys.executable, "-m", "app.seeding"], environment={**environment, "HISTORIES_DIR": str(folder)})
    return "the store that HISTORY_URL names is seeded"


def _make(version: str, folder: Path, environment: Mapping[str, str], models: Path, data: str) -> None:
    """Make past cases and seed from the folder of orders: `data`, else the one of this machine."""
    orders = data or str(order_folder(REPOSITORY))
    places = ["--data", orders, "--models", str(models), "--histories", str(folder)]
    follow([sys.executable, "-m", "ml", "histories", *places, version], environment=environment)
