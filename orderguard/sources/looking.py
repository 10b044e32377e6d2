"""What an unknown file holds: which vendor's documents, or a table that one of the shipped mappings reads."""

from collections.abc import Sequence

from orderguard.sources.documents import at, entries
from orderguard.sources.shopify import is_bulk
from orderguard.sources.mapping import Mapping, MappingError, shipped, shipped_mapping
from orderguard.sources.plan import Plan

ENOUGH = 0.7
"""The share of a mapping's columns that a table has to have: exports differ by version and settings."""
CANONICAL = "orders"


def of_document(document: object) -> str | None:
    """The source of a document, or of the first in a list or an envelope; `CANONICAL` for an order of our own."""
    for _ in range(4):
        if isinstance(document, list):
            document = document[0] if document else None
            continue
        found = _vendor(document)
        if found:
            return found
        inside = next((at(document, name) for name in ("data", "orders", "order", "items") if at(document, name)), None)
        if isinstance(inside, dict) and entries(inside):
            inside = entries(inside)
        if inside is None:
            return None
        document = inside
    return None


def _vendor(document: object) -> str | None:
    if not isinstance(document, dict):
        return None
    names = document.keys()
    if document.get("object") in ("charge", "payment_intent", "checkout.session", "refund", "event") or (
        document.get("object") == "list" and "has_more" in names
    ):
        return "stripe"
    if {"order_id", "items"} <= names and ("created_at" in names or "currency" in names):
        return CANONICAL
    if "line_items" in names and names & {"date_created", "date_created_gmt", "billing", "customer_ip_address"}:
        return "woocommerce"
    if (
        "line_items" in names and names & {"financial_status", "admin_graphql_api_id", "order_number", "processed_at"}
    ) or ("lineItems" in names and names & {"currencyCode", "legacyResourceId", "displayFinancialStatus", "createdAt"}):
        return "shopify"
    if is_bulk(document):
        return "shopify"
    if {"increment_id", "items"} <= names:
        return "magento"
    return None


def of_table(columns: Sequence[str]) -> tuple[str, Mapping] | None:
    """The shipped mapping that reads a table of these columns: of those that fit, the one that reads most of them."""
    best: tuple[float, str, Mapping] | None = None
    for name in shipped():
        mapping = shipped_mapping(name)
        if mapping.lines.each or mapping.join:
            continue
        share = fits(mapping, columns)
        if share is not None and (best is None or share > best[0]):
            best = (share, name, mapping)
    return best and (best[1], best[2])


def fits(mapping: Mapping, columns: Sequence[str]) -> float | None:
    """How many of the columns a mapping reads, if it reads what an order needs and most of what it knows is there."""
    try:
        plan = Plan(mapping, columns)
    except MappingError:
        return None
    known = [*mapping.columns()]
    there = len(known) - len(plan.absent)
    return float(there) if there >= max(3.0, ENOUGH * len(known)) else None
