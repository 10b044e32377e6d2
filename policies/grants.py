"""Who is granted what: one shape for the Member, Binding and Policy resources of every service, and for the older
access lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from policies.patterns import lazy
from policies.rule import Resource
from policies.value import Finding, Undecided, Value

PUBLIC = frozenset({"allUsers", "allAuthenticatedUsers"})

INVOKER_TYPES = tuple(
    f"gcp:{module}:{name}"
    for kind in ("Member", "Binding", "Policy")
    for module, name in (
        (f"cloudrunv2/serviceIam{kind}", f"ServiceIam{kind}"),
        (f"cloudrunv2/jobIam{kind}", f"JobIam{kind}"),
        (f"cloudrunv2/workerPoolIam{kind}", f"WorkerPoolIam{kind}"),
        (f"cloudrun/iam{kind}", f"Iam{kind}"),
    )
)
"""Grants on Cloud Run: who may call it."""

WIDE_GRANT_TYPES = tuple(
    f"gcp:{module}/iAM{kind}:IAM{kind}"
    for module in ("projects", "folder", "organizations")
    for kind in ("Member", "Binding", "Policy")
)
"""Grants on a whole project, folder or organisation."""
ACCOUNT_GRANT_TYPES = tuple(f"gcp:serviceaccount/iAM{kind}:IAM{kind}" for kind in ("Member", "Binding", "Policy"))
"""Grants on a service account: who may act as it."""

DEFAULT_SERVICE_ACCOUNT = lazy(
    r"(?:^|[:/])(?:[\w\-]+-compute@developer|[\w\-.]+@appspot|[0-9]+@cloudbuild)\.gserviceaccount\.com$"
)
"""Accounts that Google Cloud makes by itself, which many workloads share, and which long came with the editor role."""


@dataclass(frozen=True)
class Grant:
    """A role for one member, under a condition or none. Each is a `Value`: it can be unknown by itself."""

    role: Value
    member: Value
    condition: Value
    """The text of the condition, in CEL."""


def grants(resource: Resource) -> list[Grant]:
    """The grants that an IAM resource makes. `policyData` is JSON text, as `get_iam_policy` gives it."""
    role, condition = resource["role"], resource.at("condition.expression")
    found = [Grant(role, resource["member"], condition)] if not resource["member"].absent else []
    found += [Grant(role, member, condition) for member in resource.each("members")]
    policy = resource["policyData"]
    if policy.unknown:
        found.append(Grant(policy, policy, policy))
    elif policy.known:
        for binding in _parsed(policy).each("bindings"):
            condition = binding.at("condition.expression")
            found += [Grant(binding["role"], member, condition) for member in binding.each("members")]
    return found


def _parsed(text: Value) -> Value:
    try:
        return Value(json.loads(text.text), text.path)
    except ValueError:
        return Value(None, text.path)


def lifted(grant: Grant, finding: Finding, limits: Callable[[str], bool]) -> Finding:
    """What is left of a finding about a grant: nothing where its condition limits it enough, undecided where nobody
    knows the condition yet.
    """
    if finding is None or (grant.condition.known and limits(grant.condition.text)):
        return None
    return Undecided(grant.condition.path) if grant.condition.unknown else finding


def is_public(member: object) -> bool:
    """Whether a member is everybody, or everybody with any Google account. `READER:allUsers` of an access list counts
    too.
    """
    return str(member).rpartition(":")[2] in PUBLIC


def is_default_account(member: object) -> bool:
    """Whether an account is one of these; `default` is what Compute Engine calls its own."""
    return str(member) == "default" or DEFAULT_SERVICE_ACCOUNT.search(str(member)) is not None
