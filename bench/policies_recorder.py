"""Run foreign Pulumi programs with mocks and write what each declares beside it, in `.declared.json`:
`policies_recorder.py PROGRAM…`. Each runs in a process of its own, forked after the provider is imported.

Packages that are not installed are stood in for, settings come from the program's own stack file or get a word, and
what only the cloud would know gets a value of the type that the provider promises, and so do the data that a program
asks for. So a program is read as far as it declares things, without an engine and without a cloud.
"""

import abc
import importlib.abc
import importlib.machinery
import importlib.metadata
import inspect
import json
import os
import runpy
import signal
import sys
import threading
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pulumi_gcp  # noqa: F401  It is what takes long, and each program needs it.
import yaml
from pulumi import _types
from pulumi.runtime import mocks, settings

RECORDED = ".declared.json"
_SECONDS = 60
"""Processor time that one program may take; of the clock it is ten times that."""
_HERE = threading.local()
"""What the resource is that a thread registers just now; several do at once."""
_DECLARED: list[dict[str, Any]] = []
_CLASSES: dict[str, type] = {}
"""The class of a resource by its type, and of an answer by the call that it answers."""
_DEPTH = 4
"""How deep a value that only the cloud knows is filled in."""


class _Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if not _HERE.foreign:
            noted = {"urn": _HERE.urn, "behind": _HERE.behind}
            _DECLARED.append({"type": args.typ, "name": args.name, "properties": args.inputs, **noted})
        kind = _CLASSES.get(args.typ)
        types = _types.resource_types(kind) if kind else {}
        later = {key: _later(_known_later(args.name, key), of) for key, of in types.items()}
        return f"{args.name}-id", {**later, "name": args.name, **args.inputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        kind = _CLASSES.get(args.token)
        return {**(_fields("called", kind, 0) if kind else {}), **args.args}, []


_MockMonitor: Any = mocks.MockMonitor


class _Monitor(_MockMonitor):  # type: ignore[misc]
    """Notes on which resources each input of a resource depends, as the engine does."""

    def RegisterResource(self, request: Any) -> Any:
        _HERE.foreign = False
        _HERE.urn = self.make_urn(request.parent, request.type, request.name)
        _HERE.behind = {key: list(of.urns) for key, of in request.propertyDependencies.items()}
        return super().RegisterResource(request)

    def ReadResource(self, request: Any) -> Any:
        _HERE.foreign = True
        return super().ReadResource(request)


def _known_later(name: str, key: str) -> str:
    """A text as the cloud would give it for a resource: an address where it promises one."""
    if key.lower().endswith(("url", "uri")):
        return f"https://{name}.{key.lower()}.example"
    if key == "repoDigest":
        return f"europe-west1-docker.pkg.dev/foreign/images/{name}@sha256:{'0' * 64}"
    if key == "number":
        return "123456789012"
    return f"{name}@foreign.iam.gserviceaccount.com" if key == "email" else f"{name}-{key}"


def _later(word: str, kind: Any, depth: int = 0) -> Any:
    """A value of a type as the provider's classes give it: a word, a number, or one of each below it."""
    kind = _types.unwrap_type(kind) if kind is not None else None
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in (bool, int, float):
        return kind(1)
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        return [_later(word, arguments[0], depth + 1)] if arguments and depth < _DEPTH else []
    if inspect.isclass(origin) and issubclass(origin, dict | Mapping):
        return {}
    if inspect.isclass(kind) and _types.is_output_type(kind):
        return _fields(word, kind, depth + 1)
    return word


def _fields(word: str, kind: type, depth: int) -> dict[str, Any]:
    if depth >= _DEPTH:
        return {}
    return {key: _later(_known_later(word, key), of, depth) for key, of in _types.output_type_types(kind).items()}


class _StandsIn(abc.ABCMeta):
    """A class of a package that is not there: it has whatever is asked of it."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):  # The interpreter and the library of abstract classes ask for these.
            raise AttributeError(name)
        return cls()


class _Word(str):
    """A text that only a package which is not there or a setting would know; whatever is asked of it is such a text,
    too, and as a number it is one.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Word(f"{self}-{name}")

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, slice) else _Word(f"{self}-{key}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __int__(self) -> int:
        return 1

    def __float__(self) -> float:
        return 1.0


class _StandIn(Mapping[str, Any], metaclass=_StandsIn):
    """Anything that a package which is not there may hold; as an input of a resource it is an empty mapping."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return pulumi.Output.from_input(_Word(f"stand-in-{name}"))

    def __getitem__(self, key: str) -> Any:
        return pulumi.Output.from_input(_Word(f"stand-in-{key}"))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    @staticmethod
    def get(*_: Any, **__: Any) -> Any:
        """A resource that is there already, or what a mapping holds."""
        return _StandIn()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Module(ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith(("Error", "Exception", "Warning")):
            return type(name, (Exception,), {})
        return _StandsIn(name, (_StandIn,), {}) if name[0].isupper() else _Module(f"{self.__name__}.{name}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        return _StandIn()

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for packages of the registry that are not installed; asked last. A package that is installed knows how
    to go without those that it only may have.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if "site-packages" in _importer():
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _importer() -> str:
    """The file whose line imports something just now."""
    frame: Any = sys._getframe(1)
    while frame and (frame.f_code.co_filename == __file__ or "importlib" in frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""


def _setting(kind: str) -> Any:
    words = {"int": 1, "float": 1.0, "bool": True, "object": {}}

    def setting(self: pulumi.Config, key: str, *_: Any, **__: Any) -> Any:
        given = getattr(self, f"get_{kind.removeprefix('secret_')}" if kind not in ("", "secret") else "get")(key)
        plain = words.get(kind.removeprefix("secret_"), _Word(key)) if given is None else given
        return pulumi.Output.secret(plain) if kind.startswith("secret") else plain

    return setting


def _settings(program: Path) -> dict[str, str]:
    """What the program's own stack files set, as far as it can be read; the first that sets a key has it."""
    found: dict[str, str] = {}
    try:
        project = yaml.safe_load((program / "Pulumi.yaml").read_text())
        name = str(project.get("name", "foreign"))
        for path in sorted(program.glob("Pulumi.*.yaml")):
            for key, value in ((yaml.safe_load(path.read_text()) or {}).get("config") or {}).items():
                if isinstance(value, dict) and "secure" in value:
                    continue
                text = value if isinstance(value, str) else json.dumps(value)
                found.setdefault(key if ":" in key else f"{name}:{key}", text)
    except (OSError, yaml.YAMLError, AttributeError):
        pass  # Without them every setting gets a word.
    return {key.replace(":config:", ":"): value for key, value in found.items()}


def _named(program: Path) -> str:
    try:
        return str(yaml.safe_load((program / "Pulumi.yaml").read_text())["name"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return "foreign"


def _remember_classes() -> None:
    """From now on the class of each resource is known by its type, and that of each answer by its call."""
    library: Any = pulumi.resource
    register = library.register_resource

    def registering(resource: Any, kind: str, *arguments: Any, **named: Any) -> Any:
        _CLASSES[kind] = type(resource)
        return register(resource, kind, *arguments, **named)

    def asking(ask: Callable[..., Any], token: str, *arguments: Any, **named: Any) -> Any:
        answer = named.get("typ") or (arguments[2] if len(arguments) > 2 else None)
        if answer is not None:
            _CLASSES[token] = answer
        return ask(token, *arguments, **named)

    library.register_resource = registering
    depends_on = library.ResourceOptions._depends_on_list
    library.ResourceOptions._depends_on_list = lambda options: _resources_of(depends_on(options))
    pulumi.runtime.invoke = partial(asking, pulumi.runtime.invoke)
    pulumi.runtime.invoke_output = partial(asking, pulumi.runtime.invoke_output)


def _resources_of(dependencies: Any) -> Any:
    """Without those that are stood in for: the engine has not heard of them."""
    if not isinstance(dependencies, list):
        return dependencies
    return [given for given in dependencies if not isinstance(given, _StandIn)]


class _Environment(dict[str, str]):
    """The environment of a program; a variable that it needs and that is not set is a word."""

    def __missing__(self, name: str) -> str:
        return name.lower()


def main(programs: Sequence[str]) -> None:
    """Run each that is not recorded yet. What one that fails has declared until then is kept, with its error."""
    for program in programs:
        kept = Path(program).resolve() / RECORDED
        if kept.exists():
            continue
        kept.write_text('{"error": "did not end in time, or ended the process", "resources": []}')
        child = os.fork()
        if child == 0:
            signal.setitimer(signal.ITIMER_PROF, _SECONDS)
            signal.alarm(10 * _SECONDS)
            os.chdir(program)
            kept.write_text(json.dumps(_declared(kept.parent), default=str))
            os._exit(0)
        os.waitpid(child, 0)


def _declared(program: Path) -> dict[str, Any]:
    sys.meta_path.append(_Finder())
    sys.path.insert(0, str(program))
    own = {"gcp:project": "foreign", "gcp:region": "europe-west1", "gcp:zone": "europe-west1-b"}
    _remember_classes()
    pulumi.runtime.set_mocks(_Mocks(), _named(program), "dev", False, monitor=_Monitor(_Mocks()))
    found = {**own, **_settings(program)}
    pulumi.runtime.set_all_config(found)
    os.environ = _Environment({**os.environ, "GOOGLE_PROJECT": "foreign"})  # type: ignore[assignment]
    for kind in ("", "int", "float", "bool", "object"):
        for secret in ("", "secret"):
            name = "_".join(word for word in ("require", secret, kind) if word)
            setattr(pulumi.Config, name, _setting("_".join(word for word in (secret, kind) if word)))
    error = ""

    async def run() -> None:
        nonlocal error
        try:
            runpy.run_path(str(program / "__main__.py"), run_name="__main__")
        except BaseException as raised:  # Whatever a foreign program raises, exits included.
            error = _told(raised)
        manager: Any = settings._get_rpc_manager()
        while manager.rpcs:  # Where one resource fails, the others are still registered.
            try:
                await manager.rpcs.pop()
            except BaseException as raised:
                error = error or _told(raised)
        manager.clear()

    waiting: Any = pulumi.runtime.test  # It runs what is declared to its end.
    output: Any = pulumi.Output
    try:
        waiting(lambda: output.from_input(run()))()
    except BaseException as raised:
        error = error or _told(raised)
    provider = {key.partition(":")[2]: value for key, value in found.items() if key.startswith("gcp:")}
    provider["version"] = importlib.metadata.version("pulumi-gcp")
    return {"error": error, "resources": _DECLARED, "provider": provider}


def _told(raised: BaseException) -> str:
    frames = traceback.extract_tb(raised.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(raised).__name__}: {str(raised)[:200]}{where}"


if __name__ == "__main__":
    main(sys.argv[1:])
