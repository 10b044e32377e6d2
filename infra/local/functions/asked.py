"""What a function is asked, and how it looks into the cloud's records."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.cloud import Cloud, Record, Values


@dataclass(frozen=True)
class Asked:
    """One call of a function: its arguments (as the engine names them), the provider's settings and the cloud."""

    token: str
    arguments: Mapping[str, Any]
    configured: Mapping[str, str]
    cloud: Cloud

    @property
    def project(self) -> str:
        """The project that is meant: the argument's, else the provider's."""
        return str(self.arguments.get("project") or self.configured.get("project") or "")

    @property
    def region(self) -> str:
        return str(self.arguments.get("region") or self.configured.get("region") or "")

    def records(self, token: str, **wanted: Any) -> Iterator[Record]:
        """The records of a type whose properties are as wanted; see `same`."""
        for record in self.cloud.all(token):
            if all(value is None or same(property_of(record, name), value) for name, value in wanted.items()):
                yield record

    def record(self, token: str, **wanted: Any) -> Record | None:
        """The first of them."""
        return next(self.records(token, **wanted), None)


Function = Callable[[Asked], Values]
"""Answers; raises Refused with Google Cloud's message where it would."""


def property_of(record: Record, name: str) -> Any:
    """An output or an input of a record."""
    value = record.outputs.get(name)
    return record.inputs.get(name) if value is None else value


def same(one: Any, other: Any) -> bool:
    """Whether two values name the same: Google Cloud takes a short name and a path for one another."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other or _last(one) == _last(other)
    return bool(one == other)


def _last(name: str) -> str:
    return name.rstrip(".").rpartition("/")[2]
