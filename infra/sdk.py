"""How the program keeps the SDK from doing what a preview would wait for in vain.

`pulumi_gcp.storage` alone runs fifty files when one of its classes is asked for; with the modules that the program
touches that is a second of every preview. Here each module is entered as a package that imports a class's file when
the class is asked for. The classes are the SDK's own.

`pulumi` tells the engine five times a resource what it is doing, and waits each time until the engine has taken note.
The engine shows that to `pulumi --debug` alone.
"""

import asyncio
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import SETTINGS

_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class _Package(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or name == "outputs":
            raise AttributeError(name)
        value: object = getattr(importlib.import_module(f"{self.__name__}.{_file_of(name)}"), name)
        setattr(self, name, value)
        return value


def _file_of(name: str) -> str:
    """The file that defines a name: `BucketIAMMember` is in `bucket_iam_member`, all nested types are in `_inputs`."""
    if name.endswith("ArgsDict"):
        return "_inputs"
    return _WORD_BOUNDARY.sub("_", name).lower().removesuffix("_output")


def load_by_class() -> None:
    """Enters `pulumi_docker` and the modules of `pulumi_gcp`; has to be called before either is imported."""
    docker, gcp = _folder("pulumi_docker"), _folder("pulumi_gcp")
    _enter(docker.name, docker)
    for folder in gcp.iterdir():
        if (folder / "__init__.py").is_file():
            _enter(f"{gcp.name}.{folder.name}", folder)


def _folder(sdk: str) -> Path:
    found = importlib.util.find_spec(sdk)
    if found is None or found.origin is None:
        raise ImportError(f"the package `{sdk}` is not installed: install requirements/infra.txt")
    return Path(found.origin).parent


def _enter(name: str, folder: Path) -> None:
    package = _Package(name)
    package.__path__ = [str(folder)]
    package.__package__ = name
    sys.modules[name] = package


def declared_by_type(
    parent: pulumi.Resource, resource_type: str, name: str, inputs: Mapping[str, object]
) -> pulumi.CustomResource:
    """A resource without the SDK's class for it: importing `pulumi_gcp.compute` takes longer than the rest of a
    preview. The provider checks its inputs all the same.
    """
    opts = pulumi.ResourceOptions(parent=parent, version=importlib.metadata.version("pulumi_gcp"))
    return pulumi.CustomResource(resource_type, name, dict(inputs), opts)


class _QuietEngine:
    """The engine as the SDK's log sees it, for all but debug messages."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def Log(self, request: engine_pb2.LogRequest) -> None:
        if request.severity != engine_pb2.DEBUG:
            self._engine.Log(request)


def drop_debug_messages() -> None:
    """Keep debug messages from the engine, but where PULUMI_OPTION_DEBUG, the variable for `--debug`, is set."""
    if not os.environ.get("PULUMI_OPTION_DEBUG"):
        SETTINGS.engine = _QuietEngine(SETTINGS.engine)


async def under_way() -> None:
    """Let the registrations of what has been declared begin.

    The SDK waits for registrations that have begun. Else it would wait for the outputs of all resources, and look
    through all of them each time that one is there.
    """
    await asyncio.sleep(0.001)
