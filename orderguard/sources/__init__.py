"""Other people's orders as loose orders: one module a vendor, one mapping a table.

A loose order is a dictionary with the field names of `orderguard.schema` and the vendor's values. It may be anything:
`orderguard.repair` alone makes an `Order` of it. What is no order says so in `_kind`. Nothing here is imported before
it is asked for.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

VENDORS = ("shopify", "woocommerce", "stripe")
TABLES = ("magento", "bigcommerce", "amazon", "olist", "superstore", "northwind", "cdnow")
SOURCES: tuple[str, ...] = (*VENDORS, *TABLES)
"""What may be named: vendors, and the mappings that ship (a vendor's own export as a table is one, too)."""

Source = Callable[[object], Iterator[dict[str, Any]]]


class UnknownSource(ValueError):
    """A source of a name that there is not; the message names all that there are, and does not repeat the name."""

    def __init__(self) -> None:
        super().__init__(f"no such source; there are {', '.join(SOURCES)}")


def source(name: str) -> Source:
    """What turns a document of the source into loose orders. Raises `UnknownSource`."""
    if name not in SOURCES:
        raise UnknownSource
    if name in VENDORS:
        orders: Source = import_module(f"orderguard.sources.{name}").orders
        return orders
    mapped: Callable[[str], Source] = import_module("orderguard.sources.mapped").mapped
    return mapped(name)
