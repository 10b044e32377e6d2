"""How many instances a revision has: Cloud Run's rules, as functions of what is under way.

An instance takes `concurrency` requests at once, and no more. Requests that find no free place wait, and for them an
instance is started at once; where a second's mean fills more than 60 % of the places, one is started ahead of need
(cloud.google.com/run/docs/about-instance-autoscaling).
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.run_checks import cpus

IDLE_VARIABLE, MOST_VARIABLE = "LOCAL_CLOUD_IDLE_SECONDS", "LOCAL_CLOUD_MOST_INSTANCES"
"""The environment variables that say how long an instance may have nothing to do, and how many of a revision this
machine runs at most.
"""
_IDLE_SECONDS, _MOST_HERE = 60.0, 10
_CONCURRENCY, _MOST = 80, 100
"""Cloud Run's, where a service says nothing."""
_TARGET = 0.6
_MANUAL = "MANUAL"


@dataclass(frozen=True)
class Limits:
    """This machine's own: seconds until an instance without requests ends, and instances of a revision at most."""

    idle: float = _IDLE_SECONDS
    most: int = _MOST_HERE


def limits(variables: Mapping[str, str] = os.environ) -> Limits:
    """What the environment asks for; the usual, where it asks for nothing or for what is no number above 0."""
    idle, most = variables.get(IDLE_VARIABLE, ""), variables.get(MOST_VARIABLE, "")
    return Limits(
        float(idle) if idle.isdigit() and int(idle) else _IDLE_SECONDS,
        int(most) if most.isdigit() and int(most) else _MOST_HERE,
    )


@dataclass(frozen=True)
class Scaling:
    """A revision's instances at least and at most, and the requests that one of them takes at once. One ends after
    `idle` seconds without any. `affinity`: a client gets to the instance that it was at before.
    """

    least: int
    most: int
    concurrency: int
    idle: float = _IDLE_SECONDS
    affinity: bool = False

    @property
    def target(self) -> int:
        """As many requests as an instance should have, so that there is room for more."""
        return max(1, math.floor(self.concurrency * _TARGET))


def scaling_of(template: Mapping[str, Any], service: Mapping[str, Any], share: int, here: Limits) -> Scaling:
    """The rules for a revision's template. `service` is the service's own scaling, of which the revision has `share`
    percent, as it has of the traffic.
    """
    own = template.get("scaling") or {}
    declared = int(own.get("maxInstanceCount") or _MOST)
    if service.get("maxInstanceCount"):
        declared = min(declared, int(service["maxInstanceCount"]))
    least = max(int(own.get("minInstanceCount") or 0), _part(service.get("minInstanceCount"), share))
    if service.get("scalingMode") == _MANUAL and service.get("manualInstanceCount") is not None:
        least = declared = min(
            int(service["manualInstanceCount"]), max(_part(service["manualInstanceCount"], share), 1)
        )
    most = min(max(declared, 0), here.most)
    return Scaling(min(least, most), most, _concurrency(template), here.idle, bool(template.get("sessionAffinity")))


def _part(count: Any, share: int) -> int:
    return math.ceil(int(count or 0) * share / 100)


def _concurrency(template: Mapping[str, Any]) -> int:
    if given := template.get("maxInstanceRequestConcurrency"):
        return int(given)
    limit = ((template["containers"][0].get("resources") or {}).get("limits") or {}).get("cpu", "1")
    cpu = cpus(limit)
    return 1 if cpu is not None and cpu < 1 else _CONCURRENCY


def wanted(scaling: Scaling, active: int, waiting: int, second: Sequence[int]) -> int:
    """How many instances there should be. `active` requests are under way, `waiting` ones have no place yet, `second`
    are the numbers of both at each look of the last second.
    """
    needed = math.ceil((active + waiting) / scaling.concurrency)
    mean = sum(second) / len(second) if second else 0.0
    ahead = math.ceil(mean / scaling.target) if mean > scaling.target else 0
    return max(scaling.least, min(max(needed, ahead), scaling.most))
