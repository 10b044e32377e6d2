"""The environment of the engine: the stand-in plugins on its PATH, its state under the home, and nothing of a real
cloud.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from infra.local.containers.engines import OWN_DOCKER_HOST
from infra.local.engine.install import ensure_engine
from infra.local.errors import LocalCloudError
from infra.local.files import write_whole
from infra.local.home import DEFAULT_STACK, PYTHON, RELAY, Home, bytecode_cache
from orderguard.private_files import make_private_folder

STAND_INS = ("random", "tls", "command", "time", "docker-build", "synced-folder", "kubernetes")
"""Providers beside Google's that `infra.local.standins` plays."""

CREDENTIALS = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CREDENTIALS",
    "GOOGLE_CLOUD_KEYFILE_JSON",
    "GCLOUD_KEYFILE_JSON",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "GOOGLE_BACKEND_CREDENTIALS",
    "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT",
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
    "CLOUDSDK_CONFIG",
    "PULUMI_ACCESS_TOKEN",
)
_SCRUBBED_PREFIXES = (
    "GOOGLE_",
    "GCLOUD_",
    "GCP_",
    "CLOUDSDK_",
    "CLOUDRUN_",
    "PULUMI_",
    "DOCKER_",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
)
_LAUNCHERS = {
    "pulumi-language-python": "infra.local.language_host",
    "pulumi-resource-gcp": "infra.local.provider",
    "pulumi-resource-docker": "infra.local.provider",
    **{f"pulumi-resource-{name}": "infra.local.standins" for name in STAND_INS},
}
_HARMLESS = {"random", "tls", "command", "time", "std", "archive", "cloudinit", "null", "local"}
"""Providers whose real plugins reach no cloud, registry or cluster of their own accord: an installed one is used."""
ASKED_FOR = "LOCAL_CLOUD_PROVIDERS"
"""The environment variable that names further providers that may act on something real."""
_REFUSAL = (
    "{0} is installed, and may act on something real. The local cloud starts it only when told to: --provider {0}"
)
_DYNAMIC = "pulumi-resource-pulumi-python"


def refuse_credentials(variables: Mapping[str, str]) -> None:
    """Raise LocalCloudError where the environment names credentials of a real cloud."""
    for name in CREDENTIALS:
        if variables.get(name):
            raise LocalCloudError(
                f"{name} is set: this shell may act on a real Google Cloud. The local cloud never uses credentials and"
                " won't run beside them, so that one can't be mistaken for the other. Open a shell without it, or:"
                f" unset {name}"
            )


def environment(
    home: Home | Path, *, stack: str = DEFAULT_STACK, variables: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment for a `pulumi` command on the local cloud. Makes the home and the engine where they are
    missing.

    Raises LocalCloudError where credentials of a real cloud are in use, or no engine can be had.
    """
    home = home if isinstance(home, Home) else Home(Path(home).resolve())
    variables = os.environ if variables is None else variables
    refuse_credentials(variables)
    engine = ensure_engine(variables=variables)
    home.ensure()
    _write_launchers(home, variables)
    path = [
        str(home.launchers),
        str(engine.pulumi.parent),
        str(Path(sys.executable).parent),
        variables.get("PATH", os.defpath),
    ]
    return {
        **{name: value for name, value in variables.items() if not name.startswith(_SCRUBBED_PREFIXES)},
        "PATH": os.pathsep.join(path),
        **_past_proxies(variables),
        "PYTHONPYCACHEPREFIX": str(bytecode_cache(variables)),
        "LOCAL_CLOUD_HOME": str(home.root),
        "LOCAL_CLOUD_STACK": stack,
        # The program leaves images out of a preview where there is no Docker; here the stand-in is Docker.
        "DOCKER_HOST": f"unix://{home.root}/docker.sock",
        OWN_DOCKER_HOST: variables.get(OWN_DOCKER_HOST, variables.get("DOCKER_HOST", "")),
        "PULUMI_HOME": str(home.pulumi_home),
        # Without the backend's sidecar files: it doesn't write these whole, and who reads the state at that moment (the
        # program, by a function of the engine) fails with "failed to load checkpoint: EOF".
        "PULUMI_BACKEND_URL": f"file://{quote(str(home.state))}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(home.passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        # The engine lives for seconds: up to a gigabyte it need not collect as often as Go's default has it.
        "GOGC": "400",
        "GOMEMLIMIT": "1GiB",
    }


def _past_proxies(variables: Mapping[str, str]) -> dict[str, str]:
    """Engine, plugins and program talk over ports of this machine, for which gRPC would ask a proxy, too, that the
    environment names.
    """
    exempt = variables.get("no_proxy") or variables.get("NO_PROXY")
    named = ",".join([*([exempt] if exempt else []), "127.0.0.1", "localhost"])
    return {"no_proxy": named, "NO_PROXY": named}


def _write_launchers(home: Home, variables: Mapping[str, str]) -> None:
    """One small script a plugin, which runs it with this project's Python whatever the PATH says."""
    python, relay = shlex.quote(sys.executable), shlex.quote(str(RELAY))
    for path in home.launchers.glob("pulumi-resource-*"):
        if path.name not in (*_LAUNCHERS, _DYNAMIC):
            path.unlink()
    _use_plugins(home, variables)
    for name, module in _LAUNCHERS.items():
        package = name.removeprefix("pulumi-resource-") if "resource" in name else ""
        if package and package in _HARMLESS and _is_installed(home, package, variables):
            (home.launchers / name).unlink(missing_ok=True)
            continue
        _write_script(home.launchers / name, f'exec {python} -IS {relay} {module} {package} "$@"\n')
    # Resources whose provider is the program itself, run by its own Python.
    _write_script(home.launchers / _DYNAMIC, f'exec "${{{PYTHON}:-{python}}}" -u -m pulumi.dynamic "$@"\n')


def _use_plugins(home: Home, variables: Mapping[str, str]) -> None:
    """The user's own plugins, in their PULUMI_HOME and on their PATH, are the home's too where they reach nothing real
    or are asked for by name; any other one on PATH is hidden behind a refusal.
    """
    asked = set(variables.get(ASKED_FOR, "").replace(",", " ").split())
    theirs = Path(variables.get("PULUMI_HOME") or Path(variables.get("HOME", "/")) / ".pulumi") / "plugins"
    ours = home.pulumi_home / "plugins"
    for link in ours.glob("resource-*"):
        link.unlink()
    for folder in theirs.glob("resource-*-v[0-9]*"):
        if re.sub(r"^resource-|-v\d.*$", "", folder.name) in _HARMLESS | asked:
            make_private_folder(ours)
            (ours / folder.name).symlink_to(folder.resolve())
    for place in variables.get("PATH", os.defpath).split(os.pathsep):
        for path in Path(place).glob("pulumi-resource-*") if place else ():
            package = path.name.removeprefix("pulumi-resource-")
            if package not in {*_HARMLESS, *asked, *STAND_INS, "gcp", "docker"} and not package.startswith("pulumi-"):
                _write_script(home.launchers / path.name, f"echo {shlex.quote(_REFUSAL.format(package))} >&2; exit 1\n")


def _is_installed(home: Home, package: str, variables: Mapping[str, str]) -> bool:
    """Whether the real plugin is on the user's PATH or among the linked ones."""
    linked = any((home.pulumi_home / "plugins").glob(f"resource-{package}-v[0-9]*"))
    return linked or shutil.which(f"pulumi-resource-{package}", path=variables.get("PATH", os.defpath)) is not None


def _write_script(path: Path, line: str) -> None:
    content = f"#!/bin/sh\n{line}".encode()
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content, executable=True)
