"""The past cases of a model version as a file of its own, in the folder of histories.

Cases hold pseudonyms, so they belong to whoever has the masking key and not to the version, which others may copy,
publish and serve. The file says under which key it was made; a service with another one leaves it alone.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from orderguard.masking import Keyring
from orderguard.private_files import make_private_folder, open_private
from orderguard.retrieval.cases import Case
from orderguard.retrieval.index import KnowledgeError

CASES_FORMAT = 1
_PREFIX, _SUFFIX = "cases-", ".msgpack"


class ForeignKey(KnowledgeError):
    """Past cases that were made under a key that is not at hand."""


class PastCases(msgspec.Struct, frozen=True, kw_only=True):
    """Flagged orders of the version `version`; `key` is the fingerprint of the masking key of their pseudonyms;
    `made_of` tells the orders and the code apart that they were made of.
    """

    format: int = CASES_FORMAT
    key: str
    version: str
    cases: list[Case]
    made_of: str = ""

    @classmethod
    def read(cls, histories: Path, version: str, keyring: Keyring) -> "PastCases | None":
        """The cases of a version, or None where there are none. Raises `ForeignKey` for those of another key than any
        of `keyring`, and `KnowledgeError` for a file that is none.
        """
        path = path_of(histories, version)
        try:
            found = _decoder.decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KnowledgeError(f"{path}: can't be read: {error.strerror}") from None
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise KnowledgeError(f"{path}: not a file of past cases: {error}") from None
        if found.format != CASES_FORMAT:
            raise KnowledgeError(
                f"{path}: format {found.format}, this release reads {CASES_FORMAT}; make seed-histories"
            )
        if found.key not in keyring.fingerprints:
            raise ForeignKey(
                f"{path}: made under the masking key {found.key}, and this one is {keyring.fingerprint}; "
                "to make them under this key: make seed-histories"
            )
        return found

    def write(self, histories: Path) -> Path:
        """Write the file into the folder of histories (made if needed), whole or not at all."""
        make_private_folder(histories)
        path = path_of(histories, self.version)
        aside = path.with_suffix(".part")
        with open_private(aside, "wb") as file:
            file.write(msgspec.msgpack.encode(self))
        os.replace(aside, path)
        return path


def path_of(histories: Path, version: str) -> Path:
    """Where the cases of a version lie."""
    return histories / f"{_PREFIX}{version}{_SUFFIX}"


def versions_with_cases(histories: Path) -> Iterable[str]:
    """The versions whose cases lie in the folder, by name."""
    names = (path.name for path in histories.glob(f"{_PREFIX}*{_SUFFIX}"))
    return sorted(name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in names)


_decoder = msgspec.msgpack.Decoder(PastCases)
