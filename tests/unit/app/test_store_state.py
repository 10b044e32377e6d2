"""What a store of histories is like for drift: young, seeded, warm, or robbed of what it knew."""

import asyncio

import numpy as np

from app.history import HistoryUnavailable
from app.history.memory import MemoryStore
from app.history.store import StoreState
from app.store_state import DAY, HistoriesWatch
from orderguard.drift import DriftReference, DriftReport, DriftSettings, reference_bins
from orderguard.drift_counter import DriftCounter
from orderguard.features.causes import GROWTH
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.schema import decode_order

KEYRING = Keyring.from_text(new_key_text())
ORDER = mask_order(
    decode_order(
        b'{"order_id":"O-1","created_at":"2026-05-04T12:00:00Z","customer":{"id":"C-1"},"currency":"EUR",'
        b'"items":[{"sku":"A","quantity":1,"unit_price":2.5}]}'
    ),
    KEYRING,
)
TTL_DAYS = 180


class Clock:
    """A time that tests set."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def report(state_of: HistoriesWatch) -> DriftReport:
    """Recent orders of which one in ten has a known customer, where nine in ten have."""
    before = np.where(np.arange(1_000) % 10 < 9, 3.0, 0.0)
    bins = [reference_bins(GROWTH, before, cause="history"), reference_bins("score", before)]
    counter = DriftCounter(DriftReference(bins=bins, settings=DriftSettings(), known=0.9))
    recent = np.where(np.arange(1_000) % 10 < 1, 3.0, 0.0)
    counter.add_rows(recent[:, None], before, [0] * 1_000)
    return counter.report(state_of.state)


async def looked(watch: HistoriesWatch) -> str:
    """What it is like once it was looked at."""
    await watch.look()
    return watch.state


def test_a_store_is_young_until_it_is_seeded_or_as_old_as_a_history_lives() -> None:
    async def story() -> None:
        clock = Clock()
        store = MemoryStore(TTL_DAYS * DAY, 90 * DAY, clock=clock)
        watch = HistoriesWatch(store, KEYRING, TTL_DAYS, clock)
        assert await looked(watch) == "young", "nothing was ever taken"
        await store.take([ORDER])
        begun, clock.now = clock.now, clock.now + 3 * DAY
        assert await looked(watch) == "young"
        told = report(watch)
        answer = watch.answer(told)
        assert (told.drifted, told.expected) == (False, True)
        assert answer.since is not None and answer.since.timestamp() == begun
        assert (answer.known, answer.usual, answer.seeded) == (0.1, 0.9, False)
        assert "seed-histories" in answer.advice and "seed-histories" in told.moved("expected")[0].advice
        clock.now = begun + (TTL_DAYS + 1) * DAY
        assert await looked(watch) == "warm" and report(watch).drifted, "what it does not know by now is a fault"

        await store.seed([], f"{new_key_text('k9')[:2]}:of-another-key 0123")
        clock.now = begun + DAY
        assert await looked(watch) == "young", "a seed of another key is found by nobody's orders"
        await store.seed([], f"{KEYRING.fingerprint} 0123")
        assert await looked(watch) == "warm" and watch.answer(told).seeded

    asyncio.run(story())


def test_a_store_that_lost_what_it_knew_is_told_until_it_is_seeded_again() -> None:
    async def story() -> None:
        clock = Clock()
        watched: list[MemoryStore] = [MemoryStore(1e9, 1e9, clock=clock)]

        class Replaced:
            """A server that comes back empty."""

            name = "redis"

            async def state(self) -> StoreState:
                return await watched[0].state()

        watch = HistoriesWatch(Replaced(), KEYRING, TTL_DAYS, clock)  # type: ignore[arg-type]
        await watched[0].take([ORDER])
        assert not await watch.look()
        clock.now += DAY
        watched[0] = MemoryStore(1e9, 1e9, clock=clock)
        assert await watch.look(), "once"
        assert not await watch.look()
        await watched[0].take([ORDER])
        assert not await watch.look(), "its new beginning is no second loss"
        told = report(watch)
        assert (watch.state, told.drifted) == ("lost", True)
        assert "lost its records" in told.moved("unexpected")[0].advice
        assert watch.answer(told).lost_at is not None and watch.answer(told).state == "lost"
        await watched[0].seed([], f"{KEYRING.fingerprint} 0123")
        assert not await watch.look()
        assert watch.state == "warm" and watch.answer(told).lost_at is None

    asyncio.run(story())


def test_a_store_that_is_away_is_neither_young_nor_lost() -> None:
    class Away(MemoryStore):
        away = False

        async def state(self) -> StoreState:
            if self.away:
                raise HistoryUnavailable("TimeoutError")
            return await super().state()

    async def story() -> None:
        store = Away(1e9, 1e9)
        watch = HistoriesWatch(store, KEYRING, TTL_DAYS)
        await store.seed([], f"{KEYRING.fingerprint} 0123")
        await watch.look()
        store.away = True
        assert not await watch.look()
        told = report(watch)
        assert watch.state == "warm" and watch.answer(told).state == "unavailable"
        off = HistoriesWatch(None, KEYRING, TTL_DAYS)
        assert not await off.look()
        assert off.answer(report(off)).state == "off" and "HISTORY_URL" in report(off).moved("unexpected")[0].advice

    asyncio.run(story())
