"""pulumiverse-time: times that are noted once. A pause takes no time here, since nothing has to settle."""

import re
from datetime import UTC, datetime, timedelta

from infra.local.cloud import Cloud
from infra.local.standins.kind import Kind, Made, Values

_UNITS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400}


def _noted(moment: datetime) -> Values:
    parts = ("year", "month", "day", "hour", "minute", "second")
    return {
        "rfc3339": _written(moment),
        "unix": int(moment.timestamp()),
        **{one: getattr(moment, one) for one in parts},
    }


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _base(inputs: Values) -> datetime:
    given = inputs.get("baseRfc3339") or inputs.get("rfc3339")
    return datetime.fromisoformat(str(given)).astimezone(UTC) if given else datetime.now(UTC).replace(microsecond=0)


def _moved(inputs: Values, prefix: str) -> timedelta:
    seconds = sum(int(inputs.get(f"{prefix}{unit}") or 0) * size for unit, size in _UNITS.items())
    days = int(inputs.get(f"{prefix}Months") or 0) * 30 + int(inputs.get(f"{prefix}Years") or 0) * 365
    return timedelta(seconds=seconds, days=days)


def _static(cloud: Cloud, name: str, inputs: Values) -> Made:
    base = _base(inputs)
    return Made(_written(base), _noted(base))


def _offset(cloud: Cloud, name: str, inputs: Values) -> Made:
    base = _base(inputs)
    return Made(_written(base), {"baseRfc3339": _written(base), **_noted(base + _moved(inputs, "offset"))})


def _rotating(cloud: Cloud, name: str, inputs: Values) -> Made:
    base = _base(inputs)
    later = str(inputs.get("rotationRfc3339") or _written(base + _moved(inputs, "rotation")))
    return Made(_written(base), {**_noted(base), "rotationRfc3339": later})


def _sleep(cloud: Cloud, name: str, inputs: Values) -> Made:
    now = datetime.now(UTC)
    return Made(_written(now), {})


_KINDS = {
    "Static": Kind(_static),
    "Offset": Kind(_offset),
    "Rotating": Kind(_rotating),
    "Sleep": Kind(_sleep, change=lambda cloud, identity, old, new: {}, replaces=("triggers",)),
}


def kind(token: str) -> Kind | None:
    """How a type of `time` acts."""
    return _KINDS.get(re.split("[:/]", token)[-1])
