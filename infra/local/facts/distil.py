"""Bring the fact files up to date with the installed SDKs: `python -m infra.local.facts.distil [--check]
[--schema FILE] [SERVICE …]`.

An SDK knows each type's inputs and outputs, their types, what is required and what is secret; its documentation
names some inputs whose change replaces the resource. What the real provider's own schema says beyond that is read once,
with `--schema FILE`, and kept: a type that has it (`"from": "schema"`) gets from the SDK only what the schema did not
have, or no longer requires.
"""

import importlib
import inspect
import json
import re
import sys
import typing
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pulumi import Archive, Asset, Resource
from pulumi._types import (
    input_type_py_to_pulumi_names,
    input_type_types,
    is_input_type,
    is_output_type,
    output_type_types,
    resource_types,
)

from infra.local.facts import FOLDER, service_of

_PACKAGES = ("gcp", "docker")
_PRIMITIVES = {str: "string", bool: "boolean", int: "integer", float: "number"}
_PLACE = ("project", "location", "region", "zone")
_IAM = re.compile(r"I(?:am|AM)(Member|Binding|Policy)$")
_ANEW = re.compile(r"forces? (?:a )?new resource|forces? replacement|changing this (?:creates|recreates)", re.I)
_OUTPUT = re.compile(r"^\(Output\)")
_OUTPUT_DEPTH = 4
Specs = dict[str, Any]
"""Property name → its type, or an object with the type `t` and what else is known; `in` holds a block's properties."""


@cache
def sdk_types() -> dict[str, tuple[str, str]]:
    """Every type token of the installed SDKs → the module that has its class, and the class's name."""
    found: dict[str, tuple[str, str]] = {}
    for package in _PACKAGES:
        text = Path(str(importlib.import_module(f"pulumi_{package}").__file__)).read_text()
        listed = re.search(r'resource_modules="""(.*?)"""', text, re.S)
        assert listed, package  # for the type checker  # nosec B101
        for module in json.loads(listed[1]):
            found |= {token: (module["fqn"], name) for token, name in module["classes"].items()}
    return found


def _find(token: str) -> tuple[type, type]:
    """The resource class and the class of its inputs."""
    module_name, name = sdk_types()[token]
    resource = getattr(importlib.import_module(module_name), name)
    module = sys.modules[resource.__module__]
    # A class called ...Args may be the resource's inputs or, where that name was taken, `...InitArgs`.
    return resource, getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")


def _spec(kind: Any, above: tuple[type, ...], output: Any = None) -> Any:
    """A Python type in the notation of the fact files; `output` is the type that the state has in its place."""
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if inspect.isclass(kind) and (is_input_type(kind) or is_output_type(kind)):
        return {"t": "obj", "in": _properties(kind, (*above, kind), output)} if _bounded(kind, above) else "any"
    if inspect.isclass(kind) and issubclass(kind, (Asset, Archive)):
        return "asset"
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return _spec(next(one for one in arguments if one is not type(None)), above, output)
    if origin is not None and origin.__name__ in ("Sequence", "list"):
        return _of(_spec(arguments[0], above, output), "[{}]")
    if origin is not None and origin.__name__ in ("Mapping", "dict"):
        return _of(_spec(arguments[1], above, output), "{{{}}}")
    return "any"


def _bounded(kind: type, above: tuple[type, ...]) -> bool:
    return kind not in above and (is_input_type(kind) or len(above) < _OUTPUT_DEPTH)


def _of(item: Any, form: str) -> Any:
    """A list or map of items: a block's properties stay beside its type."""
    if isinstance(item, str):
        return form.format(item)
    return {**item, "t": form.format(item["t"])}


def _properties(block: type, above: tuple[type, ...] = (), output: Any = None) -> Specs:
    if is_output_type(block):
        return {name: _spec(kind, above) for name, kind in sorted(output_type_types(block).items())}
    state = _state_types(output)
    always = _always(output) if state else set()
    names = input_type_py_to_pulumi_names(block)
    parameters = inspect.signature(block).parameters
    required = {names.get(one.name, one.name) for one in parameters.values() if one.default is inspect.Parameter.empty}
    anew = {names.get(name, name) for name in _said(block, _ANEW)}
    outputs = {names.get(name, name) for name in _said(block, _OUTPUT)}
    specs: Specs = {}
    for name, kind in sorted(input_type_types(block).items()):
        spec = _spec(kind, above, _item(state.get(name)))
        if name in required:
            spec = _with(spec, t=_type(spec) + "!")
        elif name in always:
            spec = _with(spec, comp=1)  # absent, and yet there: the cloud chooses it
        spec = _with(spec, new=1) if name in anew else spec
        specs[name] = _with(spec, out=1) if name in outputs and name not in required else spec
    return specs


