"""One stack's cloud on the disk: a record for every resource, sealed with the cloud's own key, and folders for what is
real.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.files import locked, read_object, write_whole
from infra.local.home import Home

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

Values = dict[str, Any]
_PLAIN = ("type", "id", "urn", "kind", "created", "updated", "sealed")
"""What stands in a record's file."""


def utc_now() -> str:
    """RFC 3339 with microseconds, as Google Cloud states times."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Damaged(Exception):
    """A record on the disk that can't be opened."""


@dataclass(frozen=True)
class Record:
    """A resource that exists. `inputs` and `outputs` may hold secrets: on the disk they are sealed."""

    type: str
    id: str
    urn: str
    kind: str
    created: str
    updated: str
    inputs: Values
    outputs: Values


class Cloud:
    """The resources of one stack under `home.cloud(stack)`."""

    def __init__(self, home: Home, stack: str) -> None:
        self.home = home
        self.stack = stack
        self.root = home.cloud(stack)

    def bucket(self, name: str) -> Path:
        """A bucket's folder; object names are paths in it."""
        return self.root / "buckets" / name

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def run(self) -> Path:
        """What the supervisor of Cloud Run services keeps."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.home.logs / self.stack

    @cached_property
    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet  # only what touches a record pays for the import

        path = self.root / "key"
        with locked(self.root / ".lock"):
            try:
                return Fernet(path.read_bytes())
            except (FileNotFoundError, ValueError):  # what a damaged key has sealed is lost with it
                write_whole(path, Fernet.generate_key())
        return Fernet(path.read_bytes())

    def seal(self, value: Any) -> str:
        """A JSON value, encrypted and authenticated."""
        return self._fernet.encrypt(json.dumps(value).encode()).decode()

    def unseal(self, sealed: str) -> Any:
        """What `seal` was given. Raises Damaged for anything else."""
        from cryptography.fernet import InvalidToken

        try:
            return json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise Damaged("not sealed with this cloud's key") from None

    def derived(self, purpose: str) -> str:
        """A secret of this cloud's own, the same each time that it is asked for this purpose."""
        sealing = self._fernet._signing_key + self._fernet._encryption_key
        return hmac.digest(sealing, purpose.encode(), "sha256").hex()

    @staticmethod
    def short(name: str) -> str:
        """A file's name for something whose own name is a path."""
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def _path(self, token: str, identity: str) -> Path:
        return self.root / "resources" / f"{self.short(f'{token} {identity}')}.json"

    def put(self, record: Record) -> None:
        """Creates or replaces a record."""
        plain = asdict(record)
        sealed = self.seal({"inputs": plain.pop("inputs"), "outputs": plain.pop("outputs")})
        content = json.dumps({**plain, "sealed": sealed}, indent=1).encode()
        write_whole(self._path(record.type, record.id), content)

    def get(self, token: str, identity: str) -> Record | None:
        """The record of a resource, or None where there is none."""
        return self._read(self._path(token, identity))

    def changed(self, token: str, identity: str) -> tuple[int, int] | None:
        """Number and time of the file of a record, which are others after each change; None where there is none."""
        try:
            told = self._path(token, identity).stat()
        except FileNotFoundError:
            return None
        return told.st_ino, told.st_mtime_ns

    def remove(self, token: str, identity: str) -> None:
        """Forgets a record."""
        self._path(token, identity).unlink(missing_ok=True)

    def all(self, *tokens: str) -> Iterator[Record]:
        """Every record, or those of these types, in order of type and id."""
        found = [self._read(path, tokens) for path in (self.root / "resources").glob("*.json")]
        yield from sorted((one for one in found if one), key=lambda one: (one.type, one.id))

    def names(self) -> Iterator[tuple[str, str]]:
        """Type and id of every record, without what is sealed."""
        for path in (self.root / "resources").glob("*.json"):
            if plain := read_object(path, *_PLAIN):
                yield plain["type"], plain["id"]

    def _read(self, path: Path, tokens: tuple[str, ...] = ()) -> Record | None:
        plain = read_object(path, *_PLAIN)
        if plain is None or (tokens and plain["type"] not in tokens):
            return None
        try:
            return Record(**{name: plain[name] for name in _PLAIN if name != "sealed"}, **self.unseal(plain["sealed"]))
        except (Damaged, TypeError, AttributeError):
            return None  # gone, as a thing that the state knows and the disk doesn't: `up` recreates it
