"""Features of an order: one table of formulas, evaluated for one order (serving) or over columns of many (training).

What is not known counts as usual: a feature whose inputs are absent takes the value that says nothing, and never NaN
or infinity. Features see only what was known before the order: the order itself, the customer's earlier orders, and
the catalogue of the training slice.
"""

from orderguard.features.columns import Columns, columns_of
from orderguard.features.scalar import features_of, order_features
from orderguard.features.table import FEATURE_NAMES, FEATURE_SET_VERSION, FEATURES, Feature
from orderguard.features.vector import column_features, compute_features

__all__ = [
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_SET_VERSION",
    "Columns",
    "Feature",
    "column_features",
    "columns_of",
    "compute_features",
    "features_of",
    "order_features",
]
