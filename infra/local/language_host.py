"""The engine's language host for Python: runs the program and the policy packs with this project's Python.

The engine starts `pulumi-language-python ENGINE_ADDRESS` from PATH and reads the port of the gRPC service below from
its first line of output.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from infra.local.home import PROJECT, PYTHON
from infra.local.plugin import serve
from infra.local.relay import ENGINE
from infra.local.run_program import DEBUG

RUNNER = "pulumi-language-python-exec"
ALREADY_EXPLAINED = 32
"""Exit code of a program whose error the engine has shown to the user."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers what the engine asks for a Python program; whatever it may ask and is not here stays unimplemented."""

    def __init__(self, engine_address: str) -> None:
        self.engine_address = engine_address

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> language_pb2.LanguageHandshakeResponse:
        """Takes the engine's address."""
        self.engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """No version of its own: it belongs to the repository."""
        return plugin_pb2.PluginInfo(version="1.0.0")

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        """None to fetch: the plugins come from PATH."""
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, request: Any, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """Which Python runs the program."""
        return language_pb2.AboutResponse(executable=sys.executable, version=platform.python_version())

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Runs the program to its end; the engine sees its output as it comes."""
        command = [
            _interpreter(request.info),
            str(Path(__file__).resolve().with_name("run_program.py")),
            _runner(),
            *("--monitor", request.monitor_address),
            *("--engine", self.engine_address),
            *("--project", request.project),
            *("--root_directory", request.info.root_directory),
            *("--stack", request.stack),
            *("--pwd", request.info.program_directory or request.pwd),
            *("--dry_run", "true" if request.dryRun else "false"),
            *("--parallel", str(request.parallel)),
            *("--organization", request.organization),
            request.info.entry_point or request.program,
            *request.args,
        ]
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            "PYTHONUNBUFFERED": "1",
            **({DEBUG: "1"} if _shows_debug_messages() else {}),
        }
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            context.add_callback(process.terminate)
            copiers = [
                threading.Thread(target=_copy, args=(process.stdout, sys.stdout.buffer)),
                threading.Thread(target=_copy, args=(process.stderr, sys.stderr.buffer)),
            ]
            for copier in copiers:
                copier.start()
            for copier in copiers:
                copier.join()
        if process.returncode == ALREADY_EXPLAINED:
            return language_pb2.RunResponse(bail=True)
        if process.returncode:
            return language_pb2.RunResponse(error=f"the program exited with code {process.returncode}")
        return language_pb2.RunResponse()

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Runs a plugin that is written in Python, which here means a policy pack, and streams its output."""
        if request.kind != "analyzer":
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"plugins of kind {request.kind!r} can't run on the local cloud"
            )
        folder = request.info.program_directory
        process = subprocess.Popen(
            [_interpreter(request.info), "-u", "-m", "pulumi.policy", *request.args, folder],
            cwd=folder,
            env={**os.environ, **dict(pair.split("=", 1) for pair in request.env)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(process.terminate)
        said: Queue[language_pb2.RunPluginResponse | None] = Queue()
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            threading.Thread(target=_queue, args=(name, stream, said), daemon=True).start()
        for _ in range(2):
            while (answer := said.get()) is not None:
                yield answer
        yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing to do: the programs end with the calls that run them."""
        return empty_pb2.Empty()


def _shows_debug_messages() -> bool:
    """Whether the engine was asked for them, by its flag or the flag's variable; it does not tell its plugins."""
    engine = Path("/proc", os.environ.get(ENGINE, str(os.getppid())), "cmdline")
    words = engine.read_bytes().split(b"\0") if engine.is_file() else []
    return bool({b"--debug", b"-d"} & set(words)) or bool(os.environ.get("PULUMI_OPTION_DEBUG"))


def _runner() -> str:
    """The script that runs a program; it comes with the engine, in its folder."""
    engine = shutil.which("pulumi")
    if engine is None:
        raise FileNotFoundError("pulumi is not on PATH")
    return str(Path(engine).resolve().parent / RUNNER)


def _interpreter(info: language_pb2.ProgramInfo) -> str:
    """The Python that was found for the program; else, and for a policy pack, that of the virtual environment that
    the project names (`runtime`, `options`, `virtualenv`; relative to its folder, as for the vendor's host), where it
    is there; else our own.
    """
    if PYTHON in os.environ and info.root_directory == os.environ.get(PROJECT):
        return os.environ[PYTHON]
    named = dict(info.options).get("virtualenv")
    python = os.path.join(info.root_directory, str(named), "bin", "python")
    return python if named and os.access(python, os.X_OK) else sys.executable


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    for line in source:
        target.write(line)
        target.flush()


_SAYS: dict[str, Callable[[bytes], language_pb2.RunPluginResponse]] = {
    "stdout": lambda line: language_pb2.RunPluginResponse(stdout=line),
    "stderr": lambda line: language_pb2.RunPluginResponse(stderr=line),
}


def _queue(name: str, source: IO[bytes], said: "Queue[language_pb2.RunPluginResponse | None]") -> None:
    for line in source:
        said.put(_SAYS[name](line))
    said.put(None)


def main(engine_address: str) -> None:
    """Serves until the engine ends this process."""
    host = LanguageHost(engine_address)
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), workers=8)


if __name__ == "__main__":
    main(sys.argv[-1] if len(sys.argv) > 1 else "")
