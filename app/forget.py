"""`python -m app.forget`: remove what is remembered of the customer that the environment variable CUSTOMER names.

The store is the one of HISTORY_URL; the key comes as it does for the service, or from MASKING_KEY_FILE. Tokens of every
version of the key are looked for, in the customer's own record and in those of devices, addresses and the like.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import asyncio
import os
import sys
from collections.abc import Mapping

from app.history.opening import NOT_SHARED, open_store
from app.history.store import Forgotten, HistoryUnavailable
from orderguard.masking import Keyring, MaskingKeyError
from orderguard.private_files import keep_private


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Exit codes: 0 no history of the customer is left in the store, 1 the store did not do it, 2 an input is wrong."""
    customer, url = environment.get("CUSTOMER", "").strip(), environment.get("HISTORY_URL", "")
    if not customer:
        print("whom to forget? Name the customer's id: make forget CUSTOMER=…", file=sys.stderr)
        return 2
    if url in ("", *NOT_SHARED):
        print("HISTORY_URL names no store besides: nothing more to look through.")
        return 0
    try:
        tokens = Keyring.from_environment(environment).tokens("customer", customer)
        forgotten = asyncio.run(forget(url, tokens, environment))
    except (MaskingKeyError, HistoryUnavailable) as error:
        print(f"the history can't be removed: {error}", file=sys.stderr)
        return 2 if isinstance(error, MaskingKeyError) else 1
    print(
        f"No history of this customer is left in the history store: {forgotten.customers} removed, and their orders"
        f" from the records of {forgotten.entities} devices, networks, e-mails, addresses and cards."
    )
    return 0


async def forget(url: str, tokens: list[str], environment: Mapping[str, str]) -> Forgotten:
    """Remove these customers from the store. Raises `HistoryUnavailable`."""
    store = open_store(
        url,
        1,
        1,
        password=environment.get("HISTORY_PASSWORD", ""),
        login=environment.get("HISTORY_LOGIN", ""),
        ca=environment.get("HISTORY_CA", ""),
    )
    assert store is not None
    try:
        return await store.forget(tokens, shown)
    finally:
        await store.close()


def shown(looked_through: int) -> None:
    """Show how far it is, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r{looked_through:,} records looked through", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
