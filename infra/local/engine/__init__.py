"""The Pulumi engine: how it is found or made, and the environment that it runs in."""

from infra.local.engine.environment import environment
from infra.local.engine.install import ENGINE_VERSION, Engine, ensure_engine

__all__ = ["ENGINE_VERSION", "Engine", "ensure_engine", "environment"]
