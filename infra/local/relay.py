"""Run a plugin for the engine as a fork of the engine's fork server: `python -IS relay.py MODULE ARGUMENTS`.

What a plugin imports costs 0.3 s of processor time, and an engine starts up to fifteen plugins in one `up`. So the
first one starts a server that has imported it all (fork_server.py), and each is a fork of that. This script hands over
its place: standard streams, folder, environment and arguments; it ends when the fork ends, and the fork when it ends.
Where there is no server to be had, the plugin runs here.

It imports as little as it can: Python starts without its site packages in a hundredth of a second.
"""

import os
import select
import signal
import socket
import sys
from fcntl import LOCK_EX, flock

LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
FOLDER = "plugins"
"""In a home: the sockets of the fork servers, by the engine's pid."""
ENGINE = "LOCAL_CLOUD_ENGINE"
"""The environment variable of a forked plugin that has the engine's pid: its parent is the fork server."""
TAKEN, FAILED = b"t", b"f"
"""What the fork says: when it has taken the place over; before it ends by an error."""


def main(words: list[str]) -> None:
    """Never returns."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # how the engine ends its plugins
    engine = os.getppid()
    try:
        connection = _connected(os.path.join(os.environ["LOCAL_CLOUD_HOME"], FOLDER), engine)
        place = [os.getcwd(), str(len(words)), *words]
        place += [f"{name}={value}" for name, value in {**os.environ, ENGINE: str(engine)}.items()]
        told = os.fsencode("\0".join(place))
        socket.send_fds(connection, [len(told).to_bytes(8, "big")], [0, 1, 2])
        connection.sendall(told)
        taken = connection.recv(1) == TAKEN
    except (OSError, KeyError):
        taken = False
    if not taken:
        os.execv(sys.executable, [sys.executable, LAUNCH, *words])  # our own code  # nosec B606
    watched = select.poll()
    watched.register(connection, select.POLLIN)
    watched.register(1, 0)  # 0: nothing but that the other end is gone, whoever the parent is by then
    if connection.fileno() in dict(watched.poll()):
        os._exit(1 if connection.recv(1) == FAILED else 0)
    os._exit(1)


def _connected(folder: str, engine: int) -> socket.socket:
    """A connection to the fork server of this engine, which is started where there is none. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    # By way of the open folder: the kernel takes no more than 108 bytes, and homes can be deep.
    name, path = str(engine), f"/proc/self/fd/{opened}/{engine}"
    flock(opened, LOCK_EX)  # plugins may start at the same time
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        if os.path.lexists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(64)
            _start(listener, os.path.join(folder, name), engine)
        connection.connect(path)
    os.close(opened)
    return connection


def _start(listener: socket.socket, path: str, engine: int) -> None:
    """Start the fork server with a listening socket; it belongs to no terminal and to no plugin's group."""
    if os.fork():
        return
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.set_inheritable(listener.fileno(), True)
        words = ["infra.local.fork_server", str(listener.fileno()), str(engine), path]
        os.execv(sys.executable, [sys.executable, LAUNCH, *words])  # our own code  # nosec B606
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
