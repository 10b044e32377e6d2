"""Secret versions that a former release's program made: their values stand in the state. They are taken out of it and
stay in Secret Manager, where the service reads them.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from infra.keys import OF_OWN_STORE

VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
_OWN_STORE = re.compile(r"::orderguard:platform:HistoryStore\$gcp:redis/instance:Instance::")
_OURS = re.compile(rf"::(?:\S+\$)?orderguard:platform:(?:Given)?Secret\${re.escape(VERSION)}::(\S+)$")


def held(urns: Iterable[str]) -> list[str]:
    """Those among a state's resources (URNs) that hold a value which the program no longer makes. What it fills by
    itself stays: the password of the stack's own Redis, and certificates, which are no secret.
    """
    every = list(urns)
    has_store = any(_OWN_STORE.search(urn) for urn in every)
    kept = OF_OWN_STORE if has_store else tuple(name for name in OF_OWN_STORE if name.endswith("-ca"))
    return [urn for urn in every if (found := _OURS.search(urn)) and found[1] not in kept]


def let_go(engine: Callable[[list[str]], str]) -> list[str]:
    """Take such versions out of a stack's state, in one write of it; their names in the program. `engine` runs a
    command of the engine on the stack, such as ["stack", "export"], and returns what it says; what it raises passes
    through.
    """
    whole = json.loads(engine(["stack", "export"]))
    gone = take_out(whole["deployment"])
    if gone:
        with tempfile.TemporaryDirectory(prefix="orderguard-state-") as folder:
            path = Path(folder) / "state.json"
            path.write_text(json.dumps(whole), encoding="utf-8")
            engine(["stack", "import", "--file", str(path)])
    return gone


def take_out(deployment: dict[str, Any]) -> list[str]:
    """Take such versions out of an exported state's `deployment`; their names in the program."""
    resources = deployment.get("resources") or []
    gone = frozenset(held(one["urn"] for one in resources))
    deployment["resources"] = [_without(one, gone) for one in resources if one["urn"] not in gone]
    return [one["urn"].rpartition("::")[2] for one in resources if one["urn"] in gone]


def _without(resource: dict[str, Any], gone: frozenset[str]) -> dict[str, Any]:
    """A resource of the state that no longer depends on what is gone."""
    changed = dict(resource)
    if "dependencies" in resource:
        changed["dependencies"] = [urn for urn in resource["dependencies"] if urn not in gone]
    if "propertyDependencies" in resource:
        changed["propertyDependencies"] = {
            name: [urn for urn in urns or () if urn not in gone]
            for name, urns in resource["propertyDependencies"].items()
        }
    return changed
