"""What happens by itself in a stack: the supervisor looks at its clock and its buckets, and fires what is due.

A schedule fires within a tenth of a second of the stack's clock, one that is moved too. Where the clock has jumped over
several of its times it fires once, for the newest: Google Cloud makes up for none that it missed. While an attempt is
being retried, the times that pass are left out.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.events import arrivals
from infra.local.events.arrivals import Arrivals
from infra.local.events.firing import Firing, newest, note as note_firing
from infra.local.events.schedule import Cron, NoSchedule, Retries, cron, retries
from infra.local.events.watched import SCHEDULE, TRIGGER, Watched, all_watched, bucket_of, folder
from infra.local.home import LAUNCH
from infra.local.objects.notifications import NOTIFICATION
from infra.local.supervisor.process import die_with_parent, kill_group, note, started_at
from orderguard.private_files import make_private_folder, open_private

_LOOK_SECONDS = 0.5
"""How often a bucket is looked at. A look takes at most a twentieth of the time, however many objects there are."""
_SHARE = 20
_BACK = timedelta(seconds=1)
_AGE_SECONDS = 60.0
"""How often buckets' lifecycle rules are looked at, besides whenever the clock is moved."""


class Schedule:
    """A schedule on its way from one time to the next. `since` is when it was looked at for the time before, `coming`
    the next time.
    """

    def __init__(self, watched: Watched, since: datetime) -> None:
        self.watched, self.since = watched, since
        self.cron: Cron | None = None
        self.problem = ""
        self.again: tuple[datetime, datetime, datetime, int] | None = None
        """When the attempt that failed is made again, when it was due and first made, and how often it has been."""
        self.under_way = False
        self.coming: datetime | None = None
        try:
            self.cron = cron(str(watched.inputs.get("schedule") or ""), str(watched.inputs.get("timeZone") or ""))
        except NoSchedule as problem:
            self.problem = str(problem)
        self._go_on(since)

    @property
    def retries(self) -> Retries:
        return retries(self.watched.inputs.get("retryConfig"))

    def due(self, now: datetime) -> datetime | None:
        """The time for which it is to fire now, None where none has come."""
        if self.cron is None or self.watched.inputs.get("paused"):
            return None
        if now < self.since - _BACK:
            self._go_on(now)  # the clock went back
        if self.coming is None or now < self.coming:
            return None
        newest = self.cron.latest(now)
        self._go_on(now)
        return None if self.under_way or self.again else newest

    def _go_on(self, now: datetime) -> None:
        self.since, self.coming = now, self.cron.next(now) if self.cron else None


