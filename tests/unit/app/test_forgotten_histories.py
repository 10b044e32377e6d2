"""`python -m app.history`: a customer's history goes from the store."""

import asyncio
from pathlib import Path

import pytest

from app.history import open_store
from app.history.__main__ import main
from app.history.memory import MemoryStore
from orderguard.masking import Keyring, new_key_text

OLD, NEW = new_key_text("k1"), new_key_text("k2")


def kept(url: str, *tokens: str) -> list[bytes | None]:
    async def read() -> list[bytes | None]:
        store = open_store(url, 1)
        assert store is not None
        try:
            return [await store.records.read(token) for token in tokens]
        finally:
            await store.close()

    return asyncio.run(read())


def keep(url: str, **records: bytes) -> None:
    async def write() -> None:
        store = open_store(url, 1)
        assert store is not None
        for token, record in records.items():
            await store.records.write(token, record)
        await store.close()

    asyncio.run(write())


def test_the_customers_history_goes_under_every_version_of_the_key(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'history.sqlite'}"
    keyring = Keyring.from_text(f"{NEW},{OLD}")
    now, before = keyring.tokens("customer", "C-1")
    other = keyring.token("customer", "C-2")
    keep(url, **{now: b"their-newer-record", before: b"their-older-record", other: b"another's"})
    assert main({"CUSTOMER": "C-1", "HISTORY_URL": url, "MASKING_KEY": f"{NEW},{OLD}"}) == 0
    assert kept(url, now, before, other) == [None, None, b"another's"]
    remains = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"another's" in remains
    assert b"record" not in remains.replace(b"record BLOB", b"")


def test_memory_forgets() -> None:
    async def check() -> None:
        store = MemoryStore(60)
        await store.write("one", b"1")
        await store.forget("one")
        await store.forget("never there")
        assert await store.read("one") is None

    asyncio.run(check())


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"MASKING_KEY": NEW}, 2, "CUSTOMER="),
        ({"CUSTOMER": "C-1", "MASKING_KEY": NEW}, 0, "restart"),
        ({"CUSTOMER": "C-1", "HISTORY_URL": "sqlite:history"}, 2, "masking key"),
        ({"CUSTOMER": "C-1", "HISTORY_URL": "sqlite:/dev/null/x", "MASKING_KEY": NEW}, 2, "can't be removed"),
    ],
)
def test_what_is_missing_is_said(
    environment: dict[str, str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(environment) == code
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert "C-1" not in shown.out + shown.err
