"""Run a plugin or the supervisor from any working directory: `python launch.py infra.local.language_host ARGUMENTS`.

The engine starts its plugins in the folder of the program. Setting PYTHONPATH instead would leak into that program.

The plugins need the engine's generated gRPC messages and nothing else of the Pulumi SDK, whose import costs each of
them about 0.3 s of processor time. So the packages around the messages are entered as plain namespaces, and the SDK is
never loaded here.
"""

import importlib.util
import os
import runpy
import select
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType

PLUGINS = ("infra.local.language_host", "infra.local.provider", "infra.local.standins")


def _enter_namespaces() -> None:
    found = importlib.util.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        raise SystemExit(
            "The Python package `pulumi` is not installed. Install requirements/infra.txt into the environment."
        )
    folder = Path(list(found.submodule_search_locations)[0])
    for name, path in (
        ("pulumi", folder),
        ("pulumi.runtime", folder / "runtime"),
        ("pulumi.runtime.proto", folder / "runtime" / "proto"),
    ):
        module = ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module


def _end_with_engine() -> None:
    """End this plugin, and what it started, soon after an engine that was killed and so could not end it. It may have
    been killed before this line: then the parent is another process, but the pipe of the output has lost its reader.
    """
    engine = os.getppid()
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # 0: nothing but that the other end is gone

    def watch() -> None:
        while os.getppid() == engine and not output.poll(1000):
            pass
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[PLUGINS[0].count(".")])
    _enter_namespaces()
    del sys.argv[0]
    if sys.argv[0] in PLUGINS:
        _end_with_engine()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