class Watch:
    """Everything that is watched for in one stack."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.schedules: dict[str, Schedule] = {}
        self.triggers: dict[str, list[Watched]] = {}
        self.notifications: dict[str, list[Watched]] = {}
        self.pushes: dict[str, tuple[Watched, threading.Event]] = {}
        """Each push subscription, and what stops it."""
        self.buckets: dict[str, Arrivals] = {}
        self._read: float | None = None
        self._next_look = 0.0
        self._next_ageing, self._aged_by = time.monotonic() + _AGE_SECONDS, clock.clock(cloud)
        self._ageing: asyncio.Task[None] | None = None
        self._firings: set[asyncio.Task[None]] = set()
        self._processes: set[tuple[int, str | None]] = set()
        # A lease is broken by a signal that would end this process, where somebody opens the file in that moment.
        signal.signal(signal.SIGIO, signal.SIG_IGN)

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            try:
                self._take_up()
                self._tick(clock.now(self.cloud))
                await self._look()
                self._let_buckets_age()
            except OSError as problem:
                note(f"schedules and buckets can't be looked at: {problem.strerror}")
            await asyncio.sleep(clock.LOOK_SECONDS if self.schedules or self.triggers else _LOOK_SECONDS)

    async def close(self) -> None:
        """End what is under way."""
        self._push([])
        for pid, started in self._processes:
            kill_group(pid, started)
        for task in self._firings:
            task.cancel()
        if self._ageing:
            await asyncio.wait([self._ageing])
        await asyncio.gather(*self._firings, return_exceptions=True)

    def _take_up(self) -> None:
        """Read what is watched for, where that has changed."""
        try:
            changed = folder(self.cloud).stat().st_mtime_ns
        except FileNotFoundError:  # nothing was ever watched for, or the stack's folder is gone
            self.schedules, self.triggers, self.notifications, self.buckets, self._read = {}, {}, {}, {}, None
            self._push([])
            return
        if changed == self._read:
            return
        self._read = changed
        found = {one.id: one for one in all_watched(self.cloud)}
        now = clock.now(self.cloud)
        schedules = {}
        for one in (one for one in found.values() if one.type == SCHEDULE):
            known = self.schedules.get(one.id)
            schedules[one.id] = known if known and known.watched == one else Schedule(one, now)
        self.schedules = schedules
        self.triggers, self.notifications = {}, {}
        for one in found.values():
            if one.type == NOTIFICATION:
                self.notifications.setdefault(str(one.inputs["bucket"]), []).append(one)
            elif one.type == TRIGGER and (bucket := bucket_of(one.inputs)):
                self.triggers.setdefault(bucket, []).append(one)
        self._push([one for one in found.values() if one.inputs.get("pushConfig")])
        wanted = {**self.triggers, **self.notifications}
        for bucket in set(self.buckets) - set(wanted):
            arrivals.forget(self.cloud, bucket)
        self.buckets = {bucket: self.buckets.get(bucket) or Arrivals(self.cloud, bucket) for bucket in wanted}

    def _push(self, wanted: list[Watched]) -> None:
        """Go on with these push subscriptions alone; each has a thread of its own."""
        kept = {one.id: one for one in wanted}
        for identity, (watched, stopped) in list(self.pushes.items()):
            if kept.get(identity) != watched:
                stopped.set()
                del self.pushes[identity]
        for watched in wanted:
            if watched.id not in self.pushes:
                stopped = threading.Event()
                self.pushes[watched.id] = watched, stopped
                threading.Thread(target=_pushed, args=(self.cloud, watched, stopped), daemon=True).start()

    def _tick(self, now: datetime) -> None:
        for schedule in self.schedules.values():
            if due := schedule.due(now):
                self._begin(self._attempt(schedule, due, now, 1))
            elif schedule.again and schedule.again[0] <= now:
                _, due, first, made = schedule.again
                schedule.again = None
                self._begin(self._attempt(schedule, due, first, made + 1))

    async def _look(self) -> None:
        if time.monotonic() < self._next_look:
            return
        begun = time.monotonic()
        for bucket, looked in self.buckets.items():
            if landed := await asyncio.to_thread(looked.look):
                for trigger in self.triggers.get(bucket, ()):
                    self._begin(self._deliver(trigger, landed))
            if told := self.notifications.get(bucket):
                await asyncio.to_thread(_publish, self.cloud, bucket, told, landed, looked.are_gone)
        took = time.monotonic() - begun
        self._next_look = time.monotonic() + max(_LOOK_SECONDS, _SHARE * took)

    def _let_buckets_age(self) -> None:
        """Do what time does to buckets, one after the other and beside all else."""
        now = clock.clock(self.cloud)
        is_due = time.monotonic() >= self._next_ageing or now != self._aged_by
        if is_due and (self._ageing is None or self._ageing.done()):
            self._next_ageing, self._aged_by = time.monotonic() + _AGE_SECONDS, now
            self._ageing = asyncio.create_task(asyncio.to_thread(_age, self.cloud))

    def _begin(self, firing: Any) -> None:
        task = asyncio.create_task(firing)
        self._firings.add(task)
        task.add_done_callback(self._firings.discard)

    async def _attempt(self, schedule: Schedule, due: datetime, first: datetime, made: int) -> None:
        watched, at = schedule.watched, clock.stamp(self.cloud)
        schedule.under_way = True
        firing = Firing(watched.name, due.isoformat().replace("+00:00", "Z"), at, made)
        note(f"schedule {watched.name}: fires for {firing.due} (attempt {made})")
        try:
            done = await self._fired(watched, firing, {"due": due.isoformat()})
        finally:
            schedule.under_way = False
        now = clock.now(self.cloud)
        pause = None if done.is_good else schedule.retries.pause(made, now - first)
        if pause is not None:
            schedule.again = (now + pause, due, first, made)

    async def _deliver(self, trigger: Watched, objects: list[str]) -> None:
        at = clock.stamp(self.cloud)
        note(f"trigger {trigger.name}: {len(objects)} objects have landed")
        await self._fired(trigger, Firing(trigger.name, at, at), {"objects": objects})

    async def _fired(self, watched: Watched, firing: Firing, asked: dict[str, Any]) -> Firing:
        """How it was answered. What it has begun goes on: its process ends by itself."""
        note_firing(self.cloud, watched.id, firing)
        log = make_private_folder(self.cloud.logs / watched.name) / "firings.log"
        with open_private(log, "ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(LAUNCH), "infra.local.events", str(self.cloud.home.root), self.cloud.stack),
                cwd="/",
                env=dict(os.environ),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        own = (process.pid, started_at(process.pid))
        self._processes.add(own)
        self._begin(self._ended(process, own))
        assert process.stdin and process.stdout  # for the type checker  # nosec B101
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps({"watched": asdict(watched), **asked}).encode())
            process.stdin.close()
        line = await process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"status": 500, "told": f"its process ended; see {log}"}
        done = replace(firing, status=int(answer["status"]), told=str(answer["told"]))
        note(f"{watched.name}: {done.status} {done.told}")
        note_firing(self.cloud, watched.id, done)
        return done

    async def _ended(self, process: asyncio.subprocess.Process, own: tuple[int, str | None]) -> None:
        await process.wait()
        self._processes.discard(own)

    def status(self) -> list[dict[str, Any]]:
        """What `status` shows of the schedules: when each fires next, or why it doesn't."""
        told = []
        for one in self.schedules.values():
            following = one.again[0] if one.again else one.coming
            paused = "paused" if one.watched.inputs.get("paused") else one.problem
            told.append({"id": one.watched.id, "name": one.watched.name, "next": _told(following), "not": paused})
        return told


