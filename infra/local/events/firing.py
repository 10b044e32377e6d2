"""What happened when a schedule or a trigger fired, kept on the disk for `status`. It names no object."""

from dataclasses import asdict, dataclass
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.files import read_object, write_json


@dataclass(frozen=True)
class Firing:
    """The newest firing of a schedule or a trigger. `due` is when it was to happen, `at` when it did, both by the
    stack's clock; `attempts` how often it was tried, `status` the HTTP status of the answer, 0 before there is one.
    """

    name: str
    due: str
    at: str
    attempts: int = 1
    status: int = 0
    told: str = "is under way"

    @property
    def is_good(self) -> bool:
        """Whether it was taken, or may still be."""
        return self.status == 0 or 200 <= self.status < 300


def note(cloud: Cloud, identity: str, firing: Firing) -> None:
    """Keep it, in place of the one before."""
    write_json(_path(cloud, identity), asdict(firing))


def newest(cloud: Cloud, identity: str) -> Firing | None:
    """The newest firing of what has this id."""
    kept = read_object(_path(cloud, identity), "name", "due", "at", "attempts", "status", "told")
    return Firing(**kept) if kept else None


def _path(cloud: Cloud, identity: str) -> Path:
    return cloud.run / "firings" / f"{cloud.short(identity)}.json"
