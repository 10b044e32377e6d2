"""How one type of a stand-in acts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local.cloud import Cloud

Values = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What making a resource tells: its id and the outputs beside its inputs."""

    id: str
    outputs: Values


Make = Callable[[Cloud, str, Values], Made]
"""Cloud, the resource's name and its inputs; raises Refused."""
Change = Callable[[Cloud, str, Values, Values], Values]
"""Cloud, id, the state and the new inputs; the outputs."""
Remove = Callable[[Cloud, str, Values], None]


@dataclass(frozen=True)
class Kind:
    """A type: which inputs it needs, how it is made, and whether a change recreates it."""

    make: Make
    required: tuple[str, ...] = ()
    change: Change | None = None
    """None: every change replaces."""
    replaces: tuple[str, ...] = ()
    """Inputs whose change replaces where others are changed in place."""
    remove: Remove | None = None
    secret: tuple[str, ...] = ()
    complete: Callable[[Values], Values] | None = None
    """Adds inputs that Check finds out."""