def _publish(cloud: Cloud, bucket: str, told: list[Watched], landed: list[str], are_gone: bool) -> None:
    """Publish what a bucket's notifications tell, and note how it went."""
    import sqlite3

    from infra.local.events.notifications import publish_notices  # with what it needs, which few stacks do
    from infra.local.objects.notifications import full_topic

    try:
        published = publish_notices(cloud, bucket, landed, are_gone=are_gone)
    except (OSError, sqlite3.Error) as problem:
        note(f"notifications of {bucket} can't be published: {problem}")
        return
    at = clock.stamp(cloud)
    for one in published:
        for watched in told:
            before = newest(cloud, watched.id)
            is_news = one.status == 200 or before is None or before.told != one.told
            if is_news and full_topic(str(watched.inputs["topic"]), watched.project) == one.topic:
                note(f"notification {watched.id}: {one.status} {one.told}")
                note_firing(cloud, watched.id, Firing(watched.name, at, at, 1, one.status, one.told))


def _pushed(cloud: Cloud, watched: Watched, stopped: threading.Event) -> None:
    import sqlite3

    from infra.local.events.pushing import push  # with what it needs, which few stacks do

    while not stopped.is_set():
        try:
            push(cloud, watched, stopped)
        except (OSError, sqlite3.Error) as problem:
            note(f"subscription {watched.name} can't be pushed: {problem}")
            stopped.wait(_AGE_SECONDS)


def _age(cloud: Cloud) -> None:
    import sqlite3

    from infra.local.objects import lifecycle  # with what it needs, which a stack without buckets never does

    try:
        lifecycle.act(cloud)
    except (OSError, sqlite3.Error) as problem:
        note(f"lifecycle rules can't act: {problem}")


def _told(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
