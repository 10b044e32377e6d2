"""Features of an order: one table of formulas, evaluated for one order (serving) or over columns of many (training).

What is not known counts as usual: a feature whose inputs are absent takes the value that says nothing, and never NaN
or infinity. Features see only what was known before the order: the order itself, the customer's earlier orders, and
the catalogue of the training slice.

Formulas are evaluated by `scalar` and `vector`. What the features are called and which set they are is here, and needs
no numpy: a deployment compares it with a model's manifest.
"""

from orderguard.features.feature import Feature
from orderguard.features.table import FEATURE_NAMES, FEATURES, PERIODS
from orderguard.features.versions import FEATURE_SET_VERSION

__all__ = ["FEATURES", "FEATURE_NAMES", "FEATURE_SET_VERSION", "PERIODS", "Feature"]
