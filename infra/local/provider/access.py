"""The three IAM resources that so many services have: Member, Binding and Policy on a parent."""

import json
import re
from collections.abc import Iterator
from infra.local.iam import ROLES_BY_SERVICE
from infra.local.provider.resource import Resource
from infra.local.provider.rules import Inputs, Problem, found

_ROLE = re.compile(r"(roles/[A-Za-z0-9_.]+|(projects|organizations)/[^/]+/roles/[A-Za-z0-9_.]+)")


def role_exists(inputs: Inputs) -> Iterator[Problem]:
    """Google Cloud refuses a role that it does not have, in `up`."""
    for where, role in found(inputs, "role"):
        service = str(role).removeprefix("roles/").partition(".")[0]
        listed = ROLES_BY_SERVICE.get(service)
        if not _ROLE.fullmatch(str(role)) or (listed is not None and role not in listed):
            yield where, f"Error 400: Role {role} is not supported for this resource., badRequest"


def policy_is_policy(inputs: Inputs) -> Iterator[Problem]:
    """`policyData` is the document that getIAMPolicy makes."""
    for where, text in found(inputs, "policyData"):
        try:
            document = json.loads(text)
            bindings = document.get("bindings", [])
            well_formed = all({"role", "members"} <= set(one) for one in bindings)
        except (ValueError, AttributeError, TypeError):
            well_formed = False
        if not well_formed:
            yield where, '"policy_data" is not a policy document: make it with gcp.organizations.get_iam_policy'


def triple(prefix: str, parent: str) -> dict[str, Resource]:
    """Resources for `prefix`Member, Binding and Policy; `parent` is the id's first part as a format string."""
    package, _, name = prefix.rpartition("/")
    class_name = name[0].upper() + name[1:]

    def token(kind: str) -> str:
        return f"{package}/{name}{kind}:{class_name}{kind}"

    return {
        token("Member"): Resource(
            id=parent + "/{role}/{member}{condition_title}",
            kind="enforced",
            refuses=(role_exists,),
        ),
        token("Binding"): Resource(
            id=parent + "/{role}{condition_title}",
            kind="enforced",
            refuses=(role_exists,),
        ),
        token("Policy"): Resource(id=parent, kind="enforced", refuses=(policy_is_policy,)),
    }
