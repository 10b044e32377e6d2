"""A file's name may tell who ordered: it is shown to the owner and to nobody else."""

import io
import unicodedata
from pathlib import Path

import pytest

from ml.order_files import ReadingError, numbered, without_order_file
from orderguard.masking import Keyring, new_key_text

KEYRING = Keyring.from_text(new_key_text())
NAME = "orders-of-john.smith@example.com.ndjson"


class Terminal(io.StringIO):
    """A screen that somebody looks at."""

    def isatty(self) -> bool:
        return True


def told(screen: io.StringIO) -> list[str]:
    file = numbered([Path("raw/a.ndjson"), Path("raw", NAME)], KEYRING)[1]
    failed = OSError(13, "Permission denied", f"raw/{NAME}")
    return [file.told(screen), ReadingError("it broke", [NAME]).told(screen), without_order_file(failed, screen)]


def test_at_a_terminal_a_file_has_its_name() -> None:
    assert told(Terminal()) == [NAME, f"it broke [{NAME}]", f"raw/{NAME}: Permission denied"]


def test_elsewhere_it_has_its_position_and_a_pseudonym() -> None:
    token = KEYRING.token("file", NAME)
    assert told(io.StringIO()) == [f"order file 2 ({token})", "it broke", "an order file: Permission denied"]
    assert token.startswith("fil_k1_")


@pytest.mark.parametrize("path", ["models/manifest.json", "ml/config.toml"])
def test_what_is_no_order_file_is_named_everywhere(path: str) -> None:
    assert path in without_order_file(OSError(13, "Permission denied", path), io.StringIO())


def test_a_name_has_one_pseudonym_however_a_file_system_writes_its_accents() -> None:
    name = "bestellungen-jürgen.ndjson"
    forms = {KEYRING.token("file", unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert len(forms) == 1
    assert KEYRING.token("file", name.upper()) not in forms
