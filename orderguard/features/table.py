"""The features: name, meaning and formula of each, in the order of the vector; `groups` has them, a room a subject.

A formula takes the facts of an order and a namespace with `where`, `maximum` and `minimum`. Facts are floats for one
order and arrays for many, so a formula uses operators and that namespace only, and both give the same bits: + − × ÷,
comparisons and square roots are exactly rounded. Logarithms differ between libraries, so they are no part of a
formula: `scale` says which is applied at the end, by numpy in both cases.
"""

from orderguard.features.feature import Feature
from orderguard.features.groups.basket import BASKET
from orderguard.features.groups.calendar import CALENDAR
from orderguard.features.groups.codes import CODES
from orderguard.features.groups.customer import CUSTOMER
from orderguard.features.groups.prices import PRICES
from orderguard.features.groups.shared import SHARED

FEATURES: tuple[Feature, ...] = (*BASKET, *PRICES, *CALENDAR, *CUSTOMER, *SHARED, *CODES)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

PERIODS: dict[str, float] = {feature.name: feature.period for feature in FEATURES if feature.period}
"""The features that follow the calendar, with their periods in days."""
