"""Features of a few orders, as serving needs them: plain floats, and arrays only for what is best done at once."""

import math
from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import REFERENCE, Catalogue, Level
from orderguard.features.calendar import COSINE_OF_MINUTE, COSINE_OF_WEEKDAY, SINE_OF_MINUTE, SINE_OF_WEEKDAY
from orderguard.features.company import WEEK, others, starts
from orderguard.features.facts import NUMBERS, codes_of, numbers_of
from orderguard.features.lines import LINE_FACTS
from orderguard.features.logarithms import LEAST_NET, LN_SMALLEST, SCALES
from orderguard.features.looked_up import ORDER_CODES, USUAL_OF_SHOP, usual_of_shop
from orderguard.features.straight import AMOUNTS, amount_formulas, company_formula, feature_formulas
from orderguard.features.table import FEATURES
from orderguard.history import ENTITIES, NO_MINUTE, CustomerHistory, EntityHistory, Past, digest
from orderguard.schema import MaskedOrder

Facts = tuple[float, ...]
Known = tuple[MaskedOrder, Past]
"""An order, and what was known before it."""

SCALED = tuple(
    (function, np.array([feature.scale == scale for feature in FEATURES]))
    for scale, function in SCALES.items()
    if scale != "as is"
)

USUAL = (
    *("minute_sine", "minute_cosine", "weekday_sine", "weekday_cosine", "hour_rarity"),
    *USUAL_OF_SHOP,
    *ORDER_CODES,
)
PAST = (
    *("earlier", "remembered", "seconds_since_last", "nearest_minutes", "new_address", "new_device", "new_payment"),
    *("orders_1h", "orders_24h", "orders_7d"),
)
SHARED = (*(f"{name}_company" for name in ENTITIES), "own_cards", "own_addresses")
LOGS = ("log_value", "past_log", "past_log_squared")

amounts = amount_formulas()
company = company_formula()
formulas = feature_formulas(
    (*NUMBERS, *(name for name, _ in LINE_FACTS), *AMOUNTS, "lines", *USUAL, *PAST, *SHARED, *LOGS), {"sqrt": math.sqrt}
)
packed = Struct(f"{len(FEATURES)}d").pack
"""A row of features as bytes: numpy takes these at an eighth of what a list of tuples costs."""
NET = len(LINE_FACTS) + AMOUNTS.index("net")
AT, MINUTE, WEEKDAY, DISCOUNT, ADDRESS, DEVICE, PAYMENT, CARD = map(
    NUMBERS.index, ("at", "minute", "weekday", "discount", "address", "device", "payment", "card")
)
LEAST_PRICE = USUAL_OF_SHOP.index("least_price")
WEEKDAYS = tuple(zip(SINE_OF_WEEKDAY, COSINE_OF_WEEKDAY, strict=True))
NOT_KNOWN = (0.0, 0.0, 720.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
ALONE = (0.0,) * len(ENTITIES)


def order_features(order: MaskedOrder, past: Past, catalogue: Catalogue) -> NDArray[np.float32]:
    """The feature vector of an order, shape (d,), given what was known before it. Always finite."""
    vector: NDArray[np.float32] = features_of([(order, past)], catalogue)[0]
    return vector


def features_of(orders: Sequence[Known], catalogue: Catalogue) -> NDArray[np.float32]:
    """The feature vectors of orders, shape (n, d), each with what was known before it. Always finite."""
    nets: list[float] = []
    log_levels: list[float] = []
    ends: list[int] = []
    facts = []
    facts_of = _facts_by(catalogue, nets, log_levels)
    for order, past in orders:
        facts.append(facts_of(order, past))
        ends.append(len(nets))
    values = np.log(np.maximum(nets, LEAST_NET)) - log_levels
    logs: list[float] = np.maximum(values, LN_SMALLEST).tolist()
    rows, start = list[bytes](), 0
    for known, end in zip(facts, ends, strict=True):
        past_log = past_log_squared = 0.0
        for log in logs[start + 1 : end]:
            past_log += log
            past_log_squared += log * log
        rows.append(packed(*formulas(*known, logs[start], past_log, past_log_squared)))
        start = end
    table = np.frombuffer(bytearray().join(rows)).reshape(len(rows), len(FEATURES))
    for function, where in SCALED:
        function(table, out=table, where=where)
    # Adding 0 turns −0 into 0, so that equal values have equal bits.
    return table.astype(np.float32) + np.float32(0)


def _facts_by(catalogue: Catalogue, nets: list[float], log_levels: list[float]) -> Callable[[MaskedOrder, Past], Facts]:
    """A function that gives all facts of an order but the logarithms. To `nets` it adds the order's value and then the
    earlier orders', newest first, each in its currency, and to `log_levels` the logarithms of these currencies' levels.

    What the catalogue says is looked up once for a group of orders.
    """
    levels, hour_rarity, rarity = catalogue.levels, (*catalogue.hour_rarity, 0.0), catalogue.rarity
    usual = usual_of_shop(catalogue)
    least_price = usual[LEAST_PRICE]
    (channel_of, no_channel), (payment_of, no_payment), (currency_of, no_currency), (country_of, no_country) = (
        (rarity[code].of.get, rarity[code].unseen) for code in ORDER_CODES.values()
    )

    def facts(order: MaskedOrder, past: Past) -> Facts:
        history, entities = past
        numbers = numbers_of(order)
        currency, channel, payment, country = codes_of(order)
        level, log_level = levels.get(currency, REFERENCE)
        amount = amounts(line_rows(order, catalogue), level, least_price, numbers[DISCOUNT])
        nets.append(amount[NET])
        log_levels.append(log_level)
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
            *(_past(numbers, history, levels, nets, log_levels) if history and history.at else NOT_KNOWN),
            *(_company(order, numbers, entities) if any(entities) else ALONE),
            *(_own(numbers, history) if history and history.at else (0.0, 0.0)),
        )

    return facts


