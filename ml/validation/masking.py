"""Gate: features don't depend on personal data, nor on the masking key.

The first orders are masked three times: as they are, with another key, and with every personal value replaced. All
three must give the same features.
"""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ml.config import MaskingGate
from ml.reading import blocks_of_files, lines_of, usable_order
from ml.validation.gates import Figure, Gate, gate
from orderguard.catalogue import Catalogue
from orderguard.features.pasts import Pasts
from orderguard.features.vector import compute_features
from orderguard.masking import Keyring, mask_order
from orderguard.masking.order import network
from orderguard.repair import Feed
from orderguard.schema import CLASSIFICATION, MaskedOrder, OrderError, encode_order

_TELLS_APART = frozenset(
    f"{address}.{part}" for address in ("billing_address", "shipping_address") for part in ("postcode", "city")
)
"""Generalised or dropped, but part of a pseudonym too: different ones must stay different."""

OTHER_KEY = "gate1:b3RoZXItbWFza2luZy1rZXktb2YtMzItYnl0ZXMtISE"
"""Published on purpose: nothing that is masked with it leaves this module."""


def masking_gate(
    paths: Sequence[Path], keyring: Keyring, catalogue: Catalogue, config: MaskingGate, feed: Feed = Feed()
) -> Gate:
    """Compare the features of the first orders under both keys, and with personal data replaced."""
    lines = list(islice(_usable_lines(paths, feed), config.rows))
    other = Keyring.from_text(OTHER_KEY)
    plain = _features([_masked(line, keyring) for line in lines], catalogue)
    rekeyed = _features([_masked(line, other) for line in lines], catalogue)
    replaced = _features([_masked(with_other_people(line), keyring) for line in lines], catalogue)
    figures = [
        Figure(
            name=f"orders of {len(lines)} whose features differ {how}",
            value=int(np.sum(np.any(features != plain, axis=1))),
            bound="exactly",
            limit=0,
            advice="A feature depends on who ordered: a defect in `orderguard/features` or `orderguard/masking`, not "
            "in the orders. The version must not be served.",
        )
        for how, features in (("under another key", rekeyed), ("with personal data replaced", replaced))
    ]
    return gate("masking", "Features depend neither on personal data nor on the masking key.", figures)


def _features(orders: list[MaskedOrder], catalogue: Catalogue) -> np.ndarray[Any, np.dtype[np.float32]]:
    return compute_features(sorted(orders, key=lambda order: order.created_at), catalogue, Pasts.empty())


def _usable_lines(paths: Sequence[Path], feed: Feed) -> Iterator[bytes]:
    for block in blocks_of_files(paths):
        for line in lines_of(block):
            try:
                yield encode_order(usable_order(line, feed))
            except OrderError:
                continue


def _masked(line: bytes, keyring: Keyring) -> MaskedOrder:
    return mask_order(usable_order(line), keyring)


def with_other_people(line: bytes) -> bytes:
    """The same order by somebody else: equal values stay equal, and different ones different."""
    order = msgspec.json.decode(line)
    for path, handling in CLASSIFICATION.items():
        if path == "device.ip":
            _replace(order, path.split("."), _another_network)
        elif handling != "keep":
            _replace(order, path.split("."), _another if path in _TELLS_APART or handling == "pseudonym" else _the_same)
    return msgspec.json.encode(order)


def _another(value: str) -> str:
    """Another value for each value."""
    return f"qx{value}"


def _another_network(value: str) -> str:
    """An IP address in another network for each network, and another value for what is none."""
    found = network(value)
    if found is None:
        return _another(value)
    address = ip_network(found).network_address
    return str(type(address)(int(address) ^ 1 << address.max_prefixlen - 7))


def _the_same(value: str) -> str:
    """One value for all."""
    return "replaced"


def _replace(value: Any, path: list[str], other: Callable[[str], str]) -> None:
    name, *rest = path
    if name.endswith("[]"):
        for element in value.get(name[:-2]) or []:
            _replace(element, rest, other)
    elif rest:
        if value.get(name):
            _replace(value[name], rest, other)
    elif isinstance(value.get(name), str) and value[name].strip():  # what is blank counts as absent
        value[name] = other(value[name])
