"""Write docs/technical/features.md from the table of features: `python -m ml.feature_page`."""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import math
from itertools import groupby
from pathlib import Path

from orderguard.features import FEATURE_SET_VERSION, FEATURES
from orderguard.features.feature import Feature
from orderguard.history import REMEMBERED, REMEMBERED_OF_ENTITY, SILENT_DAYS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "technical" / "features.md"
HEADINGS = {
    "amount": "Amounts",
    "basket": "Shape of the basket",
    "discount": "Discounts",
    "price": "Prices against the usual",
    "time": "Time",
    "customer": "The customer's own past",
    "shared": "What customers share",
    "mismatch": "Addresses and payment that don't fit together",
    "rarity": "Rare codes",
}
INTRODUCTION = f"""# Features

Feature set {FEATURE_SET_VERSION}, {len(FEATURES)} features. This page is written from
`orderguard/features/groups/` by `make pages`, and a test keeps it current.

**One implementation.** Each formula stands once. Serving evaluates it over floats
(`features_of`), in one straight-line function that the formulas write when they are loaded; training evaluates
it over numpy columns for all orders (`compute_features`). A property test proves that both give the same
float32 vector, bit for bit, for any orders, also for one that comes late. Formulas keep to operations that
IEEE 754 rounds exactly; logarithms are taken at the end, by numpy in both cases.

**Only what was known before.** A feature sees the order itself, the customer's earlier orders, those with the
same device, network, mail address, address and card, and the catalogue (usual prices, quantities, currencies,
hours, shares of codes). In training each order is compared with a catalogue of the orders before it, at most some
days old, as in production. The catalogue that is part of the model version (`catalogue.json`) is learnt from all
orders there are. Tests change later orders and find earlier vectors unchanged.

**What is not known counts as usual.** No feature is ever missing or infinite. Where its inputs are absent it
takes the value that says nothing: a code that the order doesn't tell counts as a usual one, a customer without
history as one who comes at the usual gap, spends what is usual, at a usual time, and uses known address, device
and payment. An unknown sku is compared with its category, else with the shop. Amounts in an unseen currency
count as they stand, as if in the currency used most. That something is unknown is told by features of its own:
`unknown_sku_share`, `sku_prefix_rarity`, `orders_before`, `currency_rarity`. An order with the required fields
alone therefore has a full vector. What an order does not name, or what nobody else named before, nobody shares.

**Evidence.** By itself a feature is evidence against an order on one side, on both, or on none, where it tells
something only together with others: that is the forest's. The floor is a difference, in the unit after scaling,
that begins to mean something; what never varied is measured in it ([model.md](model.md)). Features that tell of
new goods are evidence of no more than their ceiling, alone and together too little for an alarm: a new collection
is no storm of alerts, be new goods never so rare until then. What nearly all orders have alike (the group of what
customers share) speaks for itself alone; the forest does not see it.

**No personal data.** Features are computed from masked orders; tokens are only compared with each other.
Another masking key gives the same features.

**Reference units.** Amounts are divided by the level of the order's currency: what the same skus cost in it,
relative to the currency used most (`currency_levels` in the catalogue). No exchange rates are fetched.

**History.** `orderguard.history.CustomerHistory` remembers a customer's last {REMEMBERED} orders: moment,
value, currency, minute of the day, and 32-bit digests of the pseudonyms of address, device, payment and card. It
takes at most two kilobytes. Counts in trailing windows are therefore at most {REMEMBERED}; `orders_before`
counts on. `EntityHistory` remembers the same of a device, a network (/24, /48), a mail address, an address (shipping,
else billing) and a card or account: when it was first seen, its number of orders since then, and moment, customer and
card of the last {REMEMBERED_OF_ENTITY}. An order that comes late is compared with what was placed at or before its own
time, as training sees it; at equal times the one that came first is before. An absent history means that no earlier
order is known. What no order named for {SILENT_DAYS} days starts over.

**Who else is behind it.** In the hour, the day and the week before an order, the other customers and the other cards of
each entity are counted, the larger of both counts; one in a day counts half, one in a week a quarter of one in an hour.
That is compared with the entity's own usual pace, its orders from the first one until a week ago: a parcel shop with
eight parcels a day may have twenty, and an office's network its lunch break. What was first seen less than a week ago
has no pace yet. As many as a household has count for nothing. A till and a call centre's desk (channels
`store`, `phone`) are the shop's own, and no customer's device or network.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    for group, features in groupby(FEATURES, key=lambda feature: feature.group):
        parts.append(f"\n## {HEADINGS[group]}\n\n")
        rows = [("feature", "scale", "unit", "evidence", "floor", "ceiling", "meaning"), ("---",) * 7]
        rows += [(f"`{f.name}`", f.scale, f.unit, f.side, str(f.floor), _ceiling(f), f.meaning) for f in features]
        parts += [f"| {' | '.join(row)} |\n" for row in rows]
    return "".join(parts)


def _ceiling(feature: Feature) -> str:
    return f"{feature.ceiling:g}" if math.isfinite(feature.ceiling) else "–"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"Wrote {PAGE.relative_to(PAGE.parents[2])}.")
