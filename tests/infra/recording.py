"""Run the Pulumi program, or a part of it, against mocks and record what it declares.

Assertions are made on the record, after everything has been awaited, in plain Python: nothing hides in an `apply`
that may never run.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import settings as runtime_settings

from infra.config import NAMESPACE, Settings
from infra.config_reading import parse

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("local", "staging", "prod")
PROJECT_NUMBER = "123456789012"
NEWEST = "7"
"""The newest version of every secret whose versions are made outside the program."""
DIGEST = "sha256:" + "d1" * 32


@dataclass
class Record:
    """What was declared, in the order in which it was registered, and the outputs."""

    resources: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    asked: int = 0
    """How often the program asked Google Cloud for something, beside resources."""

    def of(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """Name to inputs of every resource of a type such as `gcp:storage/bucket:Bucket`."""
        return {name: inputs for found, name, inputs in self.resources if found == resource_type}

    def one(self, resource_type: str, name: str) -> dict[str, Any]:
        """The inputs of one resource. Fails, with what there is instead, where it was not declared."""
        found = self.of(resource_type)
        assert name in found, f"no {resource_type} {name}; there are {sorted(found) or 'none'}"
        return found[name]

    def inventory(self) -> list[str]:
        """`type name` of everything declared, sorted: what a reviewer reads."""
        return sorted(f"{resource_type} {name}" for resource_type, name, _ in self.resources)


class _Mocks(pulumi.runtime.Mocks):
    def __init__(self, record: Record, preview: bool) -> None:
        self.record, self.preview = record, preview

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.record.resources.append((args.typ, args.name, dict(args.inputs)))
        computed = {} if self.preview else _computed(args)
        return f"{args.name}-id", {"name": f"names/{args.name}", **args.inputs, **computed}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == "gcp:secretmanager/getSecretVersion:getSecretVersion":
            assert args.args["fetchSecretData"] is False, "the program never asks for a key"
            return {"version": NEWEST, "enabled": True}, []
        assert args.token == "gcp:organizations/getProject:getProject", args.token
        self.record.asked += 1
        return {"number": PROJECT_NUMBER, "projectId": args.args["projectId"]}, []


def _computed(args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
    """The outputs that Google Cloud fills in and that the program reads."""
    found: dict[str, dict[str, Any]] = {
        "docker:index/image:Image": {"repoDigest": f"{str(args.inputs.get('imageName')).split(':')[0]}@{DIGEST}"},
        "gcp:cloudrunv2/service:Service": {
            "uri": f"https://{args.name}-{PROJECT_NUMBER}.run.app",
            "latestReadyRevision": f"projects/p/locations/r/services/{args.name}/revisions/{args.name}-00001-abc",
        },
        "gcp:compute/address:Address": {"address": "10.8.0.9"},
        "gcp:compute/globalAddress:GlobalAddress": {"address": "192.0.2.1"},
        "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": {"uptimeCheckId": f"{args.name}-check"},
        "gcp:memorystore/instance:Instance": {
            "endpoints": [
                {
                    "connections": [
                        {
                            "pscAutoConnection": {
                                "connectionType": f"CONNECTION_TYPE_{kind}",
                                "ipAddress": ip,
                                "port": 6379,
                            }
                        }
                        for kind, ip in (("READER", "10.1.2.4"), ("PRIMARY", "10.1.2.3"))
                    ]
                }
            ],
            "managedServerCas": [{"caCerts": [{"certificates": ["an older certificate", "a newer certificate\n"]}]}],
        },
        "gcp:redis/instance:Instance": {
            "host": "10.1.2.3",
            "port": 6378,
            "authString": "password-of-the-store",
            "serverCaCerts": [{"cert": "an older certificate"}, {"cert": "a newer certificate\n"}],
        },
        "gcp:sql/databaseInstance:DatabaseInstance": {
            "pscServiceAttachmentLink": "projects/google-owned/regions/r/serviceAttachments/a-1",
            "serverCaCerts": [{"cert": "an authority's certificate"}],
        },
        "gcp:secretmanager/secretVersion:SecretVersion": {"version": args.name.rpartition("-")[2]},
    }
    return found.get(args.typ, {})


def declare(program: Callable[[], Mapping[str, pulumi.Input[Any]] | None], *, preview: bool = False) -> Record:
    """Run `program`, wait for all that it declares and for its outputs, and return the record of both."""
    record = Record()
    runtime_settings.set_root_resource(None)  # type: ignore[arg-type]  # else transformations of one run reach the next
    pulumi.runtime.set_mocks(_Mocks(record, preview), project=NAMESPACE, stack="test", preview=preview)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> pulumi.Output[None]:
        outputs = program() or {}
        return pulumi.Output.all(**outputs).apply(record.outputs.update, run_with_unknowns=True)

    run()
    assert record.resources, "the program declared nothing"
    return record


def stack_values(stack: str) -> dict[str, str]:
    """What the local cloud's engine hands to the program for a stack: the schema's defaults and the stack's file
    without its deployer, all as text.
    """
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    chosen = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    chosen.pop(f"{NAMESPACE}:deployer", None)
    defaults = {f"{NAMESPACE}:{key}": entry["default"] for key, entry in schema.items() if "default" in entry}
    return {key: _text(value) for key, value in {**defaults, **chosen}.items()}


def stack_settings(stack: str = "local", **changes: object) -> Settings:
    """A stack's settings, with some of them changed. `changes` are keys of `Pulumi.yaml`."""
    values = stack_values(stack) | {f"{NAMESPACE}:{key}": _text(value) for key, value in changes.items()}
    return parse(values)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def walk(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf of nested inputs, with the path to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from walk(item, f"{path}[{place}]")
    else:
        yield path, value
