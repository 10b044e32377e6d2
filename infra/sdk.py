"""Makes `pulumi_gcp` load the classes that the program uses instead of every class of each module that it touches.

`pulumi_gcp.storage` alone runs fifty files when one of its classes is asked for; with the modules that the program
touches that is a second of every preview. Here each module is entered as a package that imports a class's file when
the class is asked for. The classes are the SDK's own.
"""

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

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
    """Enters the modules of `pulumi_gcp`; has to be called before `pulumi_gcp` is imported."""
    sdk = importlib.util.find_spec("pulumi_gcp")
    if sdk is None or sdk.origin is None:
        raise ImportError("the package `pulumi_gcp` is not installed: install requirements/infra.txt")
    for folder in Path(sdk.origin).parent.iterdir():
        if not (folder / "__init__.py").is_file():
            continue
        package = _Package(f"pulumi_gcp.{folder.name}")
        package.__path__ = [str(folder)]
        package.__package__ = package.__name__
        sys.modules[package.__name__] = package
