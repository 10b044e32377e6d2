"""Build the engine from the Go module proxy, for machines that can't reach the vendor.

The user's Go caches are used where they already hold the engine's modules. Otherwise the build's 3 GB go to a
folder that is removed with the build.
"""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local.errors import LocalCloudError

MODULE = Path(__file__).resolve().parent
ENGINE_PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
LEAST_GO = (1, 25)
USUAL_GO = "/usr/local/go/bin"
"""Where the official archive is unpacked, which not every PATH names."""
INSTALL_HINT = (
    "Install one of these and run the command again:\n"
    "  - the Pulumi CLI {version} (https://www.pulumi.com/docs/install/), with `pulumi` on PATH; or\n"
    "  - Go {go} or newer (https://go.dev/dl/), with a Go module proxy in reach: the engine is then built from source."
)
_REPORT_SECONDS = 10.0

Say = Callable[[str], None]


def build(folder: Path, scratch: Path, version: str, variables: Mapping[str, str], say: Say) -> None:
    """Put `pulumi` and the program runner into `folder`. Takes some 6 minutes on 2 cores from cold caches, and 3 GB
    in `scratch`.
    """
    go = _go(variables, version)
    environment = _environment(go, variables, scratch)
    say(f"Pulumi engine {version}: building from the Go module proxy (some minutes, once a machine)")
    listing = [go, "list", "-deps", f"{ENGINE_PACKAGE}/cmd/pulumi"]
    packages = _run(listing, environment, version, say, "fetching modules").count("\n")
    folder.mkdir(parents=True)
    flags = f"-s -w -X {SDK_MODULE}/go/common/version.Version={version}"
    command = [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(folder / "pulumi")]
    _run([*command, f"{ENGINE_PACKAGE}/cmd/pulumi"], environment, version, say, "compiling", packages)
    shutil.copy(_runner(go, environment), folder)


def runner(variables: Mapping[str, str], say: Say) -> Path:
    """The script that runs a Python program, from the Go module that belongs to the pinned engine."""
    go = _go(variables, "")
    say("Pulumi engine: fetching its Python program runner from the Go module proxy")
    return _runner(go, dict(variables))


def _go(variables: Mapping[str, str], version: str) -> str:
    go = shutil.which("go", path=os.pathsep.join([variables.get("PATH", ""), USUAL_GO]))
    hint = INSTALL_HINT.format(version=version, go=".".join(map(str, LEAST_GO)))
    if go is None:
        raise LocalCloudError(f"No Pulumi engine here, none to download, and no Go to build it with.\n{hint}")
    told = subprocess.run([go, "version"], capture_output=True, text=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", told)
    if found is None or (int(found[1]), int(found[2])) < LEAST_GO:
        raise LocalCloudError(f"The Pulumi engine can't be built with this Go: {told.strip() or go}.\n{hint}")
    return go


def _environment(go: str, variables: Mapping[str, str], scratch: Path) -> dict[str, str]:
    environment = {**variables, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    told = subprocess.run([go, "env", "-json", "GOMODCACHE"], capture_output=True, text=True, env=environment).stdout
    modules = Path(json.loads(told)["GOMODCACHE"])
    if not (modules / "github.com" / "pulumi" / "pulumi").exists():
        environment |= {"GOMODCACHE": str(scratch / "modules"), "GOCACHE": str(scratch / "build")}
    return environment


def _runner(go: str, environment: Mapping[str, str]) -> Path:
    told = subprocess.run(
        [go, "mod", "download", "-json", SDK_MODULE],
        cwd=MODULE,
        env=environment,
        capture_output=True,
        text=True,
    )
    if told.returncode:
        raise LocalCloudError(f"The module {SDK_MODULE} can't be fetched:\n{told.stdout}{told.stderr}".rstrip())
    return Path(json.loads(told.stdout)["Dir"]) / "python" / "cmd" / "pulumi-language-python-exec"


def _run(
    command: list[str], environment: Mapping[str, str], version: str, say: Say, doing: str, total: int | None = None
) -> str:
    """Run a step and report its progress from time to time; the step's standard output."""
    started = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=MODULE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr  # for the type checker  # nosec B101
        listener = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
        listener.start()
        output: list[str] = []
        reader = threading.Thread(target=lambda: output.append(process.stdout.read() if process.stdout else ""))
        reader.start()
        while True:
            reader.join(_REPORT_SECONDS)
            if not reader.is_alive():
                break
            done = f", {len(lines)} packages (of at most {total})" if total else ""
            say(f"Pulumi engine {version}: {doing}, {time.monotonic() - started:.0f} s{done}")
        process.wait()
        listener.join()
    if process.returncode:
        hint = INSTALL_HINT.format(version=version, go=".".join(map(str, LEAST_GO)))
        tail = "".join(lines[-8:]).rstrip()
        raise LocalCloudError(f"The Pulumi engine could not be built ({doing}):\n{tail}\n{hint}")
    return output[0]
