"""Features of a few orders, as serving needs them: plain floats, and arrays only for what is best done at once."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import Catalogue
from orderguard.features.facts import NUMBERS, codes_of, numbers_of
from orderguard.features.lines import LINE_FACTS
from orderguard.features.straight import AMOUNTS, amount_formulas, feature_formulas
from orderguard.features.table import (
    COSINE_OF_MINUTE,
    COSINE_OF_WEEKDAY,
    FEATURES,
    SINE_OF_MINUTE,
    SINE_OF_WEEKDAY,
    SMALLEST,
)
from orderguard.history import CustomerHistory
from orderguard.schema import MaskedOrder

Facts = tuple[float, ...]
Known = tuple[MaskedOrder, CustomerHistory | None]
"""An order, and what was known of its customer before it."""

IS_LN = np.array([feature.scale == "ln" for feature in FEATURES])
IS_LN1P = np.array([feature.scale == "ln(1+x)" for feature in FEATURES])

USUAL = (
    *("minute_sine", "minute_cosine", "weekday_sine", "weekday_cosine", "hour_rarity"),
    *("usual_basket", "usual_spread", "usual_account_days", "usual_gap_hours"),
    *("channel_rarity", "payment_rarity", "currency_rarity", "country_rarity"),
)
PAST = (
    *("earlier", "remembered", "seconds_since_last", "nearest_minutes", "new_address", "new_device", "new_payment"),
    *("orders_1h", "orders_24h", "orders_7d", "orders_30d", "spend_24h", "spend_30d"),
)
LOGS = ("log_value", "past_log", "past_log_squared")

amounts = amount_formulas()
formulas = feature_formulas(
    (*NUMBERS, *(name for name, _ in LINE_FACTS), *AMOUNTS, "lines", *USUAL, *PAST, *LOGS), {"sqrt": math.sqrt}
)
VALUE = len(LINE_FACTS) + AMOUNTS.index("value")
AT, MINUTE, WEEKDAY, DISCOUNT, ADDRESS, DEVICE, PAYMENT = map(
    NUMBERS.index, ("at", "minute", "weekday", "discount", "address", "device", "payment")
)
WEEKDAYS = tuple(zip(SINE_OF_WEEKDAY, COSINE_OF_WEEKDAY, strict=True))
NO_PAST = (0.0, 0.0, 720.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def order_features(order: MaskedOrder, history: CustomerHistory | None, catalogue: Catalogue) -> NDArray[np.float32]:
    """The feature vector of an order, shape (d,), given what was known of its customer before it. Always finite."""
    vector: NDArray[np.float32] = features_of([(order, history)], catalogue)[0]
    return vector


def features_of(orders: Sequence[Known], catalogue: Catalogue) -> NDArray[np.float32]:
    """The feature vectors of orders, shape (n, d), each with its customer's history. Always finite."""
    values: list[float] = []
    ends: list[int] = []
    facts = []
    facts_of = _facts_by(catalogue, values)
    for order, history in orders:
        facts.append(facts_of(order, history))
        ends.append(len(values))
    logs: list[float] = np.log(values).tolist()
    rows, start = [], 0
    for known, end in zip(facts, ends, strict=True):
        past_log = past_log_squared = 0.0
        for log in logs[start + 1 : end]:
            past_log += log
            past_log_squared += log * log
        rows.append(formulas(*known, logs[start], past_log, past_log_squared))
        start = end
    table = np.array(rows)
    np.log(table, out=table, where=IS_LN)
    np.log1p(table, out=table, where=IS_LN1P)
    # Adding 0 turns −0 into 0, so that equal values have equal bits.
    return table.astype(np.float32) + np.float32(0)


