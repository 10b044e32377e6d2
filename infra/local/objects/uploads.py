"""Uploads that take several requests: what has arrived lies beside the bucket until it is whole, and survives whatever
is killed. Google Cloud forgets one after a week: https://cloud.google.com/storage/docs/resumable-uploads
"""

import os
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from infra.local import clock
from infra.local.files import read_object, remove_tree, write_json
from infra.local.objects.failure import Failure
from infra.local.objects.lifecycle_rules import ABORT
from infra.local.objects.retention import stamp
from infra.local.objects.store import Store
from orderguard.private_files import make_private_folder, open_private

UNIT = 256 * 1024
"""Bytes: what has arrived of a chunk that is not the last is kept in multiples of this."""
_WEEK = timedelta(days=7)
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Upload:
    """An upload that was begun. `asked` is what the first request said."""

    id: str
    folder: Path
    asked: dict[str, Any]

    @property
    def data(self) -> Path:
        """What has arrived of a resumable one."""
        return self.folder / "data"

    def part(self, number: int) -> Path:
        """What has arrived as a part of one in parts."""
        return self.folder / f"part-{number}"

    @property
    def size(self) -> int:
        """How many bytes have arrived."""
        try:
            return self.data.stat().st_size
        except FileNotFoundError:
            return 0

    def trim(self) -> None:
        """Drop what has arrived past the last whole unit."""
        if spare := self.size % UNIT:
            os.truncate(self.data, self.size - spare)

    def remember(self, **values: Any) -> "Upload":
        """Write down more of what is known."""
        asked = {**self.asked, **values}
        write_json(self.folder / "asked.json", asked)
        return Upload(self.id, self.folder, asked)

    def remove(self) -> None:
        """Forget it."""
        remove_tree(self.folder)


def gone() -> Failure:
    """No such upload: finished long ago, cancelled, expired, or never begun."""
    return Failure(404, "notFound", "No such upload: it was finished or cancelled, or a week has passed.")


def begin(store: Store, asked: dict[str, Any]) -> Upload:
    """Begin an upload."""
    upload = Upload(secrets.token_hex(16), Path(), asked)
    upload = Upload(upload.id, make_private_folder(store.beside / "uploads" / upload.id), asked)
    open_private(upload.data, "ab").close()
    return upload.remember(begun=clock.stamp(store.cloud))


def found(store: Store, identity: str) -> Upload:
    """The upload of this id. Raises Failure for one that is over, or never was."""
    folder = store.beside / "uploads" / identity
    asked = read_object(folder / "asked.json", "begun") if _ID.fullmatch(identity) else None
    if asked is None or asked["begun"] <= stamp(clock.now(store.cloud) - _WEEK):
        raise gone()
    return Upload(identity, folder, asked)


def expire(store: Store, now: datetime) -> int:
    """Remove uploads that are a week old, and what a rule says of those in parts; how many."""
    count = 0
    for folder in (store.beside / "uploads").glob("*"):
        asked = read_object(folder / "asked.json", "begun")
        ages = [_WEEK]
        if asked and asked.get("parts"):
            rules = (rule.condition for rule in store.settings.rules if rule.action == ABORT)
            ages += [timedelta(days=rule["age"]) for rule in rules if "age" in rule]
        if asked["begun"] <= stamp(now - min(ages)) if asked else _is_left(folder):
            remove_tree(folder)
            count += 1
    return count


def _is_left(folder: Path) -> bool:
    """Whether a folder without an account of its upload is no new one."""
    try:
        return folder.stat().st_ctime < time.time() - 3600
    except FileNotFoundError:
        return False
