"""The masking key on a worker, which reads it where it is: a pipeline's graph and options hold its name alone."""

import os
from functools import cache

from ml.backfill import key
from orderguard.features.columns import Coded
from orderguard.masking import Keyring
from orderguard.masking.codes import is_undecided

_SEALED, _CODE = "\x1fsealed\x1f", "code"


@cache
def keyring(name: str) -> Keyring:
    """The keyring of a secret's version in Secret Manager, read as whom the worker runs as; with no name that of this
    machine, MASKING_KEY or MASKING_KEY_FILE. Raises `MaskingKeyError`.
    """
    return key.keyring(name) if name else Keyring.from_environment(os.environ)


def sealed(codes: Coded, known: Keyring) -> Coded:
    """Codes of which those that are undecided can't be read without the key; equal ones stay equal."""
    return Coded(
        codes.index, [_SEALED + known.seal(_CODE, value) if is_undecided(value) else value for value in codes.values]
    )


def unsealed(codes: Coded, known: Keyring) -> Coded:
    """The same codes again."""
    return Coded(codes.index, [opened(value, known) for value in codes.values])


def opened(value: str, known: Keyring) -> str:
    """A code as it was before it was sealed, if it was."""
    return known.unseal(_CODE, value.removeprefix(_SEALED)) or "" if value.startswith(_SEALED) else value
