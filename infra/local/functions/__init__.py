"""Functions of the `gcp` package (`get_…`): read from the cloud's own records, from what every project has, or from
what the project's folder tells of things that exist already.
"""

from collections.abc import Mapping
from typing import Any

from infra.local.cloud import Cloud, Values
from infra.local.functions import compute, organizations, records, storage
from infra.local.functions.asked import Asked, same
from infra.local.functions.told import FILE, told
from infra.local.provider.resource import Refused

FUNCTIONS = {**organizations.FUNCTIONS, **storage.FUNCTIONS, **compute.FUNCTIONS}


def answer(token: str, arguments: Mapping[str, Any], configured: Mapping[str, str], cloud: Cloud) -> Values:
    """What the function answers. Raises Refused where Google Cloud would, and where the local cloud can't know."""
    asked = Asked(token, arguments, configured, cloud)
    told = _told(asked)
    if told is not None:
        return {**arguments, **told}
    if function := FUNCTIONS.get(token):
        return function(asked)
    found = records.answer(asked)
    if found is not None:
        return found
    raise Refused(
        f"the local cloud does not answer {token}: it has no fixed answer for it, and this stack has made no such"
        f" resource. Write what it would answer into {FILE} beside Pulumi.yaml:"
        f" answers: [{{function: {token.rpartition(':')[2]}, arguments: {{}}, answer: {{}}}}]"
    )


def secrets_of(token: str, cloud: Cloud) -> tuple[str, ...]:
    """The parts of an answer that the engine has to keep encrypted."""
    return storage.secrets_in(cloud, token)


def _told(asked: Asked) -> Values | None:
    """The answer that the project's own file gives for these arguments."""
    for one in told("answers"):
        wanted = one.get("arguments") or {}
        if one.get("function") in (asked.token, asked.token.rpartition(":")[2]) and all(
            same(asked.arguments.get(name), value) for name, value in wanted.items()
        ):
            return dict(one.get("answer") or {})
    return None
