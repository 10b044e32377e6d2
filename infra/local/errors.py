"""Errors that are explained to the person at the keyboard, and the exit codes of `python -m infra.local`."""

import errno
import sys
from collections.abc import Callable

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
"""A policy was violated, or the provider refused an input. Nothing was changed by what was refused."""
EXIT_ENVIRONMENT = 4
"""The machine lacks something: the engine, a free port, a clean environment."""


class LocalCloudError(Exception):
    """What happened, which input, what to do. Shown without a traceback."""

    def __init__(self, message: str, exit_code: int = EXIT_ENVIRONMENT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


_FULL = (errno.ENOSPC, errno.EDQUOT)


def explaining(command: Callable[[], int]) -> int:
    """Runs a command; its exit code. An expected error is told without a traceback: the local cloud's own, and a full
    disk. Who has closed our output has read enough.
    """
    try:
        return command()
    except LocalCloudError as problem:
        told = problem
    except BrokenPipeError:
        return EXIT_OK
    except OSError as problem:
        if problem.errno not in _FULL:
            raise
        where = f" ({problem.filename})" if problem.filename else ""
        told = LocalCloudError(
            f"The disk is full{where}. Existing files are intact: free some space, and run the same command again."
        )
    print(f"error: {told}", file=sys.stderr)
    return told.exit_code


class ContainerError(Exception):
    """A container can't be started; the message is Cloud Run's."""


def not_ready(name: str) -> str:
    """How Cloud Run's messages about a revision, or a job's execution, begin."""
    return f"Revision '{name}' is not ready and cannot serve traffic."
