"""What bounds the memory: none of it depends on how many orders there are."""

import math
from typing import NamedTuple


class Limits(NamedTuple):
    """How much is held at once.

    `spilled` orders are collected before they go to the disk. A time bucket and a partition of tokens have `orders`
    each as a rule: an hour or a token that has more of them is gone through in slices of twice as many. `ids` are
    those of a partition of order ids, a multiple. `compressed` is the size of a compressed file that is read whole by
    a worker; larger ones are read piece by piece.
    """

    spilled: int = 2**16
    orders: int = 2**16
    ids: int = 2**20
    compressed: int = 16 * 2**20
    most_parts: int = 4096

    def parts(self, orders: int) -> int:
        """Into how many buckets, or partitions, so many orders are divided."""
        return min(self.most_parts, max(1, math.ceil(orders / self.orders)))

    def id_parts(self, orders: int) -> int:
        """Into how many partitions the ids of so many orders are divided."""
        return min(self.most_parts, max(1, math.ceil(orders / self.ids)))
