"""What the sample's shop sells: categories, skus and their usual prices in euros."""

import math
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Category:
    """`price` is the median in euros, `spread` its log-spread, `quantity` the mean quantity, `months` weights of
    months.
    """

    code: str
    share: float
    skus: int
    price: float
    spread: float
    quantity: float
    nouns: tuple[str, ...]
    months: dict[int, float]


@dataclass(frozen=True)
class Product:
    """One sku. `price` is in euros."""

    sku: str
    category: Category
    name: str
    price: float


CATEGORIES: tuple[Category, ...] = (
    Category("groceries", 18, 120, 6, 0.6, 2.6, ("Olive oil", "Coffee beans", "Pasta", "Tea", "Honey"), {12: 1.3}),
    Category("books", 16, 120, 15, 0.4, 1.2, ("Novel", "Cook book", "Atlas", "Comic", "Guide"), {12: 1.7, 7: 1.2}),
    Category("clothing", 18, 110, 38, 0.5, 1.3, ("Shirt", "Jeans", "Jumper", "Dress", "Jacket"), {3: 1.3, 9: 1.4}),
    Category("shoes", 8, 60, 75, 0.4, 1.05, ("Trainers", "Boots", "Sandals", "Loafers"), {4: 1.3, 10: 1.3}),
    Category("beauty", 10, 70, 18, 0.6, 1.5, ("Shampoo", "Face cream", "Perfume", "Soap"), {12: 1.4, 5: 1.2}),
    Category("home", 10, 80, 32, 0.8, 1.4, ("Lamp", "Cushion", "Pan", "Towel", "Vase"), {1: 1.2}),
    Category("toys", 7, 60, 24, 0.6, 1.2, ("Puzzle", "Building set", "Doll", "Board game"), {11: 1.8, 12: 2.5}),
    Category("garden", 5, 50, 22, 0.8, 1.8, ("Seeds", "Hose", "Planter", "Shears"), {3: 1.6, 4: 2.2, 5: 2.0, 11: 0.4}),
    Category("sports", 5, 50, 45, 0.7, 1.2, ("Yoga mat", "Racket", "Bottle", "Helmet"), {6: 1.4, 1: 1.4}),
    Category("electronics", 6, 60, 210, 0.8, 1.05, ("Phone", "Headphones", "Camera", "Tablet"), {11: 1.9, 12: 1.5}),
    Category("gift-cards", 2, 5, 40, 0.5, 1.1, ("Gift card",), {12: 2.0}),
)


def products(random: Random) -> dict[str, list[Product]]:
    """The skus of each category, by category code."""
    shelves: dict[str, list[Product]] = {}
    for category in CATEGORIES:
        prefix = category.code[:3].upper()
        shelves[category.code] = [
            Product(
                f"{prefix}-{number:04d}",
                category,
                f"{random.choice(category.nouns)} {random.choice('ABCDEFGHKLMNPRSTUVWXYZ')}{number}",
                max(0.5, category.price * math.exp(random.gauss(0, category.spread))),
            )
            for number in range(1, category.skus + 1)
        ]
    return shelves


def charm_price(euros: float, rate: float, decimals: int) -> float:
    """A price as shops write it: 12.99, 249.00, ¥1,980."""
    amount = euros * rate
    if decimals == 0:
        return float(max(10, round(amount / 10) * 10))
    if amount >= 100:
        return float(round(amount))
    return max(0.49, math.floor(amount) + 0.99)
