"""Brings the fact files up to date with the installed SDKs: `python -m infra.local.facts.distil [--check] [TYPE …]`.

The SDK knows the shape of every input and which outputs there are. It does not know what forces a replacement, except
by what its documentation says; for a type that the files already hold, the real provider's own answer is kept. A TYPE
given is added.
"""

import importlib
import inspect
import json
import re
import sys
import typing
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pulumi import Archive, Asset, Resource
from pulumi._types import input_type_py_to_pulumi_names, input_type_types, is_input_type

from infra.local.facts import FOLDER, known_types, service_of

_PLACE = {"name", "project", "location", "region", "zone"}
_PRIMITIVES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def module_of(token: str) -> tuple[str, str]:
    """The SDK's module and class of a type token."""
    package, path, name = token.split(":")
    folder, _, file = path.partition("/")
    module = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", file)
    module = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", module).lower()
    return f"pulumi_{package}.{module}" if folder == "index" else f"pulumi_{package}.{folder.lower()}.{module}", name


def _find(token: str) -> tuple[type, type]:
    """The resource class and the class of its inputs."""
    module_name, name = module_of(token)
    package = module_name.rpartition(".")[0]
    folder = Path(importlib.import_module(package).__path__[0])
    wanted = name.lower()
    for path in sorted(folder.glob("*.py")):
        if path.stem.replace("_", "") == wanted or f"{package}.{path.stem}" == module_name:
            module = importlib.import_module(f"{package}.{path.stem}")
            resource = getattr(module, name)
            # A class called ...Args may be the resource's inputs or, where that name was taken, `...InitArgs`.
            inputs = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
            return resource, inputs
    raise SystemExit(f"{token}: no such type in {package}")


def _written(kind: Any, objects: dict[str, dict[str, str]]) -> str:
    """A Python type in the notation of the fact files."""
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if inspect.isclass(kind) and is_input_type(kind):
        name = kind.__name__.removesuffix("Args")
        if name not in objects:
            objects[name] = {}
            objects[name].update(_shape(kind, objects))
        return f"#{name}"
    if inspect.isclass(kind) and issubclass(kind, (Asset, Archive)):
        return "asset"
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return _written(next(one for one in arguments if one is not type(None)), objects)
    if origin is not None and origin.__name__ in ("Sequence", "list"):
        return f"[{_written(arguments[0], objects)}]"
    if origin is not None and origin.__name__ in ("Mapping", "dict"):
        return f"{{{_written(arguments[1], objects)}}}"
    return "any"


def _shape(inputs: type, objects: dict[str, dict[str, str]]) -> dict[str, str]:
    names = input_type_py_to_pulumi_names(inputs)
    parameters = inspect.signature(inputs).parameters
    required = {names.get(one.name, one.name) for one in parameters.values() if one.default is inspect.Parameter.empty}
    types = input_type_types(inputs)
    return {name: _written(types[name], objects) + ("!" if name in required else "") for name in sorted(types)}


def _outputs(resource: type) -> set[str]:
    inherited = {name for name, _ in inspect.getmembers(Resource)}
    return {
        getattr(member.fget, "_pulumi_name", name)
        for name, member in inspect.getmembers(resource, lambda one: isinstance(one, property))
        if name not in inherited and name not in ("id", "urn", "pulumi_resource_name", "pulumi_resource_type")
    }


def distil(token: str, known: dict[str, Any] | None, objects: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The facts of one type, from the SDK and from what is known of it already."""
    resource, inputs = _find(token)
    shape = _shape(inputs, objects)
    if known is None:
        secret = set(re.findall(r"additional_secret_outputs=\[([^\]]*)\]", inspect.getsource(resource)))
        forced = set(_PLACE) | {name for name in shape if name.endswith("Id")}
        if "iam" in token.lower():
            forced = set(shape) - {"members", "policyData"}
        known = {
            "secret": sorted({name.strip("\"' ") for names in secret for name in names.split(",") if name.strip()}),
            "replaces": sorted(forced & set(shape)),
        }
    for name in known.get("required", ()):
        if name in shape and not shape[name].endswith("!"):
            shape[name] += "!"
    return {
        "inputs": shape,
        "computed": sorted(_outputs(resource) - set(shape)),
        "secret": known["secret"],
        "replaces": known["replaces"],
    }


def collect(tokens: list[str], known: dict[str, Any]) -> dict[str, str]:
    """File name → content, for all of these types."""
    services: dict[str, dict[str, Any]] = {}
    for token in sorted(tokens):
        service = services.setdefault(service_of(token), {"resources": {}, "objects": {}})
        service["resources"][token] = distil(token, known.get(token), service["objects"])
    return {f"{name}.json": _laid_out(content) for name, content in services.items()}


def _laid_out(content: dict[str, Any]) -> str:
    """One type a line, so that a change reads as a diff."""
    parts = []
    for section in ("resources", "objects"):
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(content[section].items())]
        parts.append(f' "{section}": {{\n' + ",\n".join(lines) + "\n }" if lines else f' "{section}": {{}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def stale(services: Collection[str] | None = None, added: Sequence[str] = ()) -> dict[str, str]:
    """File name → new content for each fact file, of these services or of all, that differs from the SDK."""
    known: dict[str, Any] = {}
    for path in FOLDER.glob("*.json"):
        known |= json.loads(path.read_bytes())["resources"]
    tokens = sorted({*known_types(), *added})
    chosen = [token for token in tokens if services is None or service_of(token) in services]
    return {
        name: content
        for name, content in collect(chosen, known).items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text() != content
    }


def main(arguments: Sequence[str]) -> int:
    """Writes the files, or with --check says which differ; 0 where none does."""
    check = "--check" in arguments
    found = stale(added=[token for token in arguments if not token.startswith("--")])
    for name, content in found.items():
        print(f"{name}: {'differs from the SDK' if check else 'written'}")
        if not check:
            (FOLDER / name).write_text(content)
    if not found:
        print("up to date")
    return 1 if check and found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
