"""Diff: which inputs changed, and does the change replace the resource? Decided by the facts of each property."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infra.local.facts import Block, Facts, Property
from infra.local.provider import equal, plan
from infra.local.provider.given import DEFAULTS, Unparsed, converted, original
from infra.local.provider.plan import Change
from infra.local.provider.values import Unknown, known

Kind = Literal["add", "update", "delete"]


@dataclass(frozen=True)
class Difference:
    """Property path → change, the paths among them that replace, and whether the old resource goes first."""

    changes: dict[str, Kind]
    replaces: tuple[str, ...]
    delete_first: bool


def diff(
    facts: Facts,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    state: Mapping[str, Any],
    configured: Mapping[str, str],
) -> Difference:
    """Compares the old inputs with the new ones; `state` are the outputs, for what the cloud chose. An unknown counts
    as a change.
    """
    if old == new and known(new):
        return Difference({}, (), False)
    before, after = _normal(facts, old), _normal(facts, new)
    _place(facts, before, after, configured)
    found = list(_block(facts.properties, before, after, state, ""))
    found = list(plan.decided(facts.type, before, after, found))
    replaces = tuple(one.path for one in found if one.replaces or facts.says("noupdate"))
    return Difference(
        {one.path: one.kind for one in found},
        replaces,
        bool(replaces) and _goes_first(facts, old, new),
    )


def _normal(facts: Facts, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        whole: dict[str, Any] = original(converted(facts.properties, values))
    except Unparsed:
        whole = {name: value for name, value in values.items() if name != DEFAULTS}
    return whole


def _place(facts: Facts, old: dict[str, Any], new: dict[str, Any], configured: Mapping[str, str]) -> None:
    """Project and region are the provider's where they are not given."""
    for name, planned in (
        ("project", True),
        ("region", "plan_region"),
        ("location", "plan_region"),
        ("zone", "plan_zone"),
    ):
        prop = facts.properties.get(name)
        default = configured.get("region" if name == "location" else name)
        if prop is None or prop.output or not prop.computed or not default:
            continue
        old.setdefault(name, default)
        if planned is True or facts.says(str(planned)):
            new.setdefault(name, default)


