"""The root file system of the service: what scanners can know of it."""

import pickle
from pathlib import Path

import pytest
from babel import localedata

from delivery import rootfs
from orderguard.repair.codes import LANGUAGES

NAMES = ("territories", "currency_names")
"""What `orderguard.repair.codes` asks for."""
STATUS = """Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.17-1
Description: Secure Sockets Layer toolkit
 Package: not one

Package: perl-base
Architecture: amd64
Version: 5.36

Package: tzdata
Architecture: all
Version: 2026a
"""


@pytest.fixture
def dpkg(tmp_path: Path) -> Path:
    (tmp_path / "info").mkdir()
    (tmp_path / "status").write_text(STATUS)
    lists = {
        "libssl3:amd64": "/usr/lib/x86_64-linux-gnu/libssl.so.3",
        "perl-base": "/usr/bin/perl",
        "tzdata": "/usr/share/zoneinfo/UTC",
    }
    for name, file in lists.items():
        (tmp_path / "info" / f"{name}.list").write_text(f"/.\n{file}\n")
    return tmp_path


def test_debians_record_of_each_package_that_a_file_comes_from_is_kept_and_of_no_other(
    dpkg: Path, tmp_path: Path
) -> None:
    files = [Path("/lib/x86_64-linux-gnu/libssl.so.3"), Path("/usr/share/zoneinfo/UTC"), Path("/opt/ours.so")]
    found = rootfs.owners(files, dpkg)
    assert found == {"libssl3:amd64", "tzdata"}
    rootfs.record(found, tmp_path / "out", dpkg)
    kept = {path.name: path.read_text() for path in (tmp_path / "out/var/lib/dpkg/status.d").iterdir()}
    assert set(kept) == {"libssl3", "tzdata"}
    assert kept["libssl3"] == STATUS.split("\n\n")[0] + "\n"


def test_a_base_that_is_not_debian_has_no_records(tmp_path: Path) -> None:
    assert rootfs.owners([Path("/bin/sh")], tmp_path / "nothing") == set()
    rootfs.record(set(), tmp_path / "out", tmp_path / "nothing")
    assert not list((tmp_path / "out").rglob("status.d/*"))


def test_the_languages_that_repair_reads_stay_and_no_others(tmp_path: Path) -> None:
    names = tmp_path / rootfs.LANGUAGES
    names.mkdir(parents=True)
    whole = Path(localedata._dirname)
    for language in ("root", "de", "zh_Hant", "zu"):
        (names / f"{language}.dat").write_bytes((whole / f"{language}.dat").read_bytes())
    rootfs.prune(tmp_path)
    assert sorted(path.stem for path in names.iterdir()) == ["de", "root", "zh_Hant"]
    assert rootfs.LANGUAGES_KEPT == {"root", *LANGUAGES}
    for path in names.iterdir():
        before, after = (pickle.loads((folder / path.name).read_bytes()) for folder in (whole, names))
        assert after == {name: before[name] for name in NAMES if name in before}
