"""Loading a seed: only where nothing newer is there, as often as one likes, and never one of another key."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from app import seeding
from app.history import HistoryUnavailable, open_store
from app.history.store import Seeded, SeedRecord, StoreState
from app.seeding import BATCH, fill, main
from ml.histories import records_after
from orderguard.history.seed import Entry, SeedHeader, read_header, write_seed
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.schema import MaskedOrder, decode_order

KEY = new_key_text()
KEYRING = Keyring.from_text(KEY)
CUSTOMERS = BATCH + 7


def order(number: int, day: int, customer: int) -> MaskedOrder:
    text = (
        f'{{"order_id":"O-{number}","created_at":"2026-05-{day:02}T12:00:00Z","customer":{{"id":"C-{customer}"}},'
        '"currency":"EUR","items":[{"sku":"A","quantity":1,"unit_price":2.5}]}'
    )
    return mask_order(decode_order(text), KEYRING)


ORDERS = [order(number, 1 + number % 3, number % CUSTOMERS) for number in range(2 * CUSTOMERS)]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A seed of some customers with two orders each, and the settings of a store of its own."""
    records = records_after([ORDERS], [order.order_token for order in ORDERS])
    header = SeedHeader(
        key=KEYRING.fingerprint,
        feature_set_version="x",
        made_of="0" * 64,
        orders=len(ORDERS),
        records=len(records),
        last_order=ORDERS[-1].created_at.timestamp(),
    )
    write_seed(tmp_path / "histories", header, (Entry(key, records[key]) for key in sorted(records)))
    return {
        "PII_MASKING": "enforced",
        "MASKING_KEY": KEY,
        "HISTORIES_DIR": str(tmp_path / "histories"),
        "HISTORY_URL": f"sqlite:{tmp_path / 'store' / 'histories.sqlite'}",
    }


def known(settings: dict[str, str], orders: Sequence[MaskedOrder]) -> tuple[list[int], StoreState]:
    """How many earlier orders the store knows of these orders' customers, and its state."""

    async def ask() -> tuple[list[int], StoreState]:
        store = open_store(settings["HISTORY_URL"], 180, 90)
        assert store
        pasts = await store.take(orders, record=False)
        state = await store.state()
        await store.close()
        return [past.customer.count if past.customer else 0 for past in pasts], state

    return asyncio.run(ask())


def take(settings: dict[str, str], orders: Sequence[MaskedOrder]) -> None:
    async def count() -> None:
        store = open_store(settings["HISTORY_URL"], 180, 90)
        assert store
        await store.take(orders)
        await store.close()

    asyncio.run(count())


def test_a_store_knows_what_it_would_know_had_it_taken_the_orders(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(settings) == 0
    assert f"{CUSTOMERS:,} records written; from {len(ORDERS):,} orders until 2026-05-0" in capsys.readouterr().out
    later = [order(10_000 + customer, 20, customer) for customer in range(CUSTOMERS)]
    counts, state = known(settings, later)
    assert counts == [2] * CUSTOMERS
    assert state.seed and state.seed.startswith(KEYRING.fingerprint)
    take(settings, [ORDERS[-1]])
    assert known(settings, later)[0] == counts, "an order of the seed that comes again is counted once"


def test_what_is_newer_stays_and_it_may_be_run_again(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A customer who came back before the seed was loaded keeps what the store has seen since."""
    take(settings, [order(20_000, 20, 3)])
    assert main(settings) == 0
    told = capsys.readouterr().out
    assert f"{CUSTOMERS - 1:,} records written, 1 left as they were" in told
    later = [order(30_000 + customer, 25, customer) for customer in (3, 4)]
    assert known(settings, later)[0] == [1, 2]
    assert main(settings) == 0
    assert f"0 records written, {CUSTOMERS:,} left as they were" in capsys.readouterr().out
    assert known(settings, later)[0] == [1, 2]


def test_a_seed_of_another_key_is_refused_with_the_way_out(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where both are called k1, and where it is the key before."""
    for other in (new_key_text(), f"{new_key_text('k2')},{KEY}"):
        assert main({**settings, "MASKING_KEY": other}) == 2
        said = capsys.readouterr().err
        assert KEYRING.fingerprint in said and "make seed-histories" in said and "make secrets" in said
        assert KEY.partition(":")[2] not in said
    assert known(settings, [order(1, 20, 1)])[1] == StoreState(None, None), "nothing was loaded"


def test_what_there_is_to_load_and_where_to_is_said(
    settings: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main({**settings, "HISTORIES_DIR": str(tmp_path / "none")}) == 0
    assert "no seed" in capsys.readouterr().out
    assert main({**settings, "HISTORY_URL": "memory:"}) == 0
    assert "no store to seed" in capsys.readouterr().out
    assert main({name: text for name, text in settings.items() if name != "HISTORIES_DIR"}) == 2
    assert "HISTORIES_DIR" in capsys.readouterr().err
    path = next((tmp_path / "histories").iterdir())
    path.write_bytes(path.read_bytes()[:-50])
    assert main(settings) == 2
    assert "cut short" in capsys.readouterr().err


def test_a_store_that_comes_back_is_waited_for_and_one_that_does_not_is_said(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "REST_SECONDS", 0.0)
    folder = Path(settings["HISTORIES_DIR"])
    header = read_header(folder)
    assert header

    class Flaky:
        """A store that fails so often before each answer."""

        def __init__(self, failures: int) -> None:
            self.failures, self.left, self.names = failures, failures, list[str]()

        async def seed(self, records: Sequence[SeedRecord], name: str = "") -> Seeded:
            self.left -= 1
            if self.left >= 0:
                raise HistoryUnavailable("TimeoutError")
            self.left = self.failures
            self.names.append(name)
            return Seeded(len(records), 0)

    store = Flaky(3)
    done = asyncio.run(fill(store, folder, header))  # type: ignore[arg-type]
    assert done == Seeded(CUSTOMERS, 0)
    assert store.names == ["", header.name], "the name goes last: a store that has it was seeded whole"
    with pytest.raises(HistoryUnavailable):
        asyncio.run(fill(Flaky(10_000), folder, header))  # type: ignore[arg-type]
