"""Run a command on a root file system: `python -I -S rootfs.py PLAN`, as root, with the standard library alone.

PLAN is JSON: `root`, a folder that is left as it is; `scratch`, an empty folder; `command`; `folder`, where it begins;
`user` and `group`, numbers; `mounts`, each [folder, path, read-only]; `memory`, bytes or 0. The command's variables are
this process's, with `_` before each name: none of them acts on the interpreter that reads this.

The command takes this process's place, so that its pid, signals and end are the command's. It sees the machine's
network and processes, and a file system of its own: what it writes outside its mounts is kept in memory and goes with
it, as in Cloud Run. Mounts belong to its user there, whoever owns the folders. This separates; it does not confine a
hostile image.
"""

import ctypes
import json
import os
import signal
import struct
import sys
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same number on each architecture
_AT_FDCWD, _AT_EMPTY_PATH, _CLONE, _CLOEXEC, _FROM_EMPTY_PATH = -100, 0x1000, 1, 0o2000000, 4
_ATTR_RDONLY, _ATTR_IDMAP = 0x1, 0x00100000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
"""What Docker leaves to root: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service and
so on.
"""
_LAST_CAPABILITY = 40
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_OF_THE_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname")
_CANNOT = 125
"""Docker's exit code where a container can't be started."""


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


def _mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    words = [word.encode() or None for word in (source, target, kind)]
    _checked(_libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), data.encode() or None), f"mount {target}")


def _bind(source: str, target: str, *, read_only: bool = False) -> None:
    _mount(source, target, flags=_BIND | _REC)
    if read_only:
        _mount("", target, flags=_BIND | _REMOUNT | _RDONLY)


def _layered(plan: dict[str, Any]) -> str:
    """The root file system with a layer in memory above it; returns its folder."""
    scratch, lower = plan["scratch"], os.open(plan["root"], os.O_PATH)
    size = f",size={plan['memory']}" if plan["memory"] else ""
    _mount("tmpfs", scratch, "tmpfs", data=f"mode=0755{size}")
    for name in ("above", "work", "root"):
        os.mkdir(f"{scratch}/{name}", 0o755)
    os.chmod(f"{scratch}/above", os.fstat(lower).st_mode & 0o7777)
    data = f"lowerdir=/proc/self/fd/{lower},upperdir={scratch}/above,workdir={scratch}/work"
    _mount("overlay", f"{scratch}/root", "overlay", data=data)
    return f"{scratch}/root"


def _inside(root: str, path: str) -> str:
    """A path of the container as a path here, with its folders made; a link in the image leads nowhere outside."""
    at = root
    for part in path.split("/"):
        if part in ("", "."):
            continue
        at = f"{at}/{part}"
        if part == ".." or os.path.islink(at):
            raise OSError(0, "a link, or a part `..`, in a path that is mounted", path)
        if not os.path.isdir(at):
            os.mkdir(at, 0o755)
    return at


def _system(root: str) -> None:
    """What every container finds: /proc, /sys, /dev, the machine's names."""
    _bind("/proc", _inside(root, "/proc"))
    _bind("/sys", _inside(root, "/sys"), read_only=True)
    devices = _inside(root, "/dev")
    _mount("tmpfs", devices, "tmpfs", data="mode=0755,size=65536k")
    for name in _DEVICES:
        os.close(os.open(f"{devices}/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        _bind(f"/dev/{name}", f"{devices}/{name}")
    os.mkdir(f"{devices}/shm")
    os.chmod(f"{devices}/shm", 0o1777)  # nosec B103
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{devices}/{name}")
    for path in _OF_THE_MACHINE:
        if os.path.exists(path) and not os.path.islink(f"{root}{path}"):
            folder = _inside(root, os.path.dirname(path))
            os.close(os.open(f"{folder}/{os.path.basename(path)}", os.O_CREAT | os.O_WRONLY, 0o644))
            _bind(os.path.realpath(path), f"{root}{path}", read_only=True)


def _owned(folder: str, target: str, user: int, group: int, *, read_only: bool) -> None:
    """Mount a folder whose owner's files are the container's user's."""
    owner = os.stat(folder)
    tree = _checked(_libc.syscall(_OPEN_TREE, _AT_FDCWD, folder.encode(), _CLONE | _CLOEXEC), f"open {folder}")
    attributes, names = _ATTR_RDONLY if read_only else 0, 0
    if (owner.st_uid, owner.st_gid) != (user, group):
        attributes |= _ATTR_IDMAP
        names = _user_namespace((owner.st_uid, user), (owner.st_gid, group))
    wanted = struct.pack("QQQQ", attributes, 0, 0, names)
    if attributes:
        _checked(_libc.syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, wanted, len(wanted)), f"own {folder}")
    _checked(_libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _FROM_EMPTY_PATH), f"mount {target}")


def _user_namespace(users: tuple[int, int], groups: tuple[int, int]) -> int:
    """A namespace in which one owner stands for another: what a mount's owners are translated by."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        _libc.unshare(_NEWUSER)
        os.write(write, b"x")
        signal.pause()
    os.read(read, 1)
    for kind, (there, here) in (("uid", users), ("gid", groups)):
        with open(f"/proc/{child}/{kind}_map", "w", encoding="ascii") as file:
            file.write(f"{there} {here} 1")
    found = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return found


def _enter(plan: dict[str, Any]) -> None:
    parent = os.getppid()
    os.umask(0o022)  # the folders that lead to a mount are everybody's to pass
    _checked(_libc.unshare(_NEWNS), "unshare")
    _mount("", "/", flags=_REC | _PRIVATE)
    root = _layered(plan)
    _system(root)
    for folder, path, read_only in plan["mounts"]:
        _owned(folder, _inside(root, path), plan["user"], plan["group"], read_only=read_only)
    os.chroot(root)
    os.makedirs(plan["folder"], exist_ok=True)
    os.chdir(plan["folder"])
    for capability in range(_LAST_CAPABILITY + 1):
        if capability not in _CAPABILITIES:
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(plan["group"])
    os.setuid(plan["user"])
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a new user ends the one that was set
    if os.getppid() != parent:
        os._exit(_CANNOT)


def main() -> None:
    plan = json.loads(sys.argv[1])
    variables = {name[1:]: value for name, value in os.environ.items() if name.startswith("_")}
    command = plan["command"]
    try:
        _enter(plan)
        os.execvpe(command[0], command, variables)  # nosec B606
    except OSError as problem:
        print(f"can't run {command[0]}: {problem}", file=sys.stderr)
    sys.exit(_CANNOT)


if __name__ == "__main__":
    main()