def line_rows(order: MaskedOrder, catalogue: Catalogue) -> list[tuple[Any, ...]]:
    """What `straight.LINE` names, of each line."""
    usual = catalogue.usual_of_line
    return [
        (item.quantity, item.unit_price, item.discount or 0.0, *usual(item.sku, item.category or ""))
        for item in order.items
    ]


def _past(
    numbers: tuple[float, ...],
    history: CustomerHistory,
    levels: Mapping[str, Level],
    nets: list[float],
    log_levels: list[float],
) -> tuple[float, ...]:
    """Windows and habits from the customer's last order backwards: `PAST` from `remembered` on."""
    now, minute, past, currencies = numbers[AT], numbers[MINUTE], history.at, history.currencies
    nets += history.values[::-1]
    if currencies.count(currencies[0]) == len(past):
        log_levels += [levels.get(currencies[0], REFERENCE)[1]] * len(past)
    else:
        log_levels += [levels.get(currency, REFERENCE)[1] for currency in reversed(currencies)]
    hour = 3600.0 if minute < NO_MINUTE else -math.inf
    orders_1h = orders_24h = orders_7d = 0.0
    for at in reversed(past):
        elapsed = now - at
        if elapsed > 604800.0:
            break
        orders_7d += 1.0
        if elapsed <= 86400.0:
            orders_24h += 1.0
            if elapsed <= hour:
                orders_1h += 1.0
    apart = [abs(minute - then) for then in history.minutes if then < NO_MINUTE] if minute < NO_MINUTE else []
    return (
        float(len(past)),
        now - past[-1],
        # the day is a circle
        min(720.0, min(apart), 1440 - max(apart)) if apart else 0.0,
        _is_new(numbers[ADDRESS], history.addresses),
        _is_new(numbers[DEVICE], history.devices),
        _is_new(numbers[PAYMENT], history.payments),
        orders_1h,
        orders_24h,
        orders_7d,
    )


def _company(order: MaskedOrder, numbers: tuple[float, ...], entities: Sequence[EntityHistory | None]) -> list[float]:
    """How many others share each entity lately, see `orderguard.features.company`."""
    week_ago = numbers[AT] - WEEK
    last, found, company_of = None, 0.0, []
    for history in entities:
        # What one customer alone uses is mostly one object.
        if history is not last:
            last, found = history, 0.0
            if history is not None and history.at and history.at[-1] >= week_ago:
                found = _others(history, numbers, digest(order.customer_token))
        company_of.append(found)
    return company_of


def _others(history: EntityHistory, numbers: tuple[float, ...], customer: int) -> float:
    now, card, customers, cards = numbers[AT], int(numbers[CARD]), history.customers, history.cards
    if customers.count(customer) == cards.count(card) == len(customers):
        return 0.0
    hour, day, week = starts(history.at, now)
    most = max(others(customers, week, customer), others(cards, week, card))
    if not most:
        return 0.0
    if numbers[MINUTE] == NO_MINUTE:
        hour = len(history.at)
    return company(
        float(max(others(customers, hour, customer), others(cards, hour, card))),
        float(max(others(customers, day, customer), others(cards, day, card))),
        float(most),
        float(history.count - len(history.at) + week),
        max(now - WEEK - history.first_at, 0.0),
    )


def _own(numbers: tuple[float, ...], history: CustomerHistory) -> tuple[float, float]:
    """Other cards that the customer paid with lately, and other addresses, see `orderguard.features.shared`."""
    now = numbers[AT]
    if history.at[-1] < now - WEEK:
        return 0.0, 0.0
    begins = starts(history.at, now)
    if numbers[MINUTE] == NO_MINUTE:
        begins = (len(history.at), *begins[1:])
    return _lately(history.cards, begins, int(numbers[CARD])), _lately(history.addresses, begins, int(numbers[ADDRESS]))


def _lately(digests: Sequence[int], begins: tuple[int, int, int], own: int) -> float:
    hour, day, week = begins
    in_week = others(digests, week, own)
    return in_week and max(others(digests, hour, own), others(digests, day, own) / 2.0, in_week / 4.0)


def _is_new(digest: float, earlier: tuple[int, ...]) -> float:
    """1 if this order tells, some earlier one told, and none told the same."""
    return 1.0 if digest and digest not in earlier and any(earlier) else 0.0
