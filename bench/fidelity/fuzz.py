"""Inputs of any shape for any type, put to Check and Diff, and to a preview's Create what Check lets through: a refusal
is an answer, a crash is none.
"""

import random
from collections.abc import Iterator
from typing import Any

from pulumi.runtime.proto import provider_pb2

from bench.fidelity.asker import Aborted, Asker, Context, urn_of
from infra.local.facts import Block, Property, facts_of, known_types
from infra.local.provider.values import ARCHIVE, ASSET, UNKNOWN, Asset, struct

_SCALARS: tuple[Any, ...] = (
    *("", "x", "a/b", "1", "true", "-5", "1.5", "projects/p/x", '{"a":1}', "[", "\u00e9" * 5, "a" * 300),
    *("10.0.0.0/8", "1.2.3.4", "nan", "inf", "allUsers", "user:a@b.c", "60s", "{}", '[{"name":"a","fields":[{}]}]'),
    *(0, 1, -1, 2, 1.5, 1e30, -1e300, float("inf"), float("nan"), 2**53, True, False, None, UNKNOWN),
    Asset(ASSET, {"text": "x", "hash": "h"}),
    Asset(ARCHIVE, {"assets": {"a": Asset(ASSET, {"text": "x"})}}),
)
_NAMES = ("a", "b", "name", "$x", "__defaults", "a b", "id", "type", "", "enabled")


class _Maker:
    def __init__(self, seed: int) -> None:
        self.chosen = random.Random(seed)  # what is tried, not a secret  # nosec B311

    def anything(self, depth: int = 0) -> Any:
        """A value of any JSON shape, with unknowns and assets in it."""
        kind = self.chosen.random()
        if depth > 2 or kind < 0.6:
            return self.chosen.choice(_SCALARS)
        count = self.chosen.randrange(4)
        if kind < 0.8:
            return [self.anything(depth + 1) for _ in range(count)]
        return {self.chosen.choice(_NAMES): self.anything(depth + 1) for _ in range(count)}

    def value(self, prop: Property, depth: int) -> Any:
        """A value for a property: of its type mostly, of any shape now and then."""
        if self.chosen.random() < 0.25:
            return self.anything()
        if prop.of == "map":
            return {name: self.single(prop, depth) for name in self.chosen.sample("abc", self.chosen.randrange(3))}
        if prop.of:
            return [self.single(prop, depth) for _ in range(self.chosen.randrange(4))]
        return self.single(prop, depth)

    def single(self, prop: Property, depth: int) -> Any:
        if prop.block is not None:
            return self.block(prop.block, depth + 1)
        listed = prop.facts.get("enum")
        return self.chosen.choice(listed) if listed else self.chosen.choice(_SCALARS)

    def block(self, block: Block, depth: int = 0) -> dict[str, Any]:
        values = {}
        for name, prop in block.items():
            likely = 0.01 if prop.output else 0.9 if prop.required else 0.3 if depth < 3 else 0.05
            if self.chosen.random() < likely:
                values[name] = self.value(prop, depth)
        if self.chosen.random() < 0.1:
            values[self.chosen.choice(_NAMES)] = self.anything()
        return values


def crashes(ask: Asker, seed: int, inputs: int) -> Iterator[str]:
    """The type and the error of each crash, over so many inputs."""
    maker = _Maker(seed)
    tokens = list(known_types())
    for _ in range(inputs):
        token = maker.chosen.choice(tokens)
        facts = facts_of(token)
        if facts is not None:
            old = maker.block(facts.properties)
            new = {**old, **{name: maker.anything() for name in list(old)[:2]}}
            yield from _tried(ask, token, old, new)


def _tried(ask: Asker, token: str, old: Any, new: Any) -> Iterator[str]:
    provider, urn = ask.provider(token), urn_of(token)
    before, after = struct(old), struct(new)

    def called(name: str, request: Any) -> Any:
        try:
            return getattr(provider, name)(request, Context())
        except Aborted:
            return None
        except Exception as crash:  # what is looked for
            return f"{name} {token}: {crash!r} for {old} → {new}"

    first = called("Check", provider_pb2.CheckRequest(urn=urn, news=before, randomSeed=b"s"))
    answers = [
        first,
        called("Check", provider_pb2.CheckRequest(urn=urn, olds=before, news=after, randomSeed=b"s")),
        called("Diff", provider_pb2.DiffRequest(urn=urn, olds=before, old_inputs=before, news=after)),
    ]
    if isinstance(first, provider_pb2.CheckResponse) and not first.failures:
        answers.append(called("Create", provider_pb2.CreateRequest(urn=urn, properties=first.inputs, preview=True)))
    yield from (answer for answer in answers if isinstance(answer, str))
