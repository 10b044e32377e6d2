"""The engine is found, downloaded or built once, whole or not at all, and its absence is explained."""

import hashlib
import http.server
import io
import os
import shlex
import stat
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import pulumi
from infra.local.engine import build, install
from infra.local.engine.environment import CREDENTIALS, environment, refuse_credentials
from infra.local.engine.install import ENGINE_VERSION, RUNNER, ensure_engine
from infra.local.errors import LocalCloudError
from infra.local.files import write_whole
from infra.local.home import REPOSITORY, Home
from tests.http_server import listening

UNREACHABLE = "https://vendor.invalid/releases"


def fake_pulumi(version: str) -> bytes:
    return f"#!/bin/sh\necho v{version}\n".encode()


def put_engine(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pulumi").write_bytes(fake_pulumi(version))
    (folder / "pulumi").chmod(0o755)
    (folder / RUNNER).write_text("# runs a program\n")


class Said(list[str]):
    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """An environment with no engine, no Go and an empty cache."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with the vendor's archive of an engine, whose hash is pinned."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (("pulumi", fake_pulumi(ENGINE_VERSION)), (RUNNER, b"# runs a program\n")):
            entry = tarfile.TarInfo(f"pulumi/{name}")
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    pinned = {str(install.archive_name()): hashlib.sha256(buffer.getvalue()).hexdigest()}
    monkeypatch.setattr(install, "ARCHIVE_SHA256", pinned)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(buffer.getvalue())

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the test's output quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with listening(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def test_an_engine_of_the_pinned_version_on_path_is_used(variables: dict[str, str]) -> None:
    put_engine(Path(variables["PATH"]), ENGINE_VERSION)
    assert ensure_engine(Said(), variables=variables, vendor=UNREACHABLE).source == "PATH"
    assert not list(Path(variables["XDG_CACHE_HOME"]).rglob("pulumi"))


def test_an_engine_of_another_version_is_passed_over(variables: dict[str, str], vendor: str) -> None:
    put_engine(Path(variables["PATH"]), "3.0.0")
    assert ensure_engine(Said(), variables=variables, vendor=vendor).source == "vendor"


def test_the_vendors_archive_is_taken_once(variables: dict[str, str], vendor: str) -> None:
    first = ensure_engine(Said(), variables=variables, vendor=vendor)
    again = ensure_engine(Said(), variables=variables, vendor=UNREACHABLE)
    assert (first.source, again.source) == ("vendor", "cache")
    assert first.pulumi == again.pulumi
    assert [path.name for path in first.pulumi.parents[2].iterdir() if path.name.startswith(".")] == []


def test_an_archive_that_is_not_the_pinned_one_is_refused_and_nothing_of_it_is_unpacked(
    variables: dict[str, str], vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "ARCHIVE_SHA256", {install.archive_name(): "0" * 64})
    with pytest.raises(LocalCloudError, match="and not the pinned 0{64}.*None of it is used"):
        ensure_engine(Said(), variables=variables, vendor=vendor)
    assert not list(Path(variables["XDG_CACHE_HOME"]).rglob("pulumi*"))


def test_every_platform_that_the_vendor_builds_for_is_pinned() -> None:
    platforms = [f"{system}-{machine}" for system in ("darwin", "linux") for machine in ("arm64", "x64")]
    assert list(install.ARCHIVE_SHA256) == [f"pulumi-v{ENGINE_VERSION}-{platform}.tar.gz" for platform in platforms]
    assert all(len(digest) == 64 for digest in install.ARCHIVE_SHA256.values())


def test_with_nothing_to_be_had_one_message_says_what_to_install(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "USUAL_GO", "")
    with pytest.raises(LocalCloudError, match="Install one of these") as refusal:
        ensure_engine(Said(), variables=variables, vendor=UNREACHABLE)
    assert ENGINE_VERSION in str(refusal.value)
    assert "go.dev" in str(refusal.value)


def test_a_go_that_is_too_old_is_named(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "USUAL_GO", "")
    folder = Path(variables["PATH"])
    folder.mkdir()
    (folder / "go").write_text("#!/bin/sh\necho go version go1.19.1 linux/amd64\n")
    (folder / "go").chmod(0o755)
    with pytest.raises(LocalCloudError, match="go1.19.1"):
        ensure_engine(Said(), variables=variables, vendor=UNREACHABLE)


def test_a_failed_installation_leaves_nothing_half_done(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path, *_: object) -> None:
        put_engine(folder, "0.0.1")

    monkeypatch.setattr(build, "build", broken)
    with pytest.raises(LocalCloudError, match="0.0.1"):
        ensure_engine(Said(), variables=variables, vendor=UNREACHABLE)
    assert not list(Path(variables["XDG_CACHE_HOME"]).rglob("pulumi"))


def test_what_a_killed_installation_left_is_removed_by_the_next(variables: dict[str, str], vendor: str) -> None:
    stale = Path(variables["XDG_CACHE_HOME"]) / "orderguard" / "engine" / f".{ENGINE_VERSION}.killed" / "modules"
    stale.mkdir(parents=True)
    (stale / "file").write_text("")
    stale.chmod(0o500)
    ensure_engine(Said(), variables=variables, vendor=vendor)
    assert not stale.exists()


def test_a_cache_that_cannot_be_made_is_named(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalCloudError, match="XDG_CACHE_HOME"):
        ensure_engine(Said(), variables={**variables, "XDG_CACHE_HOME": str(tmp_path / "file")}, vendor=UNREACHABLE)


def test_two_at_once_install_once(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def slow(folder: Path, *_: object) -> None:
        built.append(folder)
        put_engine(folder, ENGINE_VERSION)

    monkeypatch.setattr(build, "build", slow)
    found: list[install.Engine] = []

    def ensure() -> None:
        found.append(ensure_engine(Said(), variables=variables, vendor=UNREACHABLE))

    workers = [threading.Thread(target=ensure) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(built) == 1
    assert len({engine.pulumi for engine in found}) == 1


def test_the_pinned_version_is_one_everywhere() -> None:
    assert f"pulumi==={ENGINE_VERSION}".replace("===", "==") in (REPOSITORY / "requirements" / "infra.in").read_text()
    module = (Path(build.__file__).parent / "go.mod").read_text()
    assert f"{build.ENGINE_PACKAGE} v{ENGINE_VERSION}" in module
    assert f"{build.SDK_MODULE} v{ENGINE_VERSION}" in module


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_of_a_real_cloud_are_refused_by_name(name: str) -> None:
    with pytest.raises(LocalCloudError, match=f"unset {name}"):
        refuse_credentials({name: "something"})


def test_the_engine_sees_nothing_of_a_real_cloud(tmp_path: Path) -> None:
    given = {
        **os.environ,
        "GOOGLE_CLOUD_PROJECT": "real",
        "PULUMI_BACKEND_URL": "gs://real",
        "PYTHONPATH": "/elsewhere",
    }
    whole = environment(tmp_path, stack="s", variables=given)
    assert whole["PULUMI_BACKEND_URL"] == f"file://{tmp_path / 'state'}?metadata=skip"
    assert not {"GOOGLE_CLOUD_PROJECT", "PYTHONPATH"} & set(whole)
    assert whole["PATH"].startswith(str(tmp_path / "bin"))


def test_a_home_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks, and what addresses and shells take for signs of their own."""
    home = Home(tmp_path / """a b#c%20d?e$f"g'h""")
    monkeypatch.setattr(sys.modules[environment.__module__], "RELAY", home.root / "infra/local/relay.py")
    done = pulumi.run(["stack", "ls"], home=home, stack="s")
    assert done.returncode == 0, done.stdout
    assert (home.state / ".pulumi" / "stacks").is_dir()
    assert not list(home.state.rglob("*.attrs")), "the engine writes these while others read them"
    script = (home.launchers / "pulumi-resource-gcp").read_text()
    assert shlex.split(script)[-4:] == [str(home.root / "infra/local/relay.py"), "infra.local.provider", "gcp", "$@"]


def test_the_stand_in_is_on_no_path_but_the_engines(tmp_path: Path) -> None:
    environment(tmp_path)
    assert str(tmp_path / "bin") not in os.environ["PATH"]
    assert stat.S_IMODE((tmp_path / "passphrase").stat().st_mode) == 0o600


def test_a_half_written_file_of_a_former_release_is_in_no_ones_way(tmp_path: Path) -> None:
    home = Home(tmp_path)
    stack = home.state / ".pulumi" / "stacks" / "orderguard" / "local.json"
    write_whole(stack, b"{}")
    torn = stack.with_name("local.json.attrs")
    torn.touch()
    home.ensure()
    assert stack.exists() and not torn.exists()


def test_a_home_keeps_its_passphrase(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.ensure()
    first = hashlib.sha256(home.passphrase.read_bytes()).hexdigest()
    home.ensure()
    assert hashlib.sha256(home.passphrase.read_bytes()).hexdigest() == first
