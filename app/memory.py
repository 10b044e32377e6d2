"""What the process holds of the machine's memory: what it took for a moment goes back."""

import ctypes
import gc
from collections.abc import Callable
from typing import Any

COLLECT_AFTER = 20_000
KEPT_BYTES = 1_048_576
"""Free memory that the C library may keep for what comes next, and from when on a piece is the system's own. What the
model needs for a slice of 128 orders is below: it would cost a page fault for each 4 KiB, again and again."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of glibc's malloc.h."""


def bound_memory() -> None:
    """Have the C library return what is free. Left to itself, glibc raises its limits with the largest piece that was
    ever returned, up to 64 MiB: one batch would make the process larger for good.
    """
    mallopt = _of_c_library("mallopt")
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, KEPT_BYTES)


def settle_memory() -> None:
    """Return to the system what parsing a model took for a moment (tens of megabytes with the C library of Linux), and
    keep the collector from walking again and again through what stays: that is a fifth of a request's time.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    gc.enable()
    return_memory()


def return_memory() -> None:
    """Return to the system what is free between pieces in use: less than a millisecond, in which requests may wait."""
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_c_library(name: str) -> Callable[..., Any] | None:
    found: Callable[..., Any] | None = getattr(ctypes.CDLL(None), name, None)
    return found
