"""One bucket's objects: what is live, what is kept of former versions, and how one becomes the other.

A live object is the file below the bucket's folder. Its time of change is its generation in microseconds, so that a
lost index derives the same generations again. A file that a container or a person wrote has a generation of its own
from its first sight on. What no file can be (`a//b`, or `a/b` beside an object `a`) lies beside, where no mount shows
it.

Whatever is killed when, an object is whole, the old one or the new one: a replacement is first written down and then
moved to its place, which whoever comes next completes; a deletion moves the file first.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.objects import names, notifications
from infra.local.objects.bucket import Settings, settings
from infra.local.objects.conditions import NONE, Conditions
from infra.local.objects.failure import invalid, no_object
from infra.local.objects.index import DELETED, LIVE, NONCURRENT, Index, Version
from infra.local.objects.retention import require_free, stamp
from infra.local.objects.shown import GOOGLE, first_document, object_shown
from infra.local.objects.staging import Content, checked
from orderguard.private_files import make_private_folder

UNKNOWN_TYPE = "application/octet-stream"
_TRIES = 20
_METAGENERATION = "metageneration"
_TAKEN = (FileExistsError, IsADirectoryError, NotADirectoryError)
"""What says that a file can't have its place, since a folder or another object's file is there."""


def beside(cloud: Cloud, bucket: str) -> Path:
    """What is kept of a bucket outside of what is mounted."""
    return cloud.root / "objects" / bucket


class Store:
    """The objects of a bucket. Raises Failure where there is no such bucket."""

    def __init__(self, cloud: Cloud, bucket: str) -> None:
        self.settings: Settings = settings(cloud, bucket)
        self.cloud, self.bucket = cloud, bucket
        self.folder = cloud.bucket(bucket)
        self.beside = beside(cloud, bucket)
        self.staging = self.beside / "staged"
        self.index = Index(self.beside / "index.db")

    # ---- looking -----------------------------------------------------------------------------------------------------

    def live(self, name: str) -> Version | None:
        """The live version of an object, as its file is now."""
        known = self.index.live(name)
        if known and self._is_in_place(known):
            return known
        if known is None and self._stat(name) is None:
            return None
        with self.index.changing():
            return self._settled(name)

    def version(self, name: str, generation: int | None = None) -> Version:
        """The live version, or the live or noncurrent one of this generation. Raises Failure where there is none."""
        found = self.live(name)
        if generation is not None and (found is None or found.generation != generation):
            found = self.index.version(name, generation)
        if found is None or found.state == DELETED:
            raise no_object(self.bucket, name)
        return found

    def deleted(self, name: str, generation: int) -> Version:
        """A soft-deleted version. Raises Failure where there is none, or none any more."""
        found = self.index.version(name, generation)
        now = stamp(clock.now(self.cloud))
        if found is None or found.state != DELETED or found.document["hardDeleteTime"] <= now:
            raise no_object(self.bucket, name)
        return found

    def opened(self, name: str, generation: int | None = None) -> tuple[Version, BinaryIO]:
        """A version and its content, which belong together whatever happens meanwhile. Raises Failure."""
        for _ in range(_TRIES):
            found = self.version(name, generation)
            try:
                file = open(self.content(found), "rb", opener=_not_followed)
            except (FileNotFoundError, NotADirectoryError):
                continue
            told = os.fstat(file.fileno())
            if found.state != LIVE or (told.st_ino, told.st_mtime_ns) == (found.inode, found.changed):
                return found, file
            file.close()
        raise no_object(self.bucket, name)

    def content(self, version: Version) -> Path:
        """The file that holds a version's content."""
        if version.state == LIVE and not version.aside:
            return self._path(version.name)
        return self._kept(version.name, version.generation)

    # ---- changing ----------------------------------------------------------------------------------------------------

    def put(
        self,
        name: str,
        content: Content,
        fields: dict[str, Any],
        wanted: Conditions = NONE,
        *,
        replacing: Callable[[], None] = lambda: None,
        count: int | None = None,
    ) -> Version:
        """Let a staged file become the object; the content is used up, or removed. `replacing` is called where it takes
        another's place, and may refuse that. `count` is of the components of a composed one. Raises Failure.
        """
        try:
            if not names.is_name(name):
                raise invalid(f"Invalid object name: {name[:80]!r}")
            with self.index.changing():
                former = self._settled(name)
                wanted.require(former.generation if former else 0, former.metageneration if former else 0)
                now = clock.now(self.cloud)
                if former:
                    replacing()
                    stays = self.settings.versioning
                    require_free(self.settings, name, former.document, now, stays=stays)
                version = self._written(name, content, fields, now, count)
                if former:
                    self._retire(former, now, successor=version.generation)
                self.index.put(version)
                self._tell(notifications.FINALIZED, version, former.generation if former else 0)
        except BaseException:
            content.discard()
            raise
        try:
            self._move(version)
        except _TAKEN:
            with self.index.changing():
                return self._settled(name) or version
        return version

    def delete(self, name: str, generation: int | None = None, wanted: Conditions = NONE) -> None:
        """Delete the live version, or the one of this generation for good. Raises Failure."""
        with self.index.changing():
            live = self._settled(name)
            found = live
            if generation is not None and (live is None or live.generation != generation):
                found = self.index.version(name, generation)
            if found is None or found.state == DELETED:
                wanted.require(0, 0)
                raise no_object(self.bucket, name)
            wanted.require(found.generation, found.metageneration)
            now = clock.now(self.cloud)
            stays = self.settings.versioning and generation is None
            require_free(self.settings, name, found.document, now, stays=stays)
            self._retire(found, now, for_good=generation is not None)

    def change(self, version: Version, wanted: Conditions, changed: Callable[[dict[str, Any]], None]) -> Version:
        """Change a version's metadata; `changed` changes them in place, and may refuse. Raises Failure."""
        with self.index.changing():
            self._settled(version.name)
            found = self.index.version(version.name, version.generation)
            if found is None or found.state == DELETED:
                raise no_object(self.bucket, version.name)
            wanted.require(found.generation, found.metageneration)
            document = dict(found.document)
            changed(document)
            document["metageneration"] = found.metageneration + 1
            document["updated"] = clock.stamp(self.cloud)
            found = replace(found, document=document)
            self.index.put(found)
            self._tell(notifications.CHANGED, found)
        return found

    def forget(self, version: Version) -> None:
        """Remove a version that is not live, for ever."""
        with self.index.changing():
            self.index.remove(version.name, version.generation)
        self._kept(version.name, version.generation).unlink(missing_ok=True)

    @property
    def metageneration(self) -> int:
        """How often the bucket's own settings were changed, plus one."""
        return 1 + self.index.number(_METAGENERATION)

    def note_change(self) -> None:
        """Count a change of the bucket's settings."""
        with self.index.changing():
            self.index.keep_number(_METAGENERATION, self.index.number(_METAGENERATION) + 1)

    def needed(self) -> set[str]:
        """The names of the files beside the bucket that some version needs."""
        return self.index.staged() | {self._kept(*one).name for one in self.index.beside()}

    # ---- how a file and what is known of it come together ------------------------------------------------------------

    def _path(self, name: str) -> Path:
        return self.folder.joinpath(*names.parts(name))

    def _kept(self, name: str, generation: int) -> Path:
        return self.beside / "versions" / f"{Cloud.short(name)}-{generation}"

    def _stat(self, name: str) -> os.stat_result | None:
        """The regular file that a mount shows under the name."""
        if not names.parts(name) or name.endswith("/"):
            return None
        try:
            told = os.lstat(self._path(name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return told if (told.st_mode & 0o170000) == 0o100000 else None

    def _is_in_place(self, known: Version) -> bool:
        """Whether the live version's file is the one that is known."""
        told = self._stat(known.name)
        if known.aside:
            is_gone = told is not None or self._folder_is_gone(known.name)
            return not is_gone and self._kept(known.name, known.generation).exists()
        found = (told.st_ino, told.st_mtime_ns, told.st_size) if told else None
        return found == (known.inode, known.changed, known.size)

    def _folder_is_gone(self, name: str) -> bool:
        """Whether the name is a folder's, which was removed where it could be."""
        if not name.endswith("/") or not names.parts(name):
            return False
        return not os.path.lexists(self._path(name)) and self._nearest(self._path(name)).is_dir()

    def _nearest(self, path: Path) -> Path:
        """What is there of the folders above a path."""
        return next((one for one in path.parents if os.path.lexists(one)), self.folder)

    def _settled(self, name: str) -> Version | None:
        """The live version once what was interrupted is completed and what others did to the file is written down. The
        index's lock is held.
        """
        known = self.index.live(name)
        if known and self._is_in_place(known):
            return known
        if known and known.staged and (self.staging / known.staged).exists():
            return self._completed(known)
        told = self._stat(name)
        generation = max(told.st_mtime_ns // 1000, self.index.newest(name) + 1) if told else 0
        if known:
            self._lost(known, generation)
        return self._registered(name, generation, known.generation if known else 0) if told else None

    def _registered(self, name: str, generation: int, former: int) -> Version | None:
        """Write down a file that somebody else put there."""
        path = self._path(name)
        for _ in range(_TRIES):
            try:
                before = path.stat()
                content = checked(path)
                after = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            if (before.st_ino, before.st_mtime_ns) == (
                after.st_ino,
                after.st_mtime_ns,
            ) and content.size == after.st_size:
                break
        born = stamp(datetime.fromtimestamp(after.st_mtime_ns / 1e9, UTC))
        document = first_document(self.settings, content, {}, born)
        version = Version(name, generation, LIVE, document, content.size, False, after.st_ino, after.st_mtime_ns)
        self.index.put(version)
        self._tell(notifications.FINALIZED, version, former)
        return version

    def _lost(self, known: Version, successor: int) -> None:
        """The file of a live version is gone or another's. It is kept where a deletion of it was interrupted."""
        kept = self._kept(known.name, known.generation)
        if not known.aside and kept.exists() and self.settings.keeps:
            self._note_retired(known, clock.now(self.cloud), for_good=False, successor=successor)
            return
        self.index.remove(known.name, known.generation)
        kept.unlink(missing_ok=True)
        self._tell(notifications.DELETED, known, successor)

    def _tell(self, event: str, version: Version, other: int = 0) -> None:
        """Note what is to be told of a change. `other` is the generation before it, or after it."""
        if wanted := notifications.notifications(self.cloud, self.bucket):
            shown = object_shown(GOOGLE, self.settings, version)
            for notice in notifications.notices(wanted, event, shown, clock.stamp(self.cloud), other):
                self.index.note(notice)

    def _written(
        self, name: str, content: Content, fields: dict[str, Any], now: datetime, count: int | None
    ) -> Version:
        """The version that a staged file becomes."""
        newest = max(self.index.number("issued"), self.index.newest(name))
        generation = max(int(now.timestamp() * 1_000_000), newest + 1)
        self.index.keep_number("issued", generation)
        changed = generation * 1000
        os.utime(content.path, ns=(changed, changed))
        document = first_document(self.settings, content, fields, stamp(now))
        if count:
            document["componentCount"] = count
        aside = not self._can_be_file(name)
        inode = content.path.stat().st_ino
        return Version(name, generation, LIVE, document, content.size, aside, inode, changed, content.path.name)

    def _can_be_file(self, name: str) -> bool:
        """Whether a file below the bucket's folder can have the name now."""
        if not names.parts(name) or name.endswith("/"):
            return False
        path = self._path(name)
        above = self._nearest(path)
        return above.is_dir() and not above.is_symlink() and not path.is_dir()

    def _completed(self, version: Version) -> Version:
        """Move a staged file to its place, or beside where a folder has taken that. The index's lock is held."""
        try:
            self._move(version)
        except _TAKEN:
            version = replace(version, aside=True)
            self._move(version)
            self.index.put(version)
        return version

    def _move(self, version: Version) -> None:
        """Move a staged file to its place, unless another has done it meanwhile."""
        source = self.staging / version.staged
        target = self._kept(version.name, version.generation) if version.aside else self._path(version.name)
        for _ in range(_TRIES):
            make_private_folder(target.parent)
            try:
                os.replace(source, target)
                break
            except FileNotFoundError:
                if not source.exists():
                    break
        if version.aside and version.name.endswith("/") and names.parts(version.name):
            with suppress(*_TAKEN):
                make_private_folder(self._path(version.name))

    def _retire(self, version: Version, now: datetime, *, for_good: bool = False, successor: int = 0) -> None:
        """A version stops being live, or noncurrent: what the bucket keeps of it is kept, the rest goes. `successor` is
        the generation that takes its place in the mount at once.
        """
        linked = successor > 0
        kept = self._kept(version.name, version.generation)
        keeps = self.settings.soft_delete_seconds > 0 or (self.settings.versioning and not for_good)
        if version.state == LIVE and not version.aside:
            path = self._path(version.name)
            if keeps:
                make_private_folder(kept.parent)
                kept.unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    os.link(path, kept) if linked else os.replace(path, kept)
            elif not linked:
                path.unlink(missing_ok=True)
            if not linked:
                self._tidy(path.parent)
        elif version.state == LIVE and not linked and version.name.endswith("/") and names.parts(version.name):
            with suppress(OSError):
                self._path(version.name).rmdir()
        if keeps and kept.exists():
            self._note_retired(version, now, for_good=for_good, successor=successor)
        else:
            self.index.remove(version.name, version.generation)
            kept.unlink(missing_ok=True)
            self._tell(notifications.DELETED, version, successor)

    def _note_retired(self, version: Version, now: datetime, *, for_good: bool, successor: int) -> None:
        document = dict(version.document)
        if version.state == LIVE:
            document["timeDeleted"] = stamp(now)
        state = NONCURRENT if self.settings.versioning and version.state == LIVE and not for_good else DELETED
        if state == DELETED:
            document["softDeleteTime"] = stamp(now)
            document["hardDeleteTime"] = stamp(now + timedelta(seconds=self.settings.soft_delete_seconds))
        retired = replace(version, state=state, document=document, inode=0, changed=0, staged="")
        self.index.put(retired)
        event = notifications.ARCHIVED if state == NONCURRENT else notifications.DELETED
        self._tell(event, retired, successor)

    def _tidy(self, folder: Path) -> None:
        """Remove folders that are empty, but for those that are objects themselves."""
        while folder != self.folder and self.folder in folder.parents:
            if self.index.live(f"{folder.relative_to(self.folder).as_posix()}/"):
                return
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def _not_followed(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def remove_bucket(cloud: Cloud, bucket: str) -> None:
    """Remove a bucket's folder, and what is kept beside it."""
    shutil.rmtree(cloud.bucket(bucket), ignore_errors=True)
    shutil.rmtree(beside(cloud, bucket), ignore_errors=True)
