"""Has imported what plugins need, and makes each plugin of one engine by a fork: `launch.py infra.local.fork_server
LISTENER ENGINE_PID PATH`, started by relay.py.

A fork is a plugin's process like any other. It has the standard streams, folder, environment and arguments of the
relay that the engine started in its place, and ends as soon as that ends. The server ends with the engine, whatever
ends that, and all forks and what they started with it. It makes no thread, and no part of gRPC runs in it: neither
would survive a fork.
"""

import gc
import os
import runpy
import select
import signal
import socket
import sys
import threading
from pathlib import Path

import pulumi.runtime.proto.language_pb2_grpc  # noqa: F401  what the forks need

import infra.local.plugin  # noqa: F401
import infra.local.provider.server  # noqa: F401
from infra.local.relay import FAILED, TAKEN

_IDLE_MILLISECONDS = 10_000
"""A server without forks waits so long for another plugin: not every engine ends with its plugins."""


def main(listening: int, engine: int, path: str) -> None:
    """Serve until the engine ends, or needs no plugin any more."""
    gc.freeze()
    forks: list[int] = []
    with socket.socket(fileno=listening) as listener:
        # Readable once the engine has ended. One that had ended before has its pid no more.
        watched = os.pidfd_open(engine)
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.register(listener, select.POLLIN)
        while watched not in (ready := [one for one, _ in poll.poll(_IDLE_MILLISECONDS)]):
            forks = [fork for fork in forks if os.waitpid(fork, os.WNOHANG) == (0, 0)]
            if not ready and not forks:
                break
            if not ready:
                continue
            connection, _ = listener.accept()
            if fork := os.fork():
                forks.append(fork)
                connection.close()
            else:
                listener.close()
                os.close(watched)
                _become(connection)
    Path(path).unlink(missing_ok=True)
    for fork in forks:
        try:
            os.killpg(fork, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _become(connection: socket.socket) -> None:
    """Take the place of the relay at the other end, and run its plugin. Never returns."""
    os.setsid()
    try:
        folder, words = _place(connection)
        os.chdir(folder)
        connection.sendall(TAKEN)
        threading.Thread(target=_end_with_relay, args=(connection,), daemon=True).start()
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr, flush=True)
        connection.sendall(FAILED if end.code else b"")
    except BaseException:
        sys.excepthook(*sys.exc_info())
        connection.sendall(FAILED)
    finally:
        sys.stdout.flush()
        os._exit(0)


def _place(connection: socket.socket) -> tuple[str, list[str]]:
    """Take over streams and environment; the folder and the arguments."""
    told, streams, _, _ = socket.recv_fds(connection, 8, 3)
    for stream, given in enumerate(streams):
        os.dup2(given, stream)
        os.close(given)
    wanted, parts = int.from_bytes(told, "big"), b""
    while len(parts) < wanted:
        more = connection.recv(wanted - len(parts))
        if not more:
            os._exit(1)  # the relay was ended meanwhile
        parts += more
    folder, count, *rest = os.fsdecode(parts).split("\0")
    words, variables = rest[: int(count)], rest[int(count) :]
    os.environ.clear()
    os.environ.update({name: value for name, _, value in (pair.partition("=") for pair in variables)})
    return folder, words


def _end_with_relay(connection: socket.socket) -> None:
    connection.recv(1)  # which says nothing more: it is gone
    os.killpg(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
