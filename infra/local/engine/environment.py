"""The environment of the engine: the stand-in plugins on its PATH, its state under the home, and nothing of a real
cloud.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from infra.local.engine.install import ensure_engine
from infra.local.errors import LocalCloudError
from infra.local.files import write_whole
from infra.local.home import DEFAULT_STACK, REPOSITORY, Home, bytecode_cache

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
}


def refuse_credentials(variables: Mapping[str, str]) -> None:
    """Raises LocalCloudError where the environment names credentials of a real cloud."""
    for name in CREDENTIALS:
        if variables.get(name):
            raise LocalCloudError(
                f"{name} is set: this shell may act on a real Google Cloud. The local cloud never uses credentials and"
                " won't run beside them, so that one can't be taken for the other. Open a shell without it, or: unset"
                f" {name}"
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
    _write_launchers(home)
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
        "PULUMI_HOME": str(home.pulumi_home),
        "PULUMI_BACKEND_URL": f"file://{quote(str(home.state))}",
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


def _write_launchers(home: Home) -> None:
    """One small script a plugin, which runs it with this project's Python whatever the PATH says."""
    python = shlex.quote(sys.executable)
    launch = shlex.quote(str(REPOSITORY / "infra" / "local" / "launch.py"))
    for name, module in _LAUNCHERS.items():
        package = f" {name.removeprefix('pulumi-resource-')}" if "resource" in name else ""
        _write_script(home.launchers / name, f'exec {python} {launch} {module}{package} "$@"\n')


def _write_script(path: Path, line: str) -> None:
    content = f"#!/bin/sh\n{line}".encode()
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content, executable=True)
