"""What a feature tells of an order, in words."""

from collections.abc import Callable
from typing import NamedTuple

from orderguard.reasons.known import Known


class Fact(NamedTuple):
    """A sentence without its full stop. What has the same `kind` is the same fact, which is told once."""

    kind: str
    text: str


Teller = Callable[[Known], Fact]
