"""What the real provider finds wrong with converted inputs: each property's rules in the provider's order, from the
facts alone; of each property the first failure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local.facts import Block, Property
from infra.local.provider import named_checks
from infra.local.provider.given import Wrong, quoted
from infra.local.provider.rules import Problem
from infra.local.provider.values import Unknown, known


@dataclass(frozen=True)
class _Where:
    """A place in the inputs: its path (Pulumi's), its key (Terraform's, with every index) and the path at which what is
    wrong in it is told, where that is another: a set's.
    """

    path: str = ""
    key: str = ""
    told: str = ""

    @property
    def at(self) -> str:
        return self.told or self.path

    def property(self, prop: Property) -> "_Where":
        return _Where(self._joined(prop.name), f"{self.key}.{prop.key}" if self.key else prop.key, self.told)

    def named(self, name: str) -> "_Where":
        """A key that is no property."""
        return _Where(self._joined(name), self.key, self.told)

    def inside(self, prop: Property, index: int | None = None) -> "_Where":
        """An item of this property, or the block that it is."""
        told = self.told or (self.path if prop.in_set else "")
        path = self.path if index is None else f"{self.path}[{index}]"
        return _Where(path, f"{self.key}.{index or 0}", told)

    def _joined(self, name: str) -> str:
        if not name.replace("_", "a").isalnum():
            return f"{self.path}[{quoted(name)}]"
        return f"{self.path}.{name}" if self.path else name


@dataclass
class Inputs:
    """Inputs of one resource: which paths are given is asked again and again."""

    properties: Block
    values: Mapping[str, Any]
    newer: bool = False
    """Whether the type is one of the provider's newer ones, which word some messages otherwise."""
    _keys: dict[str, str] = field(default_factory=dict)

    def given(self, path: str) -> bool | None:
        """Whether anything stands at the path; None where that is unknown."""
        values: Any = self.values
        for part in path.split("."):
            if isinstance(values, Unknown):
                return None
            values = values.get(part) if isinstance(values, Mapping) else None
        return None if isinstance(values, Unknown) else values is not None

    def key(self, path: str) -> str:
        """The Terraform key of a path: `cloudRun.urlMask` → `cloud_run.0.url_mask`."""
        if path not in self._keys:
            parts: list[str] = []
            block: Block | None = self.properties
            for name in path.split("."):
                prop = block.get(name) if block is not None else None
                parts += [prop.key if prop else name, "0"]
                block = prop.block if prop else None
            self._keys[path] = ".".join(parts[:-1])
        return self._keys[path]

    def keys(self, paths: Sequence[str]) -> str:
        """The keys of several paths, as messages list them."""
        return ",".join(sorted(self.key(path) for path in paths))


def problems(inputs: Inputs) -> Iterator[Problem]:
    """All that is wrong with the inputs."""
    return _block(inputs, inputs.properties, inputs.values, _Where())


def _block(inputs: Inputs, block: Block, values: Mapping[str, Any], where: _Where) -> Iterator[Problem]:
    for name in (*values, *(name for name in block.asking if name not in values)):
        if name not in block:
            if isinstance(values[name], Wrong):
                yield where.named(name).at, values[name].says
            continue
        prop = block[name]
        here = where.property(prop)
        says = _relations(inputs, prop, values.get(name), here)
        if says:
            yield here.at, says
        elif name in values and known(values[name]):
            says = _conflict(inputs, prop)
            if says:
                yield here.at, says.format(K=here.key)
            else:
                yield from _value(inputs, prop, values[name], here)


def _relations(inputs: Inputs, prop: Property, value: Any, here: _Where) -> str | None:
    """What is wrong with a property's being given, or not."""
    facts = prop.facts
    if "exact" in facts and (says := _exactly_one(inputs, facts["exact"])):
        return says.format(K=here.key)
    if "least" in facts and all(inputs.given(path) is False for path in facts["least"]):
        keys = inputs.keys(facts["least"])
        return f'Missing required argument. "{here.key}": one of `{keys}` must be specified'
    if value is None:
        return _missing(inputs, prop, here) if prop.required else None
    if prop.output:
        return _READ_ONLY if inputs.newer else _COMPUTED.format(K=here.key)
    if "with" in facts and any(inputs.given(path) is False for path in facts["with"]):
        return f'Missing required argument. "{here.key}": all of `{inputs.keys(facts["with"])}` must be specified'
    return None


_COMPUTED = (
    'Value for unconfigurable attribute. Can\'t configure a value for "{K}": its value will be decided automatically '
    "based on the result of applying this configuration."
)
_READ_ONLY = (
    "Invalid Configuration for Read-Only Attribute. Cannot set value for this attribute as the provider has marked it "
    "as read-only. Remove the configuration line setting the value.\n\nRefer to the provider documentation or contact "
    "the provider developers for additional information about configurable and read-only attributes that are supported."
)


def _missing(inputs: Inputs, prop: Property, here: _Where) -> str:
    if inputs.newer:
        return f"Missing required property '{here.path}': {prop.facts.get('desc', '')}"
    return f'Missing required argument. The argument "{here.key}" is required, but no definition was found.'


def _exactly_one(inputs: Inputs, group: Sequence[str]) -> str | None:
    given = {path: inputs.given(path) for path in group}
    certain = [path for path, is_given in given.items() if is_given]
    says = f"one of `{inputs.keys(group)}`"
    if len(certain) > 1:
        return (
            f'Invalid combination of arguments. "{{K}}": only {says} can be specified, but'
            f" `{inputs.keys(certain)}` were specified."
        )
    if not certain and None not in given.values():
        return f'Invalid combination of arguments. "{{K}}": {says} must be specified'
    return None


