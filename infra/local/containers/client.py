"""Run a container by Docker's or podman's client, and end it with this process: `client.py REMOVE… -- RUN…`.

The container is another process's child, so nothing of the kernel ends it when the supervisor is killed. A second
process waits for the end of the client, however that comes, and then runs REMOVE.
"""

import os
import select
import subprocess
import sys


def main(words: list[str]) -> None:
    middle = words.index("--")
    remove, run = words[:middle], words[middle + 1 :]
    client = os.pidfd_open(os.getpid())
    if not os.fork():
        os.setsid()  # whoever ends the client's group does not end this
        select.select([client], [], [])
        nothing = subprocess.DEVNULL
        subprocess.run(remove, stdin=nothing, stdout=nothing, stderr=nothing, check=False)
        os._exit(0)
    os.close(client)
    os.execvp(run[0], run)  # nosec B606


if __name__ == "__main__":
    main(sys.argv[1:])
