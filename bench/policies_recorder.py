"""Runs one foreign Pulumi program with mocks and prints, as JSON, what it declares: `policies_recorder.py PROGRAM`.

Packages that are not installed are stood in for, settings that are not given get a word, and what only the cloud would
know gets a name: so a program is read as far as it declares things, without an engine and without a cloud.
"""

import importlib.abc
import importlib.machinery
import json
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
from pulumi.runtime import mocks

_DECLARED: list[dict[str, Any]] = []
_KNOWN_LATER = "name email selfLink uniqueId address natIp project uri url number bucket accountId member id location"


class _Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        _DECLARED.append({"type": args.typ, "name": args.name, "properties": args.inputs})
        later = {key: f"{args.name}-{key}" for key in _KNOWN_LATER.split()}
        return f"{args.name}-id", {**later, "name": args.name, **args.inputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        return {**dict.fromkeys(_KNOWN_LATER.split(), "called"), **args.args}, None


class _StandIn:
    """Anything that a package which is not there may hold."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return pulumi.Output.from_input(f"stand-in-{name}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


class _Module(ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_StandIn,), {}) if name[0].isupper() else _Module(f"{self.__name__}.{name}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        return _StandIn()


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for packages of the registry that are not installed; asked last."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _setting(kind: str) -> Any:
    words = {"int": 1, "float": 1.0, "bool": True, "object": {}}

    def setting(self: pulumi.Config, key: str, *_: Any, **__: Any) -> Any:
        given = self.get(key)
        plain = words.get(kind.removeprefix("secret_"), given or key) if given is None else given
        return pulumi.Output.secret(plain) if kind.startswith("secret") else plain

    return setting


def main(program: str) -> None:
    """Print the resources; a program that fails has printed what it declared until then, and the kind of error."""
    sys.meta_path.append(_Finder())
    sys.path.insert(0, str(Path(program).resolve()))
    pulumi.runtime.set_mocks(_Mocks(), project="foreign", stack="dev", preview=False)
    pulumi.runtime.set_all_config(
        {"gcp:project": "foreign", "gcp:region": "europe-west1", "gcp:zone": "europe-west1-b"}
    )
    for kind in ("", "int", "float", "bool", "object"):
        for secret in ("", "secret"):
            name = "_".join(word for word in ("require", secret, kind) if word)
            setattr(pulumi.Config, name, _setting("_".join(word for word in (secret, kind) if word)))
    error = ""

    async def run() -> None:
        nonlocal error
        try:
            runpy.run_path(str(Path(program) / "__main__.py"), run_name="__main__")
        except BaseException as raised:  # Whatever a foreign program raises, exits included.
            error = type(raised).__name__ + ": " + str(raised)[:200]

    waiting: Any = pulumi.runtime.test  # It runs what is declared to its end.
    output: Any = pulumi.Output
    try:
        waiting(lambda: output.from_input(run()))()
    except BaseException as raised:
        error = error or type(raised).__name__ + ": " + str(raised)[:200]
    print("\n" + json.dumps({"error": error, "resources": _DECLARED}, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
