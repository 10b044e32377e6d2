"""pulumi-command: commands of the program's on this machine. There is no other machine to run one on."""

import hashlib
import os
import subprocess

from infra.local.cloud import Cloud
from infra.local.provider.resource import Refused
from infra.local.standins.kind import Kind, Made, Values


def _run(command: str, inputs: Values, before: Values | None = None) -> Values:
    """Run a command as the plugin does: in `dir`, with `environment`; what it wrote."""
    words = [str(one) for one in inputs.get("interpreter") or ("/bin/sh", "-c")]
    told = {f"PULUMI_COMMAND_{name.upper()}": str((before or {}).get(name) or "") for name in ("stdout", "stderr")}
    given = {name: str(value) for name, value in (inputs.get("environment") or {}).items()}
    done = subprocess.run(
        [*words, command],
        cwd=inputs.get("dir") or None,
        env={**os.environ, **told, **given},
        input=str(inputs.get("stdin") or ""),
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise Refused(f"exit status {done.returncode}: running {command!r}:\n{done.stdout}{done.stderr}".rstrip())
    return {"stdout": done.stdout.rstrip("\n"), "stderr": done.stderr.rstrip("\n")}


def _make(cloud: Cloud, name: str, inputs: Values) -> Made:
    command = inputs.get("create")
    outputs = _run(str(command), inputs) if command else {"stdout": "", "stderr": ""}
    return Made(f"{name}{hashlib.sha256(os.urandom(8)).hexdigest()[:8]}", outputs)


def _change(cloud: Cloud, identity: str, old: Values, new: Values) -> Values:
    command = new.get("update") or new.get("create")
    kept = {name: old.get(name, "") for name in ("stdout", "stderr")}
    return _run(str(command), new, old) if command else kept


def _remove(cloud: Cloud, identity: str, old: Values) -> None:
    if old.get("delete"):
        _run(str(old["delete"]), old, old)


def _elsewhere(cloud: Cloud, name: str, inputs: Values) -> Made:
    raise Refused(
        f"{name} runs a command on another machine (pulumi-command's `remote`). The local cloud starts no virtual"
        " machine that could be reached: leave it out where the program runs here"
    )


_KINDS = {
    "local:Command": Kind(_make, change=_change, replaces=("triggers",), remove=_remove),
    "remote:Command": Kind(_elsewhere),
    "remote:CopyFile": Kind(_elsewhere),
    "remote:CopyToRemote": Kind(_elsewhere),
}


def kind(token: str) -> Kind | None:
    """How a type of `command` acts."""
    return _KINDS.get(token.partition(":")[2])


def call(cloud: Cloud, token: str, arguments: Values) -> Values | None:
    """`command.local.run`."""
    if token != "command:local:run":
        return None
    return {**arguments, **_run(str(arguments.get("command")), arguments)}