def _facts_by(catalogue: Catalogue, values: list[float]) -> Callable[[MaskedOrder, CustomerHistory | None], Facts]:
    """A function that gives all facts of an order but the logarithms. To `values` it adds the order's and then the
    earlier orders', newest first.

    What the catalogue says is looked up once for a group of orders.
    """
    level_of, basket, hour_rarity = catalogue.currency_levels.get, catalogue.basket, catalogue.hour_rarity
    usual = (basket, catalogue.spread, catalogue.account_age_days, catalogue.gap_hours)
    rarity = catalogue.rarity
    channel_of, no_channel = rarity["channel"].of.get, rarity["channel"].unseen
    payment_of, no_payment = rarity["payment_method"].of.get, rarity["payment_method"].unseen
    currency_of, no_currency = rarity["currency"].of.get, rarity["currency"].unseen
    country_of, no_country = rarity["country"].of.get, rarity["country"].unseen

    def facts(order: MaskedOrder, history: CustomerHistory | None) -> Facts:
        numbers = numbers_of(order)
        currency, channel, payment, country = codes_of(order)
        amount = amounts(_lines(order, catalogue), level_of(currency, 0.0), numbers[DISCOUNT], basket)
        values.append(amount[VALUE])
        minute = int(numbers[MINUTE])
        return (
            *numbers,
            *amount,
            float(len(order.items)),
            SINE_OF_MINUTE[minute],
            COSINE_OF_MINUTE[minute],
            *WEEKDAYS[int(numbers[WEEKDAY])],
            hour_rarity[minute // 60],
            *usual,
            channel_of(channel, no_channel),
            payment_of(payment, no_payment),
            currency_of(currency, no_currency),
            country_of(country, no_country),
            float(history.count) if history else 0.0,
            *(_past(numbers, history, catalogue, values) if history and history.at else NO_PAST),
        )

    return facts


def _lines(order: MaskedOrder, catalogue: Catalogue) -> list[tuple[Any, ...]]:
    """What `straight.LINE` names, of each line."""
    prices, usual_prices, quantities = catalogue.sku_prices, catalogue.category_prices, catalogue.category_quantities
    rarity = catalogue.rarity["category"]
    rare, unseen, usual_quantity = rarity.of, rarity.unseen, quantities[""]
    lines = []
    for item in order.items:
        category = item.category or ""
        lines.append(
            (
                item.quantity,
                item.unit_price,
                item.discount or 0.0,
                prices.get(item.sku, 0.0),
                usual_prices.get(category, 0.0),
                quantities.get(category) or usual_quantity,
                rare.get(category, unseen),
            )
        )
    return lines


def _past(
    numbers: tuple[float, ...], history: CustomerHistory, catalogue: Catalogue, values: list[float]
) -> tuple[float, ...]:
    """Windows and habits from the customer's last order backwards: `PAST` from `remembered` on."""
    levels, now, minute = catalogue.currency_levels, numbers[AT], numbers[MINUTE]
    spend_24h = spend_30d = 0.0
    orders_1h = orders_24h = orders_7d = orders_30d = 0.0
    last_currency, level, basket = None, 0.0, catalogue.basket
    for at, amount, currency in zip(
        reversed(history.at), reversed(history.values), reversed(history.currencies), strict=True
    ):
        if currency != last_currency:
            last_currency, level = currency, levels.get(currency, 0.0)
        value = basket
        if level > 0.0:
            value = amount / level
            if value < SMALLEST:
                value = SMALLEST
        values.append(value)
        elapsed = now - at
        if elapsed <= 2592000.0:
            orders_30d += 1.0
            spend_30d += value
            if elapsed <= 604800.0:
                orders_7d += 1.0
                if elapsed <= 86400.0:
                    orders_24h += 1.0
                    spend_24h += value
                    if elapsed <= 3600.0:
                        orders_1h += 1.0
    apart = [abs(minute - then) for then in history.minutes]
    return (
        float(len(apart)),
        now - history.at[-1],
        # the day is a circle
        min(720.0, min(apart), 1440 - max(apart)),
        _is_new(numbers[ADDRESS], history.addresses),
        _is_new(numbers[DEVICE], history.devices),
        _is_new(numbers[PAYMENT], history.payments),
        orders_1h,
        orders_24h,
        orders_7d,
        orders_30d,
        spend_24h,
        spend_30d,
    )


def _is_new(digest: float, earlier: tuple[int, ...]) -> float:
    """1 if this order tells, some earlier one told, and none told the same."""
    return 1.0 if digest and digest not in earlier and any(earlier) else 0.0
