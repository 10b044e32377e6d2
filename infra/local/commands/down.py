"""`down`: nothing of the stack is left but its history; order data and trained models stay."""

import shutil
import sys

from infra.local.cloud import Cloud
from infra.local.commands.engine_run import Transcript, alone, banner, engine, heal_state, state_file
from infra.local.engine import environment
from infra.local.errors import EXIT_OK, EXIT_REFUSED
from infra.local.home import REPOSITORY, Home, bytecode_cache
from infra.local.pulumi import project_file, read_yaml, require_own
from infra.local.services import docker
from infra.local.supervisor import client


def down(home: Home, stack: str, *, verbose: bool) -> int:
    """Destroys the stack and stops its processes. What Google Cloud protects stays, and so does the rest then."""
    banner(home, stack)
    cloud = Cloud(home, stack)
    require_own(home, stack, str(read_yaml(project_file(REPOSITORY))["name"]))
    if not state_file(home, stack).exists():
        client.stop(cloud)
        print("    there is nothing to take down")
        return EXIT_OK
    with alone(home, stack):
        whole = environment(home, stack=stack)
        heal_state(home, stack, whole)
        transcript = Transcript(everything=verbose)
        if engine(["destroy", "--yes", "--refresh"], home, stack, whole, transcript):
            print(transcript.problems(), file=sys.stderr)
            print("error: the stack could not be taken down completely; see above", file=sys.stderr)
            return EXIT_REFUSED
        client.stop(cloud)
        docker.forget_all(cloud)
        shutil.rmtree(cloud.root, ignore_errors=True)
        shutil.rmtree(bytecode_cache() / cloud.root.relative_to("/"), ignore_errors=True)
        for name in ("url", "api-key.header"):
            (home.root / name).unlink(missing_ok=True)
    print("    no process, port or resource is left; orders and models stay")
    return EXIT_OK
