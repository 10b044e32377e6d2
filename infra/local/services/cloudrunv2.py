"""Cloud Run."""

from infra.local.provider.resource import Resource

RESOURCES: dict[str, Resource] = {}
