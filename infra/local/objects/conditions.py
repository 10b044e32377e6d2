"""Preconditions: a call is done only where the object, or the bucket, is as the caller takes for granted.

https://cloud.google.com/storage/docs/request-preconditions
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.objects.failure import condition_not_met, invalid, not_modified


@dataclass(frozen=True)
class Conditions:
    """What has to hold; None where nothing is asked. A generation of 0 stands for no live object."""

    generation: int | None = None
    not_generation: int | None = None
    metageneration: int | None = None
    not_metageneration: int | None = None

    def require(self, generation: int, metageneration: int, *, reading: bool = False) -> None:
        """Raise Failure where they don't hold for what there is: 0 and 0 for no object. Who only reads is told that
        nothing has changed (304) where Google Cloud says so.
        """
        if self.generation is not None and self.generation != generation:
            raise condition_not_met()
        if self.metageneration is not None and self.metageneration != metageneration:
            raise condition_not_met()
        same = self.not_generation is not None and self.not_generation == generation
        if same or (self.not_metageneration is not None and self.not_metageneration == metageneration):
            raise not_modified() if reading and generation else condition_not_met()


NONE = Conditions()
_FIELDS = {
    "generation": "GenerationMatch",
    "not_generation": "GenerationNotMatch",
    "metageneration": "MetagenerationMatch",
    "not_metageneration": "MetagenerationNotMatch",
}


def conditions(query: Mapping[str, str], prefix: str = "if") -> Conditions:
    """Those of a request's parameters; `ifSource` for those on the source of a copy. Raises Failure."""
    return Conditions(**{field: number(query, prefix + name) for field, name in _FIELDS.items()})


def number(query: Mapping[str, str], name: str) -> int | None:
    """A parameter's whole number, None where it is not given. Raises Failure for anything else."""
    text = query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise invalid(f"Invalid argument: {name} has to be a whole number, not {text[:40]!r}.")
    return int(text)