def _state_types(output: Any) -> dict[str, Any]:
    if not inspect.isclass(output):
        return {}
    return resource_types(output) if issubclass(output, Resource) else output_type_types(output)


def _item(kind: Any) -> Any:
    """The class of a block, or of the items of a list or map of blocks."""
    while not inspect.isclass(kind) or typing.get_args(kind):
        arguments = [one for one in typing.get_args(kind) if one is not type(None)]
        if not arguments:
            return None
        kind = arguments[-1]
    return kind if is_output_type(kind) else None


def _always(output: type) -> set[str]:
    """The names of what the state of a resource or block always has."""
    found = set()
    for name, member in inspect.getmembers(output, lambda one: isinstance(one, property)):
        kind = member.fget.__annotations__.get("return")
        inner = typing.get_args(kind)[0] if issubclass(output, Resource) and typing.get_args(kind) else kind
        if type(None) not in typing.get_args(inner):
            found.add(getattr(member.fget, "_pulumi_name", name))
    return found


def _said(block: type, pattern: re.Pattern[str]) -> set[str]:
    """The Python names of the inputs of which the documentation says so."""
    text = inspect.getdoc(block.__init__) or ""  # type: ignore[misc]
    parts = re.split(r":param [^:]*?(\w+): ", text)
    return {name for name, says in zip(parts[1::2], parts[2::2]) if pattern.search(says)}


def _type(spec: Any) -> str:
    return str(spec if isinstance(spec, str) else spec["t"])


def _with(spec: Any, **more: Any) -> Any:
    """A spec with more facts; a plain type where there are none."""
    whole = {"t": spec} if isinstance(spec, str) else dict(spec)
    whole |= more
    return whole["t"] if set(whole) == {"t"} else whole


def from_sdk(token: str) -> dict[str, Any]:
    """What the SDK says of one type."""
    resource, inputs = _find(token)
    source = inspect.getsource(resource)
    secret = {name for text in re.findall(r"additional_secret_outputs=\[([^\]]*)\]", source) for name in _words(text)}
    secret |= set(
        re.findall(r'__props__\.__dict__\["(\w+)"\] = None if \w+ is None else pulumi\.Output\.secret', source)
    )
    props = _properties(inputs, output=resource)
    for name, kind in sorted(resource_types(resource).items()):
        if name not in props:
            props[name] = _with(_spec(kind, ()), out=1)
    for name in secret & set(props):
        props[name] = _with(props[name], sec=1)
    for name in _PLACE:
        if name in props and not _type(props[name]).endswith("!") and not _says(props[name], "out"):
            props[name] = _with(props[name], comp=1)
    found: dict[str, Any] = {"from": "sdk", "props": props}
    aliases = re.findall(r'pulumi\.Alias\(type_="([^"]+)"\)', source)
    if aliases:
        found["alias"] = sorted(aliases)
    _as_the_provider_does(token, found)
    return found


def _words(text: str) -> list[str]:
    return [word.strip("\"' ") for word in text.split(",") if word.strip()]


def _says(spec: Any, key: str) -> bool:
    return isinstance(spec, dict) and bool(spec.get(key))


def _as_the_provider_does(token: str, found: dict[str, Any]) -> None:
    """What holds for all types of the real provider, so for one that only the SDK tells of."""
    props: Specs = found["props"]
    iam = _IAM.search(token)
    if iam:
        _bindings(iam[1], props)
        if iam[1] == "Member":
            found["noupdate"] = 1
        return
    for name in ("name", *_PLACE):
        if name in props and not _says(props[name], "out"):
            props[name] = _with(props[name], new=1)
    if token.startswith("docker:"):
        return
    for name in [name for name in props if name.endswith("Id") and _type(props[name]) == "string!"]:
        props[name] = _with(props[name], new=1)
    if "name" in props and _type(props["name"]) == "string" and not _says(props["name"], "out"):
        props["name"] = {"t": "string", "new": 1}
        found["auto"] = {"prop": "name", "max": 255}
    if "deletionPolicy" in props:
        props["deletionPolicy"] = {"t": "string", "comp": 1, "plan_def": "DELETE"}


