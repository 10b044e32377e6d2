"""A function `getX` whose type X this cloud holds: the resource's own outputs."""

from infra.local.cloud import Record, Values
from infra.local.facts import service_of
from infra.local.functions.asked import Asked, property_of, same
from infra.local.provider.resource import Refused


def answer(asked: Asked) -> Values | None:
    """The outputs of the resource that the arguments name, or None where the function is not of this kind.

    Raises Refused where the arguments name none of the resources that there are.
    """
    kind = _kind(asked.token)
    held = [record for record in asked.cloud.all() if _is(record.type, kind, service_of(asked.token))]
    found = next((record for record in held if _named(asked, record)), None)
    if found is None:
        if held:
            raise Refused(not_found(asked, f"this stack made {', '.join(one.id for one in held[:5])}"))
        return None
    return {**asked.arguments, **found.outputs, "id": found.id}


def not_found(asked: Asked, there_is: str) -> str:
    """Google Cloud's refusal, and where the resource would have to come from."""
    named = ", ".join(f"{name}={value!r}" for name, value in sorted(asked.arguments.items()))
    return (
        f"googleapi: Error 404: {asked.token.rpartition(':')[2]}({named}): not found, notFound. The local cloud begins"
        f" empty; {there_is}. What exists before the program runs is told in orderguard-cloud.yaml, under `answers`."
    )


def _kind(token: str) -> str:
    """`gcp:kms/getKMSKeyRing:getKMSKeyRing` → `kmskeyring`."""
    return token.rpartition(":")[2].removeprefix("get").lower()


def _is(token: str, kind: str, service: str) -> bool:
    name = token.rpartition(":")[2].lower()
    return service_of(token) == service and name in (kind, kind.removeprefix(service))


def _named(asked: Asked, record: Record) -> bool:
    for name, value in asked.arguments.items():
        if value is None or isinstance(value, (bool, dict, list)):
            continue
        there = property_of(record, name)
        if there is None and not isinstance(value, (int, float)):
            there = next((part for part in record.id.split("/") if same(part, value)), None)
            if there is None and name not in ("project", "location", "region", "zone"):
                return False
        elif there is not None and not same(there, value):
            return False
    return True
