"""Run a program by the engine's own runner, without what nobody sees: `run_program.py RUNNER ARGUMENTS`, in the
program's own Python, whose packages are all that it may import.

A program ends after seconds. Collecting its garbage as often as Python does by default takes a fifth of its time, and
as much go into messages for `pulumi --debug`, five a resource, for each of which the SDK waits until the engine has
taken note. Such a run (DEBUG, set by the language host) has them sent.
"""

import gc
import os
import runpy
import sys

DEBUG = "LOCAL_CLOUD_DEBUG"
"""The environment variable that is set where the engine shows debug messages."""


def main() -> None:
    """Run the runner as Python would have."""
    gc.set_threshold(50_000, 20, 100)
    del sys.argv[0]
    sys.path[0] = os.path.dirname(sys.argv[0])
    if not os.environ.get(DEBUG):
        try:
            import pulumi.log
        except ImportError:
            pass  # the runner says so
        else:
            setattr(pulumi.log, "debug", lambda *_, **__: None)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
