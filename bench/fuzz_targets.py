"""Runs inside the fuzzer's own environment: `fuzz_targets.py order|text CORPUS [libFuzzer options]`.

A target raises when a promise is broken; the fuzzer then keeps the input and ends with an error.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any

atheris: Any = importlib.import_module("atheris")
with atheris.instrument_imports(include=["orderguard"]):
    from orderguard.masking import Keyring, mask_order, mask_text
    from orderguard.schema import OrderError, decode_order

KEYRING = Keyring.from_text("k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")
EMAIL = "zephyrine.quackenbosch@canary.example"
KNOWN = ("Zephyrine Quackenbosch", "Papageienweg 4417")


def order(data: bytes) -> None:
    """Bytes are an order or an `OrderError`, and every order can be masked, twice with the same result."""
    try:
        decoded = decode_order(data)
    except OrderError:
        return
    if mask_order(decoded, KEYRING) != mask_order(decoded, KEYRING):
        raise AssertionError("masking an order twice gave two results")


def text(data: bytes) -> None:
    """Masking ends, is idempotent, and finds an e-mail address and a known name on a line of their own in any text."""
    written = data.decode("utf-8", "replace")
    once = mask_text(written, KNOWN)
    if mask_text(once, KNOWN) != once:
        raise AssertionError("masking what is masked changed it")
    planted = mask_text(f"{written}\n {EMAIL} \n {KNOWN[0]} \n{written}", KNOWN)
    if EMAIL in planted or KNOWN[0] in planted:
        raise AssertionError("a planted value was left")


TARGETS: dict[str, Callable[[bytes], None]] = {"order": order, "text": text}


if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
