"""What time does to a bucket: its lifecycle rules, the end of soft deletion, uploads that nobody went on with.

It goes by the stack's clock. Google Cloud acts within a day; here it is within a minute, and at once where the clock is
moved.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.objects import uploads
from infra.local.objects.bucket import BUCKET
from infra.local.objects.conditions import NONE, Conditions
from infra.local.objects.failure import Failure
from infra.local.objects.index import DELETED, NONCURRENT, Version
from infra.local.objects.lifecycle_rules import ABORT, DELETE, Seen, due
from infra.local.objects.listing import live_names
from infra.local.objects.retention import stamp
from infra.local.objects.store import Store

_ORPHANED_SECONDS = 3600.0


@dataclass
class Done:
    """What was done to a stack's buckets."""

    deleted: int = 0
    moved: int = 0
    """Versions that got another storage class."""
    expired: int = 0
    """Soft-deleted versions whose time was over."""
    aborted: int = 0

    @property
    def anything(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.deleted or self.moved or self.expired or self.aborted)

    def in_words(self) -> str:
        """For people, in one line."""
        told = (
            (self.deleted, "deleted by a lifecycle rule"),
            (self.moved, "with another storage class"),
            (self.expired, "no more to be restored"),
            (self.aborted, "uploads given up"),
        )
        return ", ".join(f"{count} {what}" for count, what in told if count)


def act(cloud: Cloud) -> Done:
    """Do what is due by the stack's clock, in every bucket."""
    done, now = Done(), clock.now(cloud)
    for token, bucket in sorted(cloud.names()):
        if token != BUCKET:
            continue
        try:
            _act(Store(cloud, bucket), now, done)
        except Failure:
            continue  # a bucket that was removed meanwhile
    return done


def _act(store: Store, now: datetime, done: Done) -> None:
    rules = [one for one in store.settings.rules if one.action != ABORT]
    if not rules and not store.beside.exists():
        return
    if rules:
        for seen, version in list(_seen(store)):
            rule = due(store.settings.rules, seen, now)
            if rule is None:
                continue
            try:
                if rule.action == DELETE:
                    same = Conditions(generation=version.generation)
                    store.delete(version.name, None if seen.is_live else version.generation, same)
                    done.deleted += 1
                else:
                    store.change(version, NONE, partial(_move, rule.storage_class, now))
                    done.moved += 1
            except Failure:
                continue  # held, retained, or changed meanwhile: the next time
    for version in list(store.index.kept(DELETED)):
        if version.document["hardDeleteTime"] <= stamp(now):
            store.forget(version)
            done.expired += 1
    done.aborted += uploads.expire(store, now)
    _sweep(store)


def _move(storage_class: str, now: datetime, document: dict[str, Any]) -> None:
    document["storageClass"], document["timeStorageClassUpdated"] = storage_class, stamp(now)


def _seen(store: Store) -> Iterator[tuple[Seen, Version]]:
    """Every live and noncurrent version, as the rules see it."""
    former: dict[str, list[Version]] = {}
    for version in store.index.kept(NONCURRENT):
        former.setdefault(version.name, []).append(version)
    live: set[str] = set()
    for name in live_names(store):
        if found := store.live(name):
            live.add(name)
            yield Seen(name, found.document, True, 0), found
    for name, versions in former.items():
        for older, version in enumerate(reversed(versions)):
            yield Seen(name, version.document, False, older + (name in live)), version


def _sweep(store: Store) -> None:
    """Remove what a killed process left: staged files that nobody waits for, and content that no version has."""
    oldest = time.time() - _ORPHANED_SECONDS
    for folder in (store.staging, store.beside / "versions"):
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            aged = [one for one in entries if one.stat(follow_symlinks=False).st_ctime < oldest]
        if not aged:
            continue
        needed = store.needed()
        for entry in aged:
            if entry.name not in needed:
                os.unlink(entry.path)