def _bindings(kind: str, props: Specs) -> None:
    """Members, bindings and policies are alike on every parent."""
    for name, spec in props.items():
        if name == "etag":
            continue
        if name == "members":
            props[name] = _with(spec, t="<string>!", each={"check": "iamMember", "eq": "case"})
        elif name == "policyData":
            props[name] = _with(spec, check="iamPolicy", eq="policyJson")
        elif name == "member":
            props[name] = _with(spec, new=1, check="iamMember", eq="member")
        elif name == "condition":
            block = {inner: _with(one, new=1) for inner, one in spec["in"].items()}
            props[name] = {**spec, "new": 1, "in": block}
        else:
            props[name] = _with(spec, new=1)


def merged(known: Specs, sdk: Specs, *, within: bool = False) -> Specs:
    """The schema's properties, with those that a newer SDK adds, and not required where it no longer does (of blocks an
    SDK can't tell: it lets be absent what is required in a block that the cloud may choose).
    """
    whole = dict(known)
    for name, spec in sdk.items():
        if name not in known:
            whole[name] = spec
            continue
        kept = known[name]
        if isinstance(kept, dict) and isinstance(spec, dict) and "in" in kept and "in" in spec and not kept.get("out"):
            kept = {**kept, "in": merged(kept["in"], spec["in"], within=True)}
        if not within and _type(kept).endswith("!") and not _type(spec).endswith("!"):
            kept = _with(kept, t=_type(kept).removesuffix("!"))
        whole[name] = kept
    return dict(sorted(whole.items()))


def nested(flat: dict[str, Any]) -> Specs:
    """Property paths (`a.b[].c`) as properties within properties."""
    root: Specs = {}
    for path, spec in sorted(flat.items(), key=lambda one: one[0].count(".")):
        *above, name = path.split(".")
        block = root
        for part in above:
            key = part.removesuffix("[]")
            if not _says(block[key], "in"):
                block[key] = _with(block[key], **{"in": {}})
            block = block[key]["in"]
        block[name] = spec
    return root


def read_schema(path: Path) -> dict[str, Any]:
    """Type token → facts, from a file that states what the real provider's schema says by property path."""
    content = json.loads(path.read_bytes())
    found = {}
    for token, facts in {**content["others"], **content["types"]}.items():
        found[token] = {**facts, "from": "schema", "props": nested(facts["props"])}
    return found


def distil(token: str, known: dict[str, Any] | None) -> dict[str, Any]:
    """The facts of one type, from the SDK and from what the schema said of it."""
    sdk = from_sdk(token)
    if known is None or known.get("from") != "schema":
        return sdk
    return {**known, "props": merged(known["props"], sdk["props"])}


def collect(tokens: Collection[str], known: dict[str, Any]) -> dict[str, str]:
    """File name → content, for all of these types."""
    services: dict[str, dict[str, Any]] = {}
    for token in sorted(tokens):
        services.setdefault(service_of(token), {})[token] = distil(token, known.get(token))
    return {f"{name}.json": _laid_out(content) for name, content in services.items()}


def _laid_out(types: dict[str, Any]) -> str:
    """One type a line, so that a change reads as a diff."""
    lines = [f"{json.dumps(token)}:{json.dumps(facts, separators=(',', ':'))}" for token, facts in types.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def stale(services: Collection[str] | None = None, schema: Path | None = None) -> dict[str, str]:
    """File name → new content for each fact file, of these services or of all, that differs from the SDK."""
    known: dict[str, Any] = {}
    for path in FOLDER.glob("*.json"):
        known |= json.loads(path.read_bytes())
    if schema:
        known |= read_schema(schema)
    chosen = [token for token in sdk_types() if not services or service_of(token) in services]
    return {
        name: content
        for name, content in collect(chosen, known).items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text() != content
    }


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with --check says which differ; 0 where none does."""
    words = list(arguments)
    check = "--check" in words
    schema = Path(words.pop(words.index("--schema") + 1)) if "--schema" in words else None
    found = stale([word for word in words if not word.startswith("--")], schema)
    for name, content in found.items():
        print(f"{name}: {'differs from the SDK' if check else 'written'}")
        if not check:
            (FOLDER / name).write_text(content)
    if not found:
        print("up to date")
    return 1 if check and found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
