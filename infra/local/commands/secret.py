"""`secret`: a secret setting of a stack that stays in this home, encrypted; for trying out what needs one."""

import sys
from pathlib import Path

from infra.local.engine import environment
from infra.local.errors import EXIT_OK, EXIT_USAGE, LocalCloudError
from infra.local.home import REPOSITORY, Home
from infra.local.pulumi import keep_secret


def secret(home: Home, stack: str, key: str, project: Path = REPOSITORY) -> int:
    """Keep what standard input holds, which no other process can see. Raises LocalCloudError."""
    value = sys.stdin.read().strip("\n")
    if not value:
        raise LocalCloudError(
            f"Standard input is empty. Write: printf SECRET | python -m infra.local secret {key}", EXIT_USAGE
        )
    keep_secret(key, value, home, stack, project, environment(home, stack=stack))
    print(f"{key} is kept, encrypted, in {home.root.name}; `make up` gives it to the stack {stack}.")
    return EXIT_OK
