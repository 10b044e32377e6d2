"""Where the local cloud keeps things: LOCAL_CLOUD_HOME, by default `.local` in the repository."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.files import locked, write_whole
from infra.local.relay import FOLDER
from orderguard.private_files import make_private_folder

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH = Path(__file__).resolve().with_name("launch.py")
"""The script that starts a plugin or the supervisor."""
RELAY = LAUNCH.with_name("relay.py")
"""The script that the engine starts in place of a plugin."""
DEFAULT_STACK = "local"
PYTHON, PROJECT = "LOCAL_CLOUD_PYTHON", "LOCAL_CLOUD_PROJECT"
"""The environment variables that name a program's Python, and the folder of the program that it is for."""
RECORDING = "LOCAL_CLOUD_RECORDING"
"""The environment variable by which the plugin only records a state."""


@dataclass(frozen=True)
class Home:
    """The folders and files of one local cloud."""

    root: Path

    @property
    def state(self) -> Path:
        """The engine's file backend."""
        return self.root / "state"

    def state_file(self, project: str, stack: str) -> Path:
        """The file in which the engine keeps the state of a project's stack."""
        return self.state / ".pulumi" / "stacks" / project / f"{stack}.json"

    @property
    def pulumi_home(self) -> Path:
        return self.root / "pulumi"

    @property
    def launchers(self) -> Path:
        """Executables that the engine looks for on its PATH. Nothing else ever has this folder on its PATH."""
        return self.root / "bin"

    @property
    def plugins(self) -> Path:
        """The sockets of the engines' fork servers."""
        return self.root / FOLDER

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def passphrase(self) -> Path:
        """Encrypts secrets in the engine's state; 0600."""
        return self.root / "passphrase"

    def cloud(self, stack: str) -> Path:
        """The resources of one stack: each stack is a cloud of its own."""
        return self.root / "cloud" / stack

    def ensure(self) -> None:
        """Make the folders and the passphrase file where they are missing."""
        for folder in (self.state, self.pulumi_home, self.launchers, self.plugins, self.logs):
            make_private_folder(folder)
        self.root.chmod(0o700)  # one that was made before, too
        for sidecar in self.state.rglob("*.attrs"):  # of former releases; the engine fails on one that was half written
            sidecar.unlink(missing_ok=True)
        # The engine encrypts an account of all that it does, which costs a quarter of its time and which nobody reads
        # here. It has no switch for that, and does without where a file is in the way of its folder.
        (self.pulumi_home / "logs").touch()
        with locked(self.root / ".lock"):
            if not self.passphrase.exists():
                write_whole(self.passphrase, secrets.token_urlsafe(32).encode())


def user_cache(variables: Mapping[str, str] | None = None) -> Path:
    """What every clone of a user shares and may lose: $XDG_CACHE_HOME/orderguard."""
    variables = os.environ if variables is None else variables
    base = variables.get("XDG_CACHE_HOME") or str(Path(variables.get("HOME", "~")).expanduser() / ".cache")
    return Path(base) / "orderguard"


def bytecode_cache(variables: Mapping[str, str] | None = None) -> Path:
    """Where Python keeps what it compiled. Where a shell forbids it, each start compiles again."""
    return user_cache(variables) / "bytecode"


def home_from(environment: Mapping[str, str] | None = None) -> Home:
    """The home that LOCAL_CLOUD_HOME names, else `.local` in the repository."""
    named = (os.environ if environment is None else environment).get("LOCAL_CLOUD_HOME")
    return Home(Path(named).resolve() if named else REPOSITORY / ".local")
