"""`python -m app.history`: remove the history of the customer that the environment variable CUSTOMER names.

The store is the one of HISTORY_URL; the key comes as it does for the service, or from MASKING_KEY_FILE. Tokens of every
version of the key are looked for.
"""

import asyncio
import os
import sys
from collections.abc import Mapping

from app.history import HistoryUnavailable, open_store
from orderguard.masking import Keyring, MaskingKeyError
from orderguard.private_files import keep_private

IN_MEMORY = ("", "memory:", "off")


def main(environment: Mapping[str, str] = os.environ) -> int:
    """0 when no history of the customer is left in the store, 2 for what the user has to mend."""
    customer, url = environment.get("CUSTOMER", "").strip(), environment.get("HISTORY_URL", "")
    if not customer:
        print("whom to forget? Name the customer's id: make forget CUSTOMER=…", file=sys.stderr)
        return 2
    if url in IN_MEMORY:
        print("Histories are kept in the service's memory alone: a restart removes them (HISTORY_URL names no store).")
        return 0
    try:
        asyncio.run(forget(url, Keyring.from_environment(environment).tokens("customer", customer)))
    except (MaskingKeyError, HistoryUnavailable) as error:
        print(f"the history can't be removed: {error}", file=sys.stderr)
        return 2
    print("No history of this customer is left in the history store.")
    return 0


async def forget(url: str, tokens: list[str]) -> None:
    """Remove the histories of these customers. Raises `HistoryUnavailable`."""
    store = open_store(url, ttl_days=1)
    if store is not None:
        for token in tokens:
            await store.forget(token)
        await store.close()


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
