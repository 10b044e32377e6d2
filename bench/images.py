"""What the images weigh and are made of, and how long a start takes until the first score, in the container and out."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from delivery import images, inspection
from delivery.commands import REPOSITORY, commit
from delivery.container import settings, started, wait_for_score
from delivery.deploy import ORDER
from delivery.models import models_folder
from orderguard.masking import new_key_text
from orderguard.model_version import champion

STARTS = 5
PORT = 9481
SECONDS = 60.0
REPORT = REPOSITORY / "reports" / "bench" / "images.json"


def main() -> None:
    """Build, weigh, and start each way in turn, so that a change of the machine's speed meets both."""
    references = images.build(commit())
    weighed: dict[str, inspection.Inspection] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, reference in references.items():
            images.export(reference, Path(folder) / "image.tar")
            weighed[name] = inspection.inspect(Path(folder) / "image.tar")
            print(inspection.table(name, weighed[name]))
    models = models_folder()
    given = settings(champion(models) or "", PORT)
    inside, outside = [], []
    for _ in range(STARTS):
        inside.append(_in_the_container(references[images.SCORER], models, given))
        outside.append(_outside(models, given))
    print(f"start to first score, median of {STARTS}: {statistics.median(inside):.2f} s in the container", end=", ")
    print(f"{statistics.median(outside):.2f} s outside")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        "bytes": {name: {"all": one.total, "above_python": one.above_base} for name, one in weighed.items()},
        "seconds_in_the_container": inside,
        "seconds_outside": outside,
    }
    REPORT.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def _in_the_container(reference: str, models: Path, given: dict[str, str]) -> float:
    begun = time.monotonic()
    with started(reference, models, given) as url:
        wait_for_score(url, ORDER, SECONDS)
        return time.monotonic() - begun


def _outside(models: Path, given: dict[str, str]) -> float:
    begun = time.monotonic()
    environment = {**os.environ, **given, "MODEL_DIR": str(models.resolve()), "MASKING_KEY": new_key_text()}
    process = subprocess.Popen(
        [sys.executable, "-m", "app"], cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_for_score(f"http://127.0.0.1:{PORT}", ORDER, SECONDS)
        return time.monotonic() - begun
    finally:
        process.terminate()
        process.wait()
