"""Random sequences of calls against a model of Cloud Storage that is a few lists: whatever was done before, the bucket
holds what the model holds, and the mount shows what is live.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from google.api_core import exceptions
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.objects import lifecycle
from tests.local_cloud.storage_server import Api, answering, files

WEEK = timedelta(days=7)
NAMES = st.sampled_from(["a", "a/b", "a/c", "b/", "b/x", "z//y", "ü"])
TEXTS = st.sampled_from([b"", b"1", b"22", b"x" * 300_000])
WHICH = st.integers(0, 7)
PLAIN = {"a", "a/b", "a/c", "b/x", "ü"}
"""Names that a file can have, unless another object's is in the way."""


@dataclass
class Held:
    """One version, as the model sees it."""

    name: str
    generation: int
    content: bytes
    metadata: dict[str, str] = field(default_factory=dict)
    metageneration: int = 1
    until: datetime | None = None


class Model:
    """What there is."""

    def __init__(self, versioning: bool, soft: bool) -> None:
        self.versioning, self.soft = versioning, soft
        self.live: dict[str, Held] = {}
        self.former: list[Held] = []
        self.deleted: list[Held] = []

    def retire(self, held: Held, now: datetime, for_good: bool = False) -> None:
        if held is self.live.get(held.name):
            del self.live[held.name]
            if self.versioning and not for_good:
                self.former.append(held)
                return
        else:
            self.former.remove(held)
        if self.soft:
            held.until = now + WEEK
            self.deleted.append(held)

    def replace(self, held: Held, now: datetime) -> None:
        if before := self.live.get(held.name):
            self.retire(before, now)
        self.live[held.name] = held


