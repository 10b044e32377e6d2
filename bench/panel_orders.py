"""The orders that the panel's questions are asked about, one of each kind, as the model saw them."""

from collections.abc import Sequence

import msgspec
import numpy as np

from bench.retrieval import knowledge_only_index
from orderguard.features import FEATURE_NAMES
from orderguard.retrieval import Case, KnowledgeIndex, make_case
from orderguard.schema import MaskedOrder

Reasons = Sequence[tuple[str, float]]
ORDERS: dict[str, tuple[str, float, Reasons]] = {
    "pm": ("kitchen", 0.83, [("price_below_range", 0.5), ("largest_line_share", 0.2), ("new_price_below", 0.05)]),
    "qb": ("toys", 0.79, [("largest_quantity", 0.45), ("own_value_deviation", 0.2), ("order_value", 0.1)]),
    "ct": ("groceries", 0.74, [("orders_1h", 0.4), ("hours_since_last", 0.2), ("card_country_mismatch", 0.1)]),
    "at": ("electronics", 0.81, [("new_device", 0.3), ("own_hour_distance", 0.25), ("new_address", 0.2)]),
    "rs": ("electronics", 0.77, [("country_mismatch", 0.3), ("addressee_mismatch", 0.3), ("destination_rarity", 0.1)]),
    "da": ("fashion", 0.72, [("discount_share", 0.6), ("has_coupon", 0.1)]),
    "gc": ("gift-cards", 0.8, [("category_rarity", 0.3), ("new_payment", 0.2), ("new_device", 0.2)]),
    "un": ("garden", 0.69, [("lines", 0.4), ("channel_rarity", 0.2)]),
    "ok": ("kitchen", 0.21, [("weekday_cosine", 0.1), ("new_payment", 0.06), ("order_value", 0.02)]),
}
"""The selected orders: category, score (the threshold is 0.6) and reasons."""
THRESHOLD = 0.6


def selected_orders() -> dict[str, Case]:
    """The orders that questions are asked about, as the model saw them."""
    return {kind: _case(f"selected-{kind}", *order) for kind, order in ORDERS.items()}


def panel_index() -> KnowledgeIndex:
    """The knowledge, and for each selected order two past cases like it."""
    index = knowledge_only_index()
    past = [_case(f"past-{kind}-{n}", *order, n) for kind, order in ORDERS.items() if kind != "ok" for n in (1, 2)]
    return msgspec.structs.replace(index, cases=past)


def _case(token: str, category: str, score: float, reasons: Reasons, shift: int = 0) -> Case:
    order = msgspec.convert(
        {
            "order_token": token,
            "customer_token": "c",
            "created_at": "2026-05-04T03:41:00Z",
            "currency": "EUR",
            "channel": "web",
            "payment_method": "card",
            "shipping_method": "express",
            "card_country": "DE",
            "billing": {"country": "DE"},
            "shipping": {"country": "PL"},
            "items": [{"sku": "SKU-1", "category": category, "quantity": 2 + shift, "unit_price": 19.95}],
        },
        MaskedOrder,
    )
    features = np.zeros(len(FEATURE_NAMES), np.float32)
    for name, value in reasons:
        features[FEATURE_NAMES.index(name)] = 5 * value + 0.01 * shift
    return make_case(order, features, score, THRESHOLD, reasons)