def _goes_first(facts: Facts, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    unique = facts.says("unique")
    if facts.says("dbr"):
        return True
    if unique:
        return all(new.get(name) is not None and old.get(name) == new.get(name) for name in unique)
    made = new.get(DEFAULTS) or ()
    return any(new.get(one.property) is not None and one.property not in made for one in facts.automatic)


def _block(block: Block, old: Mapping[str, Any], new: Mapping[str, Any], state: Any, path: str) -> Iterator[Change]:
    chosen = state if isinstance(state, Mapping) else {}
    for name in sorted({*old, *new}):
        prop = block.get(name)
        inner = f"{path}.{name}" if path else name
        if prop is None:
            if old.get(name) != new.get(name):
                yield Change(inner, "update", False)
        elif not prop.output:
            yield from _property(prop, old.get(name), new.get(name), chosen.get(name), inner, new)


def _property(prop: Property, old: Any, new: Any, state: Any, path: str, beside: Mapping[str, Any]) -> Iterator[Change]:
    """`beside` are the new values of the block that the property stands in."""
    if "plan_def" in prop.facts:
        old, new = _or(old, prop.facts["plan_def"]), _or(new, prop.facts["plan_def"])
    elif prop.computed and new is None:
        return  # The old value stays.
    if old is None and prop.computed:
        old = _state(state)
    if not (_fits(prop, old) and _fits(prop, new)):
        if old != new:  # Check has refused it; an old state may still hold it
            yield Change(path, "update", prop.new)
    elif isinstance(new, Unknown):
        yield from _unknown(prop, old, path)
    elif prop.of == "map":
        yield from _map(prop, old or {}, new or {}, path)
    elif prop.of == "list":
        yield from _list(prop, _items(old), _items(new), state, path)
    elif prop.of == "set":
        yield from _set(prop, _items(old), _items(new), path)
    elif prop.block is not None:
        yield from _one_block(
            prop, prop.block, None if old == [] else old, None if new == [] else new, state, path, beside
        )
    elif prop.facts.get("eq") == "offWhenDisabled" and beside.get("enable") is not True:
        return
    elif _scalar_changed(prop, old, new):
        yield Change(path, _kind(old, new), prop.new)


def _fits(prop: Property, value: Any) -> bool:
    """Whether a value has its property's shape."""
    if value is None or isinstance(value, Unknown):
        return True
    if prop.of == "map":
        return isinstance(value, Mapping)
    if prop.of:
        return isinstance(value, list) and all(_fits_one(prop, one) for one in value)
    return _fits_one(prop, value) or value == []


def _fits_one(prop: Property, value: Any) -> bool:
    if isinstance(value, Unknown):
        return True
    if prop.block is not None:
        return isinstance(value, Mapping)
    return prop.type == "any" or not isinstance(value, (Mapping, list))


def _or(value: Any, default: Any) -> Any:
    return default if value is None or value == "" else value


def _state(state: Any) -> Any:
    """What the cloud chose, where it is known and anything."""
    return None if isinstance(state, Unknown) or state in ("", [], {}) else state


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _kind(old: Any, new: Any) -> Kind:
    if old is None:
        return "add"
    return "delete" if new is None else "update"


def _zero(value: Any) -> bool:
    """Whether a value is the same as an absent one."""
    return value is None or value in ("", 0, [], {})


def _scalar_changed(prop: Property, old: Any, new: Any) -> bool:
    before = prop.default if old is None and prop.default is not None else old
    after = prop.default if new is None and prop.default is not None else new
    if before == after or (_zero(before) and _zero(after)):
        return False
    written = prop.facts.get("state")
    if equal.written(written, before) == equal.written(written, after):
        return False
    return not equal.same(prop.facts.get("eq"), before, after)


def _unknown(prop: Property, old: Any, path: str) -> Iterator[Change]:
    kind = _kind(old, "")
    if prop.computed and prop.of == "set":
        return
    if prop.of == "" and prop.block is None:
        if not equal.same(prop.facts.get("eq"), old, "\N{REPLACEMENT CHARACTER}"):
            yield Change(path, kind, prop.new)
    elif prop.computed or old is None:
        yield Change(path, kind, prop.new)
    else:
        yield Change(path, kind, _leaf_replaces(prop, old, removed=True))


def _map(prop: Property, old: Any, new: Mapping[str, Any], path: str) -> Iterator[Change]:
    eq = str(prop.facts.get("eq") or "")
    if eq == "always" or not isinstance(old, Mapping):
        if eq != "always":
            yield Change(path, "update", prop.new)
        return
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if after is None and (eq == "kept" or equal.kept_key(eq, name, old)):
            continue
        if isinstance(after, Unknown) or equal.text(before) != equal.text(after) or (before is None) != (after is None):
            inner = f"{path}.{name}" if name.replace("_", "a").replace("-", "a").isalnum() else f'{path}["{name}"]'
            yield Change(inner, _kind(before, after), prop.new)


def _list(prop: Property, old: Sequence[Any], new: Sequence[Any], state: Any, path: str) -> Iterator[Change]:
    block, eq = prop.block, prop.facts.get("eq")
    if eq == "unordered" and known(list(new)) and sorted(map(_text_of, old)) == sorted(map(_text_of, new)):
        return
    chosen = state if isinstance(state, list) else []
    for index in range(max(len(old), len(new))):
        before = old[index] if index < len(old) else None
        after = new[index] if index < len(new) else None
        inner = f"{path}[{index}]"
        if block is None:
            each = (prop.facts.get("each") or {}).get("eq") or eq
            if isinstance(after, Unknown) or (before is None) != (after is None):
                if not (
                    isinstance(after, Unknown)
                    and before is not None
                    and equal.same(each, before, "\N{REPLACEMENT CHARACTER}")
                ):
                    yield Change(inner, _kind(before, after), prop.new)
            elif equal.text(before) != equal.text(after) and not equal.same(each, before, after):
                yield Change(inner, "update", prop.new)
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _block(block, before, after, chosen[index] if index < len(chosen) else None, inner)
        elif before is not None and after is not None:
            if isinstance(after, Unknown) or before != after:
                yield Change(inner, "update", _leaf_replaces(prop, before, removed=True))
        else:
            given, removed = (before, True) if after is None else (after, False)
            yield Change(inner, _kind(before, after), _leaf_replaces(prop, given, removed=removed))


def _text_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


_NORMAL: dict[str, Callable[[str], str]] = {
    "last": equal.last,
    "path": equal.path,
    "ip": lambda text: str(equal.address(text) or text),
}
_IN_SETS = ("link", "path", "case", "last", "member")
"""Equalities by which the provider tells the items of a set apart, too."""


def _set(prop: Property, old: Sequence[Any], new: Sequence[Any], path: str) -> Iterator[Change]:
    if prop.facts.get("eq") == "anyRange" and list(old) == ["0.0.0.0/0"] and not new:
        return
    gone, come = _unmatched(prop, old, new)
    places = {old.index(item): item for item in gone}
    changed = {}
    for item in come:
        index = new.index(item)
        if index in places and isinstance(item, Mapping):
            changed[index] = (places.pop(index), item)
        else:
            yield Change(f"{path}[{index}]", "add", _leaf_replaces(prop, item, removed=False))
    for index, item in places.items():
        yield Change(f"{path}[{index}]", "delete", _leaf_replaces(prop, item, removed=True))
    for index, (before, after) in changed.items():
        # One removed and one added, told as what is different in it.
        replaces = _leaf_replaces(prop, before, removed=True) or _leaf_replaces(prop, after, removed=False)
        inner = list(_block(prop.block or Block({}), before, after, None, f"{path}[{index}]"))
        for one in inner or [Change(f"{path}[{index}]", "update", replaces)]:
            yield Change(one.path, one.kind, replaces)


def _unmatched(prop: Property, old: Sequence[Any], new: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The items that only the old set has, and those that only the new one has."""
    normal: Callable[[str], str] = _NORMAL.get(prop.facts.get("match", ""), str)
    written = (prop.facts.get("each") or {}).get("state")

    def key(item: Any) -> str:
        return normal(equal.written(written, item)) if prop.block is None else _text_of(_given(prop.block, item))

    olds, news = {key(one): one for one in old}, {key(one): one for one in new if known(one)}
    gone = [one for name, one in olds.items() if name not in news]
    come = [one for name, one in news.items() if name not in olds] + [one for one in new if not known(one)]
    if len(gone) * len(come) > 10_000:  # so many have nothing in common but their number
        return gone, come
    for item in list(gone):
        found = next((one for one in come if known([item, one]) and _same_item(prop, item, one)), None)
        if found is not None:
            gone.remove(item)
            come.remove(found)
    return gone, come


def _same_item(prop: Property, old: Any, new: Any) -> bool:
    if prop.block is None:
        return equal.same((prop.facts.get("each") or {}).get("eq") or prop.facts.get("eq"), old, new)
    if equal.accessed(old, new) and prop.block.get("iamMember"):
        return True
    changes = list(_block(prop.block, old, new, None, ""))
    return not changes and all(
        (leaf := prop.block.get(name)) is None
        or leaf.facts.get("eq") in (None, *_IN_SETS)
        or old.get(name) == new.get(name)
        for name in {*old, *new}
    )


def _given(block: Block, item: Any) -> Any:
    """An item without what counts as absent."""
    if not isinstance(item, Mapping):
        return item
    whole = {}
    for name, value in item.items():
        prop = block.get(name)
        if prop is not None and prop.block is not None:
            value = [_given(prop.block, one) for one in value] if isinstance(value, list) else _given(prop.block, value)
        if prop is not None and prop.of == "set" and isinstance(value, list):
            value = sorted(value, key=_text_of)
        if value is not None and value not in ("", 0, [], False) and (prop is None or value != prop.default):
            whole[name] = value
    return whole


def _one_block(
    prop: Property, block: Block, old: Any, new: Any, state: Any, path: str, beside: Mapping[str, Any]
) -> Iterator[Change]:
    eq = prop.facts.get("eq")
    if eq and plan.same_block(eq, old, new, beside, _only_defaults(block, old if new is None else new)):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        inner = list(_block(block, old, new, state, path))
        if inner and prop.facts.get("set"):
            replaces = _leaf_replaces(prop, old, removed=True) or _leaf_replaces(prop, new, removed=False)
            yield Change(path, "update", replaces)
        else:
            yield from inner
    elif (old is None) != (new is None):
        given, removed = (old, True) if new is None else (new, False)
        yield Change(path, _kind(old, new), _leaf_replaces(prop, given, removed=removed))


def _only_defaults(block: Block, value: Any) -> bool:
    return isinstance(value, Mapping) and not _given(block, value)


def _leaf_replaces(prop: Property, value: Any, *, removed: bool) -> bool:
    """Whether adding or removing this whole block replaces: it, or a leaf given in it, does."""
    if prop.new:
        return True
    if prop.block is None:
        return False
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Mapping):
            continue
        for name, inner in item.items():
            leaf = prop.block.get(name)
            if leaf is None or leaf.output or inner is None or inner == "" or inner == []:
                continue
            if removed and leaf.block is None and inner == leaf.default:
                continue
            if _leaf_replaces(leaf, inner, removed=removed):
                return True
    return False
