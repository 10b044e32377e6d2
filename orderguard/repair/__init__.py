"""Orders as shops really send them, read as far as they can be read safely: what the strict decoder refuses comes here.

An optional field that can't be used is left out; a required one is read where there is one way to read it. Each repair
is told by field and reason, and no value of the order is in either.
"""

from orderguard.repair.feed import APART, Feed, FeedError, Repair, Repaired
from orderguard.repair.order import read_order, repair_order

__all__ = ["APART", "Feed", "FeedError", "Repair", "Repaired", "read_order", "repair_order"]
