"""Faults that are no kills: damaged files, a taken port, a full disk, commands at once; what each says, what heals."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.faults.stage import Stage, several, stage
from infra.local.sockets import can_listen
from infra.local.supervisor import client

_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda content: content[: len(content) // 2],
    "garbage": lambda content: os.urandom(max(16, len(content))),
    "empty": lambda content: b"",
    "another document": lambda content: b"[1]",
}
_DISK = "16m"


@dataclass
class Row:
    """A fault: what the command in it said, and whether the next one healed it and the service really answered."""

    fault: str
    said: str
    clear: bool
    healed: bool


def damaged_state(made: Stage) -> Iterator[Row]:
    """The engine's state, with its backup and without."""
    for how, damage in _DAMAGE.items():
        made.state.write_bytes(damage(made.state.read_bytes()))
        done = made.run("up")
        yield Row(f"state {how}", _last(done.text, "backup"), done.clear, done.code == 0 and made.well)
    for path in (made.state, made.state.with_name(f"{made.state.name}.bak")):
        path.write_bytes(b"")
    done = made.run("up")
    clear = done.clear and done.code != 0 and str(made.state) in done.text
    made.state.unlink()
    again = made.run("up")
    yield Row("state and backup empty", _last(done.text, "damaged"), clear, again.code == 0 and made.well)


def damaged_records(made: Stage) -> Iterator[Row]:
    """What the local cloud keeps: the resources' records, the service's, the key that seals them, tags, the lock."""
    cloud = made.cloud
    for what in ("resources", "run/services"):
        for how, damage in _DAMAGE.items():
            for path in (cloud.root / what).glob("*.json"):
                path.write_bytes(damage(path.read_bytes()))
            yield _healed(made, f"{what}: all {how}")
    for what in ("key", "images/tags.json", "run/instances.json", "run/supervisor.lock"):
        for how in ("garbage", "empty"):
            path = cloud.root / what
            path.write_bytes(_DAMAGE[how](path.read_bytes() if path.exists() else b""))
            made.kill_supervisor()
            yield _healed(made, f"{what}: {how}, and the supervisor killed")
    shutil.rmtree(cloud.root)
    yield _healed(made, "the cloud's folder removed")


def dead_processes(made: Stage) -> Iterator[Row]:
    """A service that ended by itself, and one whose supervisor did: no `up` may say that nothing is to be done."""
    made.kill_supervisor()
    yield _healed(made, "the supervisor killed")
    [instance] = [one for revision in _service(made)["revisions"] for one in revision["instances"]]
    os.kill(instance["pid"], 9)
    yield _healed(made, "the service's process killed")


def taken_port(made: Stage) -> Row:
    """Somebody takes the service's port while it is down."""
    port = int(str(made.outputs()["url"]).rpartition(":")[2])
    made.kill_supervisor()
    while not can_listen(port):
        time.sleep(0.02)
    with socket.create_server(("127.0.0.1", port)):
        done = made.run("up")
        beside = done.code == 0 and made.well
    again = made.run("up")
    return Row(
        "the service's port taken", _last(done.text, str(port)), done.clear, beside or again.code == 0 and made.well
    )


def full_disk(folder: Path) -> Iterator[Row]:
    """A home on a disk of its own, with less and less room; needs the right to mount one."""
    with _small_disk(folder / "disk") as disk, stage(disk) as made:
        if made.run("up").code:
            raise RuntimeError("the disk is too small for the stack itself")
        for room in (0, 4, 16, 64, 256):
            filler = disk / "filler"
            _fill(filler, disk, room * 1024)
            made.greet(f"room-{room}") if room else None
            done = made.run("up")
            filler.unlink()
            clear = done.clear and (done.code == 0 or "full" in done.text or "No space" in done.text)
            again = made.run("up")
            said = _last(done.text, "full") if done.code else "it was room enough"
            yield Row(f"{room} KB left on the disk", said, clear, again.code == 0 and made.well)


def at_once(folder: Path) -> Iterator[Row]:
    """Two `up` of one project, then of two projects."""
    with stage(folder, "one") as one, stage(folder, "two") as two:
        done = several([one, one], "up")
        refused = [each for each in done if each.code]
        said = _last(refused[0].text, "Another command") if refused else "both waited for each other"
        yield Row("two `up` of one project", said, all(each.clear for each in done), len(refused) < 2 and one.well)
        one.greet("first")
        two.greet("second")
        done = several([one, two], "up")
        well = [each.code for each in done] == [0, 0] and one.well and two.well
        yield Row("`up` of two projects", f"{one.answer().get('GREETING')}, {two.answer().get('GREETING')}", True, well)
        down = one.run("down")
        yield Row("`down` of one of them", _last(down.text, "left"), down.clear, one.gone and two.well)


def rows(folder: Path) -> Iterator[Row]:
    """All of them."""
    yield from at_once(folder)
    with stage(folder) as made:
        made.run("up")
        yield from dead_processes(made)
        yield taken_port(made)
        yield from damaged_state(made)
        yield from damaged_records(made)
    yield from full_disk(folder)


def _healed(made: Stage, fault: str) -> Row:
    done = made.run("up")
    said = _last(done.text, "dropped", "gone", "started", "backup")
    return Row(fault, said, done.clear, done.code == 0 and made.well)


def _service(made: Stage) -> dict[str, Any]:
    found: dict[str, Any] = client.request(made.cloud, {"do": "status"})["services"][0]
    return found


def _last(text: str, *words: str) -> str:
    """The first line of a command's output that says one of these, or its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if any(word in line for word in words)), lines[-1] if lines else "")


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        raise PermissionError(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def _fill(filler: Path, disk: Path, room: int) -> None:
    """Write until so many bytes are left."""
    with open(filler, "wb") as file:
        free = shutil.disk_usage(disk).free - room
        while free > 0:
            file.write(b"\0" * min(free, 65536))
            file.flush()
            free = shutil.disk_usage(disk).free - room


def main() -> list[dict[str, object]]:
    """Print each row as it comes."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(Path(folder)):
            print(
                f"    {'well' if row.clear and row.healed else 'WRONG':<6} {row.fault:<52} {row.said[:110]}", flush=True
            )
            found.append(asdict(row))
    return found