def _conflict(inputs: Inputs, prop: Property) -> str | None:
    for path in prop.facts.get("conf", ()):
        if inputs.given(path):
            return f'Conflicting configuration arguments. "{{K}}": conflicts with {inputs.key(path)}'
    return None


def _value(inputs: Inputs, prop: Property, value: Any, here: _Where) -> Iterator[Problem]:
    facts = prop.facts
    if isinstance(value, Wrong):
        yield here.at, value.says.replace("{K}", here.key)
    elif prop.of in ("list", "set"):
        if (says := _count(facts, here.key, len(value))) or (says := _twice(inputs, prop, value)):
            yield here.at, says
            return
        for index, item in enumerate(value):
            inner = here.inside(prop, index)
            if isinstance(item, Wrong):
                yield inner.at, item.says.replace("{K}", inner.key)
            elif prop.block is not None:
                yield from _block(inputs, prop.block, item, inner)
            else:
                yield from (
                    (inner.at, says) for says in scalar(inputs, facts.get("each") or {}, item, inner.key, of_set=True)
                )
    elif prop.of == "map":
        yield from ((here.at, says) for says in scalar(inputs, facts, value, here.key))
        for name, item in value.items():
            inner = here.named(name)
            if isinstance(item, Wrong):
                yield inner.at, item.says
            else:
                yield from ((inner.at, says) for says in scalar(inputs, facts.get("each") or {}, item, here.key))
    elif value == [] and (prop.block is not None or facts.get("one")):
        if says := _count(facts, here.key, 0):
            yield here.at, says
    elif prop.block is not None:
        yield from _block(inputs, prop.block, value, here.inside(prop))
    else:
        yield from ((here.at, says) for says in scalar(inputs, facts, value, here.key))


def _count(facts: Mapping[str, Any], key: str, count: int) -> str | None:
    if count > facts.get("max", count):
        most = facts["max"]
        return f"Too many list items. Attribute {key} supports {most} item maximum, but config has {count} declared."
    if count < facts.get("min", 0):
        return (
            f"Not enough list items. Attribute {key} requires {facts['min']} item minimum, but config has only {count} "
            "declared."
        )
    return None


def _twice(inputs: Inputs, prop: Property, items: Sequence[Any]) -> str | None:
    if inputs.newer and prop.of == "set" and prop.block is None:
        for index, item in enumerate(items):
            if item in items[:index]:
                return f'Duplicate Set Element. This attribute contains duplicate values of: tftypes.String<"{item}">'
    return None


def scalar(inputs: Inputs, facts: Mapping[str, Any], value: Any, key: str, *, of_set: bool = False) -> Iterator[str]:
    """What is wrong with a known scalar, or a map as a whole."""
    if "enum" in facts and not _listed(facts, value):
        yield _not_listed(inputs, facts["enum"], value, key, of_set=of_set)
    if "re" in facts and not named_checks.matches(facts["re"], value):
        yield f'"{key}" ("{value}") doesn\'t match regexp {quoted(facts["re"])}'
    if "re2" in facts and not named_checks.matches(facts["re2"], value):
        yield f'"{key}" ("{value}") must match regex {quoted(facts["re2"])}'
    if "len" in facts and not _within(facts["len"], len(value)):
        yield f"expected length of {key} to be in the range ({facts['len'][0]} - {facts['len'][1]}), got {value}"
    if "len2" in facts and not _within(facts["len2"], len(value)):
        yield f'"{key}" ("{value}") must be between {facts["len2"][0]} and {facts["len2"][1]} characters long'
    if "range" in facts and not _within(facts["range"], value):
        yield _out_of_range(facts, value, key)
    if "check" in facts:
        yield from named_checks.named(facts["check"], key, value)


def _listed(facts: Mapping[str, Any], value: Any) -> bool:
    if facts.get("anycase"):
        return str(value).lower() in [str(one).lower() for one in facts["enum"]]
    return value in facts["enum"]


def _not_listed(inputs: Inputs, allowed: Sequence[Any], value: Any, key: str, *, of_set: bool) -> str:
    listed = " ".join(quoted(one) if isinstance(one, str) else str(one) for one in allowed)
    if inputs.newer and of_set:
        return f'Invalid Set Element. Element "{value}" is not a valid value. all elements must be one of: [{listed}].'
    if inputs.newer:
        return f'Invalid Attribute Value Match. Attribute {key} value must be one of: [{listed}], got: "{value}"'
    return f"expected {key} to be one of [{listed}], got {value}"


def _within(limits: Sequence[float | None], value: float) -> bool:
    least, most = limits
    return (least is None or value >= least) and (most is None or value <= most)


def _out_of_range(facts: Mapping[str, Any], value: float, key: str) -> str:
    def shown(number: float | None) -> str:
        return f"{number:f}" if facts["t"].startswith("number") and number is not None else str(number)

    least, most = facts["range"]
    if least is None:
        return f"expected {key} to be at most ({shown(most)}), got {shown(value)}"
    if most is None:
        return f"expected {key} to be at least ({shown(least)}), got {shown(value)}"
    return f"expected {key} to be in the range ({shown(least)} - {shown(most)}), got {shown(value)}"
