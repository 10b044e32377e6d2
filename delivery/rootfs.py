"""Collect what a Python service needs to run, and nothing else, into a folder that becomes an image's file system.

Runs inside the image build, on whatever Python image that starts from, so it uses the standard library alone. What is
copied: the interpreter, its standard library without the parts that only developers use, the shared libraries that any
of it loads (as `ldd` resolves them), CA certificates, time zones, a user without privileges, and Debian's records of
the packages that these come from: without them no scanner and no list of contents knows of OpenSSL or the C library.
What is left out of the packages: tests, type stubs, C sources, the parts of onnxruntime, numpy and CEL that serve
training, builds or what rules do without, and symbols and debugging sections of libraries (uvloop: 12 of 14 MB).
"""

import argparse
import compileall
import pickle  # nosec B403
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from py_compile import PycInvalidationMode

USER_ID = 65532

STANDARD_LIBRARY_LEFT_OUT = """
    __pycache__ config-3* dist-packages distutils ensurepip idlelib lib2to3 pydoc.py pydoc_data site-packages test tests
    tkinter turtle.py turtledemo venv """.split()
PACKAGES_LEFT_OUT = (
    # 35 MB: the C library; Python loads its own extension module, which does not link to it.
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    # What the model's format is written with, for tools that make models; Python's session takes bytes.
    "google/protobuf",
    "google/_upb",
    "flatbuffers",
    "babel/messages",
    # 30 MB: extensions of the language of rules, none of which rules may use.
    "cel_expr_python/ext",
    "numpy/distutils",
    "numpy/f2py",
    "numpy/fft",
    "numpy/ma",
    "numpy/polynomial",
    "numpy/random",
    "numpy/testing",
    # Alerts are kept in SQLite or PostgreSQL by plain statements: no mapper of objects, no other database. Each
    # compiled module has its source in Python beside it, and weighs a megabyte with what it is debugged with.
    "sqlalchemy/*/_*_cy.*.so",
    "sqlalchemy/dialects/[!_ps]*",
    "sqlalchemy/ext",
    "sqlalchemy/orm",
    "sqlalchemy/testing",
    "numpy/_core/_simd.*.so",
    "numpy/_core/_*_tests.*.so",
    "**/tests",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.c",
    "**/*.h",
    "**/*.a",
    "bin",
)
LANGUAGES, NAMES_KEPT = "babel/locale-data", ("currency_names", "territories")
LANGUAGES_KEPT = frozenset(
    "root en de fr es it pt nl pl sv da no fi is cs sk hu ro bg hr sl sr mk sq el tr et lv lt ga ca eu gl uk ru be ar "
    "he fa ur hi th vi id ms ja zh zh_Hant ko".split()
)
"""The languages in which `orderguard.repair.codes` knows countries and currencies, and what they are based on (20 MB of
32 are those of all others), and of each what it reads: 1 MB of 10.
"""
PICKLE_PROTOCOL = 4
DPKG = Path("/var/lib/dpkg")
FILES = ("/etc/os-release", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo/UTC", "/etc/mime.types")


def prune(packages: Path) -> None:
    """Remove from `packages` what serving never loads."""
    for pattern in PACKAGES_LEFT_OUT:
        for path in list(packages.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    keep_names(packages)


def keep_names(packages: Path) -> None:
    """Leave of babel's languages the names of countries and currencies in those that are read."""
    sys.path.insert(0, str(packages))  # the files hold objects of babel's own classes
    for path in (packages / LANGUAGES).glob("*.dat"):
        if path.stem not in LANGUAGES_KEPT:
            path.unlink()
            continue
        told = pickle.loads(path.read_bytes())  # nosec B301
        path.write_bytes(pickle.dumps({name: told[name] for name in NAMES_KEPT if name in told}, PICKLE_PROTOCOL))
    sys.path.remove(str(packages))


def strip(library: Path) -> None:
    """Cut off what stands behind the last segment that is loaded: symbols, debugging sections, the table of sections,
    which nothing reads when a library is loaded (ELF, 64 bits, little-endian; anything else stays as it is).
    """
    data = bytearray(library.read_bytes())
    if data[:6] != b"\x7fELF\x02\x01":
        return
    (headers,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<2H", data, 54)
    end = headers + size * count
    for at in range(headers, end, size):
        offset, _, _, length = struct.unpack_from("<4Q", data, at + 8)
        end = max(end, offset + length)
    struct.pack_into("<Q", data, 40, 0)
    struct.pack_into("<2H", data, 60, 0, 0)
    library.write_bytes(data[:end])


def shared_libraries(files: Iterable[Path]) -> set[Path]:
    """The absolute paths of the libraries that the ELF `files` load, the dynamic loader among them."""
    found: set[Path] = set()
    for file in files:
        listing = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout
        for word in listing.split():
            if word.startswith("/"):
                found.add(Path(word))
    return found


def copy(source: Path, out: Path) -> None:
    """Copy `source` to the same place under `out`, following links, so that the path stays valid."""
    target = out / source.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(source.resolve(), target)


def owners(files: Iterable[Path], dpkg: Path = DPKG) -> set[str]:
    """The Debian packages (`name` or `name:architecture`) that `files` come from; none where there is no Debian.

    /lib is a link to /usr/lib by now, and a package's list may name either.
    """
    wanted = set()
    for file in files:
        for path in (file, file.resolve()):
            wanted |= {str(path), f"/usr{path}", str(path).removeprefix("/usr")}
    lists = (dpkg / "info").glob("*.list")
    return {one.stem for one in lists if not wanted.isdisjoint(one.read_text(encoding="utf-8").splitlines())}


def record(packages: set[str], out: Path, dpkg: Path = DPKG) -> None:
    """Write dpkg's own entry of each package to `var/lib/dpkg/status.d/`, where scanners read it in images without
    dpkg."""
    folder = out / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True, exist_ok=True)
    status = dpkg / "status"
    for entry in status.read_text(encoding="utf-8").split("\n\n") if status.exists() else ():
        lines = [line.partition(": ") for line in entry.splitlines() if not line.startswith(" ")]
        known = {key: value for key, _, value in lines}
        name = known.get("Package", "")
        if packages & {name, f"{name}:{known.get('Architecture')}"}:
            (folder / name).write_text(entry.strip() + "\n", encoding="utf-8")


def compile_all(folder: Path) -> None:
    """Write byte code that is valid whatever the files' times are: the image is read-only, and its bytes must not
    depend on a clock."""
    if not compileall.compile_dir(
        str(folder), quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH, stripdir=str(folder.parent)
    ):
        raise SystemExit(f"rootfs: some files of {folder} do not compile")


def collect(packages: Path, out: Path) -> None:
    """Write the root file system to `out` and prune `packages` in place."""
    prune(packages)
    interpreter = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    copy(interpreter, out)
    shutil.copytree(
        library,
        out / library.relative_to("/"),
        ignore=shutil.ignore_patterns(*STANDARD_LIBRARY_LEFT_OUT),
        dirs_exist_ok=True,
    )
    extensions = [*library.glob("lib-dynload/*.so"), *packages.rglob("*.so*")]
    libraries = [
        path for path in sorted(shared_libraries([interpreter, *extensions])) if not path.is_relative_to(packages)
    ]
    for path in packages.rglob("*.so*"):
        strip(path)
    others = [Path(name) for name in FILES if Path(name).exists()]
    for path in (*libraries, *others):
        copy(path, out)
    record(owners([interpreter, library / "os.py", *extensions, *libraries, *others]), out)
    link = out / "usr/bin/python"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(interpreter)
    (out / "etc").mkdir(exist_ok=True)
    (out / "etc/passwd").write_text(f"app:x:{USER_ID}:{USER_ID}:app:/srv:/sbin/nologin\n", encoding="ascii")
    (out / "etc/group").write_text(f"app:x:{USER_ID}:\n", encoding="ascii")
    (out / "tmp").mkdir(mode=0o1777, exist_ok=True)
    (out / "srv").mkdir(exist_ok=True)
    compile_all(out / library.relative_to("/"))
    compile_all(packages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--packages", type=Path, required=True, help="folder of the installed packages; pruned in place"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write the root file system to")
    arguments = parser.parse_args()
    collect(arguments.packages, arguments.out)


if __name__ == "__main__":
    main()
