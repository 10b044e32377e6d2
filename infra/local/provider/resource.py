"""What the stand-in knows about how one resource type acts. A service module is a table of these."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from infra.local.cloud import Cloud
from infra.local.provider.rules import Inputs, Rule

Kind = Literal["real", "enforced", "declared", "generic"]
Values = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where and under which identity a resource lives: every id and output is made from this and the inputs."""

    project: str
    number: str
    region: str
    urn: str
    type: str
    id: str = ""
    created: str = ""
    """RFC 3339 time of the first creation."""
    updated: str = ""


class Refused(Exception):
    """Google Cloud would refuse this; the message is what it would say."""


Outputs = Callable[[Inputs, Place], Values]
Create = Callable[[Cloud, Inputs, Place, Values], Values]
"""Makes the thing; takes the computed outputs and returns those that only the making tells."""
Delete = Callable[[Cloud, Inputs, Place, Values], None]
Read = Callable[[Cloud, Inputs, Place, Values], Values | None]
"""The thing's outputs as they are now (only what differs need be there), or None where the thing is gone."""


def no_outputs(inputs: Inputs, place: Place) -> Values:
    """For types whose outputs the table's defaults cover."""
    return {}


@dataclass(frozen=True)
class Resource:
    """How one type acts. `id` is a format string over the inputs and project, number, region and email.

    What the real provider itself checks, fills in and replaces stands in the facts of the type, not here.
    """

    id: str
    kind: Kind = "declared"
    refuses: tuple[Rule, ...] = ()
    """What Google Cloud refuses in `up`; found here in preview."""
    limits: tuple[Rule, ...] = ()
    """What the local cloud itself can't do, though Google Cloud can; said in preview, as its own limit."""
    complete_inputs: Callable[[Values], Values] | None = None
    """Adds inputs that Check finds out, such as the digest of a build context."""
    identify: Callable[[Cloud, Inputs, Place], Values] | None = None
    """Fields of the id that only the cloud can tell, such as the number of a secret's next version."""
    outputs: Outputs = no_outputs
    planned: tuple[str, ...] = ()
    """Outputs that are known in preview already, from the inputs."""
    volatile: tuple[str, ...] = ()
    """Outputs that an update changes, so that its preview can't know them."""
    recorded: Outputs | None = None
    """What making it would tell, for a state that is only recorded: for types whose making starts something."""
    idempotent: bool = False
    """Whether making what somebody else has made already succeeds, as switching an API on does."""
    create: Create | None = None
    update: Create | None = None
    delete: Delete | None = None
    read: Read | None = None
    moved: tuple[str, ...] = ()
    """Inputs that may be changed past the engine; `read` tells what they are."""
