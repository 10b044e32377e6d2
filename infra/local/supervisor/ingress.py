"""Which way into a service is open: where the stack's load balancer leads to it, and its ingress names that alone, its
own URL is closed to who comes from outside (cloud.google.com/run/docs/securing/ingress).

The owner of the machine is inside by a token of his own, and so are the stack's schedules and triggers. Without a load
balancer to it nobody could reach such a service: then its URL is open.
"""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from infra.local.cloud import Cloud
from infra.local.files import read_object
from infra.local.supervisor.message import Head

_INSIDE = "X-Local-Cloud-Inside"
_BALANCED = ("INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "internal-and-cloud-load-balancing")
_ANNOTATION = "run.googleapis.com/ingress"


def is_for_balancer(inputs: Mapping[str, Any]) -> bool:
    """Whether a service's ingress lets in who comes through a load balancer, and nobody else from outside."""
    annotations = (inputs.get("metadata") or {}).get("annotations") or {}
    return (inputs.get("ingress") or annotations.get(_ANNOTATION)) in _BALANCED


def marked(cloud: Cloud, url: str) -> dict[str, str]:
    """The header by which a service of the stack knows that the stack's own schedules and triggers ask."""
    port = urlsplit(url).port
    own = (read_object(path, "port") for path in (cloud.run / "services").glob("*.json"))
    return {_INSIDE: cloud.derived(_INSIDE)} if any(one and one["port"] == port for one in own) else {}


def is_marked(cloud: Cloud, head: Head) -> bool:
    """Whether a request has that header. It goes no further."""
    name = _INSIDE.lower().encode()
    found = head.get(name)
    head.headers = [(key, value) for key, value in head.headers if key.lower() != name]
    return bool(found) and compare_digest(found, cloud.derived(_INSIDE).encode())
