"""The demonstration: `python -m delivery.demo`, which `make demo` runs.

A stack with the settings of staging comes up on a local cloud of its own. Order files land in its bucket, through
Google's own client; they start the stack's training job, whose champion is deployed by canary while callers send
orders. Then somebody mistypes the alert rate, and what comes of it goes back by itself. All of it is taken down again.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from delivery import promotion
from delivery.asking import address_of, headers_for
from delivery.commands import REPOSITORY, commit, run
from delivery.demo.arrival import trained, upload
from delivery.demo.shoppers import Shoppers, Told
from delivery.demo.telling import act, say, steps, table
from delivery.deploy import deploy
from delivery.errors import DeliveryError
from delivery.models import Record, manifest_hash
from delivery.stack import Stack
from delivery.traffic import live_service, serving
from infra.local.apis.variables import of_person
from infra.local.cloud import Cloud
from infra.local.errors import EXIT_OK, EXIT_UNEXPECTED, LocalCloudError
from infra.local.home import home_from
from infra.local.ports import free_port
from orderguard.model_version import champion
from orderguard.schema import OrderError, decode_order

STACK = "staging"
SAMPLE = REPOSITORY / "data" / "sample"
CANARY_MINUTES = "0.08"
"""Five seconds a step: enough for callers to decide from ten percent on."""
CONFIG = REPOSITORY / "ml" / "config.toml"
RIGHT, WRONG = "rate = 0.01 ", "rate = 0.1 "
GATHERS = "11m"
"""Longer than the training's workflow waits for files that come together."""
LOG_LINES = ("  passed ", "  failed ", "signed with ", "promoted: ")
"""How the lines of a training's log begin that are shown."""


def main() -> int:
    """Show it all; 1 where a part did not go as it should."""
    with tempfile.TemporaryDirectory(prefix="orderguard-demo-") as name:
        own = {"LOCAL_CLOUD_HOME": f"{name}/home", "STACK": STACK, "CANARY_MINUTES": CANARY_MINUTES}
        os.environ.update(own)
        stack = Stack(STACK)
        try:
            _show(stack, Path(name))
        except (DeliveryError, LocalCloudError) as problem:
            print(f"\nThe demonstration ended early: {problem}", file=sys.stderr)
            return EXIT_UNEXPECTED
        finally:
            act("All of it is taken down")
            run([sys.executable, "-m", "infra.local", "down", "--stack", STACK])
    print("\nYour own turn: `make up`; docs/technical/local-cloud.md tells what else the local cloud does.")
    return EXIT_OK


def _show(stack: Stack, folder: Path) -> None:
    files = sorted(SAMPLE.glob("*.ndjson"))
    act(f"The platform comes up, with the settings of {STACK}")
    run([sys.executable, "-m", "infra.local", "up", "--stack", STACK, "--port", str(free_port())])
    outputs = stack.outputs()
    url = address_of(stack, outputs)
    say(f"{url} serves model {outputs['model_version']}. The same program deploys it to Google Cloud.")

    cloud, job = Cloud(home_from(), stack.name), str(outputs["training_job"])

    act("Orders land in the bucket, through Google's own client")
    upload(str(outputs["raw_bucket"]), files, of_person(cloud))
    say(
        f"google-cloud-storage put {len(files)} files into gs://{outputs['raw_bucket']}. The first one starts a"
        " workflow, which waits for those that come with it. The stack's clock is moved on, so nobody has to wait."
    )

    act("The stack's training job trains on them, and its gates decide")
    done = trained(cloud, job, GATHERS)
    for line in Path(done.log).read_text().splitlines():
        if line.startswith(LOG_LINES):
            say(line.strip())

    with Shoppers(url, headers_for(stack, outputs, url), _orders(files[-1])) as shoppers:
        act("Its model is deployed by canary, while callers send orders")
        begin = time.monotonic()
        with steps():
            deployed = promotion.deploy_champion(stack)
        _compare(shoppers.by_model(begin))
        say(f"{deployed.model_version} serves now.")

        act("Somebody mistypes the alert rate, and trains")
        bad = _bad_model(files[-3:], folder)
        say(
            f"rate = 0.1 where 0.01 was meant: {bad.version} flags ten orders in a hundred. That is what its"
            " configuration asks for, so its gates pass."
        )

        act("It is deployed, and goes back by itself")
        begin = time.monotonic()
        os.environ["MODELS_DIR"] = str(folder / "models")
        try:
            with steps():
                deploy(stack, bad, None, None)
        except DeliveryError as problem:
            say(str(problem).splitlines()[-1])
        else:
            raise DeliveryError("the bad model was deployed: its canary should have refused it")
        _compare(shoppers.by_model(begin))
        now = serving(live_service(stack))
        if now is None or now.model_version != deployed.model_version:
            raise DeliveryError(f"{deployed.model_version} should serve again, and {now} does")
    sent = f"{len(shoppers.seen):,} orders were sent, {shoppers.failed()} failed"
    say(f"{now.model_version} serves all orders again. {sent}.")
    if shoppers.failed():
        raise DeliveryError(f"{shoppers.failed()} orders got no score")


def _orders(file: Path) -> list[dict[str, Any]]:
    """The orders of a file that the service takes."""
    found = []
    for line in file.read_bytes().splitlines():
        with suppress(OrderError):
            decode_order(line)
            found.append(json.loads(line))
    return found


def _bad_model(files: Sequence[Path], folder: Path) -> Record:
    """Train with a mistyped alert rate. The gates hold a model to what its configuration asks for, and pass."""
    orders, models, config = folder / "orders", folder / "models", folder / "config.toml"
    orders.mkdir()
    for file in files:
        shutil.copy(file, orders)
    text = CONFIG.read_text()
    if RIGHT not in text:
        raise DeliveryError(f"{CONFIG} has no line `{RIGHT.strip()}` to mistype")
    config.write_text(text.replace(RIGHT, WRONG))
    where = ["--data", str(orders), "--models", str(models), "--config", str(config), "--run-key"]
    run([sys.executable, "-m", "ml", "train", *where])
    version = champion(models)
    if version is None:
        raise DeliveryError("a gate refused the model with the mistyped alert rate: its canary has nothing to do")
    return Record(version, commit(), manifest_hash(models / version))


def _compare(by_model: Mapping[str, Told]) -> None:
    """Print what callers got, a line for each model."""
    rows = (
        (
            model or "no answer",
            f"{told.answers:,}",
            f"{told.failed}",
            f"{told.anomalies / told.answers:.1%}",
            f"{told.median:.1f} ms",
            f"{told.slowest:.1f} ms",
        )
        for model, told in by_model.items()
    )
    table(("model", "orders", "failed", "flagged", "median", "99 in 100 below"), rows)


if __name__ == "__main__":
    sys.exit(main())