def machine(api: Api, names: Iterator[str]) -> type[RuleBasedStateMachine]:
    """The rules, on buckets of this stack."""

    class Buckets(RuleBasedStateMachine):
        @initialize(versioning=st.booleans(), soft=st.booleans())
        def make(self, versioning: bool, soft: bool) -> None:
            clock.set_to(api.cloud, datetime(2026, 3, 1, tzinfo=UTC), hold=True)
            kept = {"softDeletePolicy": {"retentionDurationSeconds": int(WEEK.total_seconds()) if soft else 0}}
            self.bucket: Any = api.declare(next(names), versioning={"enabled": versioning}, **kept)
            self.folder = api.cloud.bucket(self.bucket.name)
            self.model = Model(versioning, soft)

        @property
        def now(self) -> datetime:
            return clock.now(api.cloud)

        def any_of(self, held: list[Held], which: int) -> Held:
            return sorted(held, key=lambda one: (one.name, one.generation))[which % len(held)]

        @rule(name=NAMES, text=TEXTS, chunked=st.booleans())
        def upload(self, name: str, text: bytes, chunked: bool) -> None:
            blob = self.bucket.blob(name, chunk_size=262_144 if chunked else None)
            blob.metadata = {"n": str(len(text))}
            blob.upload_from_string(text)
            self.model.replace(Held(name, blob.generation, text, {"n": str(len(text))}), self.now)

        @rule(name=NAMES, text=TEXTS, wrong=st.booleans())
        def upload_where_it_is_as_it_was(self, name: str, text: bytes, wrong: bool) -> None:
            held = self.model.live.get(name)
            expected = (held.generation if held else 0) + (1 if wrong else 0)
            blob = self.bucket.blob(name)
            try:
                blob.upload_from_string(text, if_generation_match=expected)
            except exceptions.PreconditionFailed:
                assert wrong
            else:
                assert not wrong
                self.model.replace(Held(name, blob.generation, text), self.now)

        @rule(name=NAMES)
        def delete(self, name: str) -> None:
            held = self.model.live.get(name)
            try:
                self.bucket.delete_blob(name)
            except exceptions.NotFound:
                assert held is None
            else:
                assert held
                self.model.retire(held, self.now)

        @precondition(lambda self: self.model.former or self.model.live)
        @rule(which=WHICH)
        def delete_a_generation(self, which: int) -> None:
            held = self.any_of([*self.model.former, *self.model.live.values()], which)
            self.bucket.delete_blob(held.name, generation=held.generation)
            self.model.retire(held, self.now, for_good=True)

        @precondition(lambda self: self.model.former or self.model.live)
        @rule(which=WHICH, name=NAMES)
        def copy(self, which: int, name: str) -> None:
            held = self.any_of([*self.model.former, *self.model.live.values()], which)
            source = self.bucket.blob(held.name, generation=held.generation)
            made = self.bucket.copy_blob(source, self.bucket, name, source_generation=held.generation)
            self.model.replace(Held(name, made.generation, held.content, dict(held.metadata)), self.now)

        @precondition(lambda self: self.model.live)
        @rule(first=WHICH, second=WHICH, name=NAMES)
        def compose(self, first: int, second: int, name: str) -> None:
            parts = [self.any_of([*self.model.live.values()], which) for which in (first, second)]
            made = self.bucket.blob(name)
            made.compose([self.bucket.blob(part.name) for part in parts])
            self.model.replace(Held(name, made.generation, b"".join(part.content for part in parts)), self.now)

        @precondition(lambda self: self.model.deleted)
        @rule(which=WHICH)
        def restore(self, which: int) -> None:
            held = self.any_of(self.model.deleted, which)
            made = self.bucket.restore_blob(held.name, generation=held.generation)
            self.model.replace(Held(held.name, made.generation, held.content, dict(held.metadata)), self.now)

        @precondition(lambda self: self.model.live)
        @rule(which=WHICH, value=st.sampled_from(["1", "2"]))
        def describe(self, which: int, value: str) -> None:
            held = self.any_of([*self.model.live.values()], which)
            blob = self.bucket.blob(held.name)
            blob.metadata = {"value": value}
            blob.patch()
            held.metadata["value"] = value
            held.metageneration += 1

        @rule(days=st.integers(1, 5))
        def let_time_pass(self, days: int) -> None:
            clock.advance(api.cloud, timedelta(days=days), hold=True)
            lifecycle.act(api.cloud)
            self.model.deleted = [one for one in self.model.deleted if one.until and one.until > self.now]

        @precondition(lambda self: not PLAIN.isdisjoint(self.model.live))
        @rule(which=WHICH, gone=st.booleans())
        def a_container_writes(self, which: int, gone: bool) -> None:
            held = self.any_of([one for name, one in self.model.live.items() if name in PLAIN], which)
            path = self.folder / held.name
            if not path.is_file():
                return
            del self.model.live[held.name]
            if gone:
                path.unlink()
                return
            path.write_bytes(b"of a container")
            seen = self.bucket.get_blob(held.name)
            assert seen.generation > held.generation
            self.model.live[held.name] = Held(held.name, seen.generation, b"of a container")

        @invariant()
        def holds_the_same(self) -> None:
            if not hasattr(self, "model"):
                return
            live = [(one.name, one.generation) for one in self.model.live.values()]
            listed = list(self.bucket.list_blobs(page_size=2))
            assert [(one.name, one.generation) for one in listed] == sorted(live)
            for blob in listed:
                held = self.model.live[blob.name]
                assert (blob.metadata or {}, blob.metageneration) == (held.metadata, held.metageneration)
                assert blob.download_as_bytes() == held.content
            both = sorted([*live, *((one.name, one.generation) for one in self.model.former)])
            assert [(one.name, one.generation) for one in self.bucket.list_blobs(versions=True)] == both
            for held in self.model.former[-3:]:
                assert self.bucket.blob(held.name, generation=held.generation).download_as_bytes() == held.content
            deleted = sorted((one.name, one.generation) for one in self.model.deleted)
            assert [(one.name, one.generation) for one in self.bucket.list_blobs(soft_deleted=True)] == deleted
            pages = self.bucket.list_blobs(delimiter="/", page_size=1)
            assert sorted(one.name for one in pages) == sorted(name for name in self.model.live if "/" not in name)
            assert pages.prefixes == {name.partition("/")[0] + "/" for name in self.model.live if "/" in name}
            shown = {name: self.model.live[name].content for name in files(self.folder)}
            assert shown == files(self.folder), "the mount shows what is live"

    return Buckets


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with answering(Cloud(Home(tmp_path_factory.mktemp("storage") / "home"), "test")) as made:
        yield made


def test_random_calls_leave_what_the_model_holds(api: Api) -> None:
    names = (f"bucket-{number}" for number in count())
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    few = settings(max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(machine(api, names), settings=few)
