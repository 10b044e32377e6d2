"""What the supervisor watches for: schedules, triggers, notifications and push subscriptions, each a sealed file of the
stack's folder.

A file appears when the resource is made, and goes when it is taken down; a supervisor sees that by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud, Damaged
from infra.local.files import read_object, write_json
from infra.local.provider.resource import Place, Values
from infra.local.provider.rules import Inputs
from infra.local.supervisor import client

SCHEDULE = "gcp:cloudscheduler/job:Job"
TRIGGER = "gcp:eventarc/trigger:Trigger"
FINALIZED = "google.cloud.storage.object.v1.finalized"


@dataclass(frozen=True)
class Watched:
    """A schedule or a trigger, as it was declared."""

    type: str
    id: str
    project: str
    inputs: Values

    @property
    def name(self) -> str:
        """The last part of its id."""
        return self.id.rpartition("/")[2]


def bucket_of(inputs: Mapping[str, Any]) -> str | None:
    """The bucket whose arriving objects a trigger waits for; None where it waits for something else."""
    criteria = {one["attribute"]: one["value"] for one in inputs["matchingCriterias"] if not one.get("operator")}
    return str(criteria["bucket"]) if criteria.get("type") == FINALIZED and "bucket" in criteria else None


def folder(cloud: Cloud) -> Path:
    """Where the files are."""
    return cloud.run / "watched"


def all_watched(cloud: Cloud) -> Iterator[Watched]:
    """What is watched for; a damaged file counts as gone, and `up` makes it anew."""
    for path in sorted(folder(cloud).glob("*.json")):
        try:
            yield Watched(**cloud.unseal((read_object(path, "sealed") or {})["sealed"]))
        except (Damaged, KeyError, TypeError, AttributeError):
            continue


def watch(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    """Make a resource that is watched for, or change it."""
    plain = {name: value for name, value in inputs.items() if not name.startswith("__")}
    one = {"type": place.type, "id": place.id, "project": place.project, "inputs": plain}
    write_json(_path(cloud, place), {"sealed": cloud.seal(one)})
    client.ensure(cloud)
    return {}


def unwatch(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    """Take it down."""
    _path(cloud, place).unlink(missing_ok=True)


def standing(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    """A resource as it is: nothing more than was declared, None where its file is gone."""
    return {} if _path(cloud, place).exists() else None


def _path(cloud: Cloud, place: Place) -> Path:
    return folder(cloud) / f"{cloud.short(f'{place.type} {place.id}')}.json"
