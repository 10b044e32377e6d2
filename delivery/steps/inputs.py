"""The inputs of steps."""

import os

from delivery.errors import UsageError
from delivery.stack import Stack
from infra.local.pulumi import require_stack


def required(name: str, why: str) -> str:
    """An environment variable that a step can't do without."""
    value = os.environ.get(name)
    if not value:
        raise UsageError(f"{name} is not set. It names {why}.")
    return value


def stack() -> Stack:
    name = required("STACK", "the stack: local, staging or prod")
    require_stack(name)
    return Stack(name)
