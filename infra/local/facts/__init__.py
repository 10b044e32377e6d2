"""What the real providers say about their resource types, one JSON file a service; read, never guessed, by the stand-
in.

A file maps a type token to what is known of it, one type a line; it is read when a type of its service is first used.
`python -m infra.local.facts.distil` brings the files up to date with the installed SDKs. Keys of a type:

- `from`: `schema` (the real provider's own) or `sdk` (shape, secrets and documented replacement alone)
- `props`: property → type, or an object with the type `t` and the keys below
- `auto`: how an absent name is made; `unique`, `dbr`: when a replaced resource is deleted first
- `noupdate`: any change replaces; `alias`: former tokens
- `plan_region`, `plan_zone`: filled in from the provider's while planning; `pf`: the messages of newer resources
- `plan`: in words, what is found in preview alone (see `infra/local/provider/plan.py`)

Keys of a property: `t` type: `string`, `boolean`, `integer`, `number`, `asset`, `any`, `obj`, `[T]` list, `<T>` set,
`{T}` map, `!` required · `in` a block's properties · `tf` the Terraform name where it isn't the snake case · `out`
only an output · `comp` else chosen by the cloud · `sec` secret · `wo` in no state · `new` a change replaces · `def`
default · `plan_def` the plan's default · `one` a list of one, flattened · `set` a block that is a set beneath ·
`min`, `max` items · `conf`, `exact`, `least`, `with` paths that exclude or ask for each other · `enum` (`anycase`),
`re`, `re2`, `len`, `len2`, `range`, `check` what a value must be · `eq`, `match` when values count as the same, by the
form in the state (`state`) · `each` of the items · `desc` what a newer resource says where it is missing ·
`deprecated` no default is filled in.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
_OPENING = {"[": "list", "<": "set", "{": "map"}


def terraform_name(name: str) -> str:
    """`deletionProtection` → `deletion_protection`."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower()


class Property:
    """One property of a type or of a block in it.

    `type` is that of a single value, `of` how many there are: "" (one), `list`, `set` or `map`. `facts` are the keys of
    the fact file.
    """

    __slots__ = ("name", "key", "type", "of", "required", "computed", "output", "new", "default", "facts", "_block")

    def __init__(self, name: str, spec: str | Mapping[str, Any]) -> None:
        facts = {"t": spec} if isinstance(spec, str) else spec
        kind: str = facts["t"]
        self.required = kind.endswith("!")
        kind = kind.removesuffix("!")
        self.of = _OPENING.get(kind[0], "")
        self.type = kind[1:-1] if self.of else kind
        self.name = name
        self.key: str = facts.get("tf") or terraform_name(name)
        self.computed = bool(facts.get("comp"))
        self.output = bool(facts.get("out"))
        self.new = bool(facts.get("new"))
        self.default = facts.get("def")
        self.facts: Mapping[str, Any] = facts
        self._block: Block | None = None

    @property
    def block(self) -> "Block | None":
        """The properties of the block, or of the blocks of a list or set; None for scalars."""
        if self._block is None and self.type == "obj":
            self._block = Block(self.facts.get("in") or {})
        return self._block

    @property
    def in_set(self) -> bool:
        """Whether what is wrong below is told at this path."""
        return self.of == "set" or bool(self.facts.get("set"))


class Block(dict[str, Property]):
    """Properties by their Pulumi names."""

    def __init__(self, specs: Mapping[str, Any]) -> None:
        super().__init__((name, Property(name, spec)) for name, spec in specs.items())

    @cached_property
    def by_key(self) -> dict[str, Property]:
        """The properties by their Terraform names."""
        return {one.key: one for one in self.values()}

    @cached_property
    def inputs(self) -> dict[str, Property]:
        """Those that may be given."""
        return {name: one for name, one in self.items() if not one.output}

    @cached_property
    def asking(self) -> list[str]:
        """The names of those whose absence may be wrong."""
        return [name for name, one in self.inputs.items() if one.required or {"exact", "least"} & one.facts.keys()]

    @cached_property
    def defaults(self) -> list[Property]:
        """Those that Check fills in where they are absent."""
        return [one for one in self.values() if one.default and not one.facts.get("deprecated")]

    @cached_property
    def has_defaults(self) -> bool:
        """Whether anything in here, at any depth, is filled in."""
        return bool(self.defaults) or any(one.block and one.block.has_defaults for one in self.inputs.values())

    @cached_property
    def secrets(self) -> dict[str, Property]:
        """Those that are secret or hold something secret."""
        return {name: one for name, one in self.items() if one.facts.get("sec") or (one.block and one.block.secrets)}


@dataclass(frozen=True)
class AutomaticName:
    """How an absent name is made: the resource's name, `separator` and `random` hexadecimal digits."""

    property: str
    longest: int = 255
    lower: bool = False
    random: int = 7
    separator: str = "-"


class Facts:
    """One resource type."""

    def __init__(self, token: str, content: Mapping[str, Any]) -> None:
        self.type = token
        self.content = content
        self.properties = Block(content["props"])

    @cached_property
    def inputs(self) -> dict[str, Property]:
        """The properties that may be given."""
        return self.properties.inputs

    @cached_property
    def computed(self) -> tuple[str, ...]:
        """The names of the properties that are outputs only."""
        return tuple(name for name, one in self.properties.items() if one.output)

    @cached_property
    def write_only(self) -> frozenset[str]:
        """The names of the properties that no state holds."""
        return frozenset(name for name, one in self.properties.items() if one.facts.get("wo"))

    @cached_property
    def automatic(self) -> list[AutomaticName]:
        """The names that are made where they are absent."""
        auto = self.content.get("auto") or []
        return [
            AutomaticName(
                one["prop"], one.get("max", 255), bool(one.get("lower")), one.get("random", 7), one.get("sep", "-")
            )
            for one in (auto if isinstance(auto, list) else [auto])
        ]

    def says(self, key: str) -> Any:
        """What the file holds under this key of the type."""
        return self.content.get(key)


@cache
def _service(name: str) -> dict[str, Any]:
    """Type token → facts of one service, former tokens included."""
    path = FOLDER / f"{name}.json"
    content: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    for token, facts in list(content.items()):
        facts["token"] = token
        for alias in facts.get("alias", ()):
            content.setdefault(alias, facts)
    return content


def service_of(token: str) -> str:
    """A type token's service: `gcp:storage/bucket:Bucket` → `storage`; all of pulumi-docker is `docker`."""
    package, _, rest = token.partition(":")
    return "docker" if package == "docker" else rest.partition("/")[0].lower()


@cache
def facts_of(token: str) -> Facts | None:
    """The facts of a resource type, or None where there are none."""
    found = _service(service_of(token)).get(token) if re.fullmatch(r"[a-z]+:[\w/]+:\w+", token) else None
    return Facts(found["token"], found) if found else None


def known_types() -> Iterator[str]:
    """Every type token that has facts, by service."""
    for path in sorted(FOLDER.glob("*.json")):
        yield from json.loads(path.read_bytes())
