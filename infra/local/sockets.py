"""Who listens where on this machine, as the kernel tells it in /proc. Where there is no /proc, nothing is known."""

import os
import socket
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

_LISTENS = "0A"
_SESSION = 3  # the fields of /proc/PID/stat after the name: state, parent, group, session


@dataclass(frozen=True, order=True)
class Listener:
    """An address and port of TCP that a process has open for others."""

    address: str
    port: int

    @property
    def reachable(self) -> bool:
        """Whether it is open beyond this machine."""
        found = ip_address(self.address)
        mapped = getattr(found, "ipv4_mapped", None)
        return not (mapped or found).is_loopback

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def lines(path: Path) -> list[str]:
    """The lines of a file of /proc, or one empty line where it can't be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return [""]


def all_listeners() -> dict[str, Listener]:
    """Socket's inode → what it listens on."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in lines(Path(table))[1:]:
            fields = line.split()
            if fields[3] == _LISTENS:
                address, _, port = fields[1].rpartition(":")
                found[fields[9]] = Listener(_address(address), int(port, 16))
    return found


def _address(written: str) -> str:
    """An address as the kernel writes it, in words of four bytes, each in the order of the machine."""
    raw = b"".join(bytes.fromhex(written[start : start + 8])[::-1] for start in range(0, len(written), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def inodes(process: Path) -> set[str]:
    """The sockets that a process (its folder in /proc) has open, as far as this user may see it."""
    found = set()
    try:
        for descriptor in (process / "fd").iterdir():
            try:
                link = os.readlink(descriptor)
            except OSError:
                continue
            if link.startswith("socket:["):
                found.add(link[8:-1])
    except OSError:
        pass
    return found


def listening(sessions: Collection[int]) -> dict[int, set[Listener]]:
    """Session → what its processes listen on. A session's number is the pid of the process that began it."""
    found: dict[int, set[Listener]] = defaultdict(set)
    known = all_listeners()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = lines(stat)[0].rpartition(")")[2].split()
        if len(fields) > _SESSION and int(fields[_SESSION]) in sessions:
            found[int(fields[_SESSION])] |= {known[inode] for inode in inodes(stat.parent) if inode in known}
    return found


def holder(port: int) -> str:
    """` by NAME (pid N)` for who listens on a port, as far as this user may see it; else nothing."""
    wanted = {inode for inode, listener in all_listeners().items() if listener.port == port}
    for process in Path("/proc").glob("[0-9]*"):
        if wanted & inodes(process):
            return f" by {lines(process / 'comm')[0]} (pid {process.name})"
    return ""


def can_listen(port: int) -> bool:
    """Whether a program may listen on this port of every address now: nobody has it, and this user may open it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen(1)
        except OSError:
            return False
        return True
