"""For stack rules: who may do what on which resource of the stack, even where names are not known yet.

Before the first update an account's e-mail address can be unknown. But the engine knows which resource a property
comes from, so "the member is that account" is decided long before the address is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.grants import grants
from policies.rule import Resource, Stack
from policies.value import Undecided, Value

CUSTOM_ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
ACCOUNT = "gcp:serviceaccount/account:Account"


@dataclass(frozen=True)
class Access:
    """A role of one identity. `who` is the URN of an account of the stack, or the member as it stands; `role` is
    a role's name, or the URN of a custom role of the stack.
    """

    grant: Resource
    role: str
    who: str
    target: str
    """The URN of the resource that the grant is on, or its name as it stands."""
    condition: Value


class Identities:
    """The service accounts of a stack, found by address or by dependency."""

    def __init__(self, stack: Stack) -> None:
        self._accounts = stack.of(ACCOUNT)
        self._names = {account.urn: account.name for account in self._accounts}

    def of(self, address: Value, dependencies: Iterable[Resource]) -> str | None:
        """The URN of the account with this address (or `serviceAccount:address`); the text itself for a foreign one;
        None if undecided.
        """
        if address.known:
            text = address.text.removeprefix("serviceAccount:")
            return next((account.urn for account in self._accounts if _is_address_of(text, account)), address.text)
        among = [resource.urn for resource in dependencies if resource.type == ACCOUNT]
        return among[0] if len(among) == 1 else None

    def name(self, who: str) -> str:
        """What to call an identity in a message: the resource's name, never an address."""
        return (
            f"the service account {self._names[who]!r}" if who in self._names else "an identity from outside the stack"
        )


def accesses(
    stack: Stack,
    grant_types: Iterable[str],
    roles: Iterable[str],
    *,
    permission: str = "",
    target_property: str = "",
    target_types: Iterable[str] = (),
) -> Iterator[Access | Undecided]:
    """The grants of these types that give one of the roles, or a custom role of the stack with the permission; and
    those of which that can't be told yet.

    `target_property` names what is granted on (`bucket`, `secretId`); it is empty for grants on a project.
    """
    identities, roles = Identities(stack), frozenset(roles)
    targets = stack.of(*target_types)
    for resource in stack.of(*grant_types):
        target = _target(resource, target_property, targets) if target_property else resource.urn
        for grant in grants(resource):
            custom = _custom_role(stack, resource, grant.role)
            if custom:
                gives = custom["permissions"].contains(permission)
            else:
                gives = None if _may_be_custom(stack, grant.role) else grant.role.among(roles)
            if gives is None:
                yield Undecided(grant.role.path, (custom or resource).urn)
            elif gives:
                who = identities.of(grant.member, _behind(resource, grant.member))
                if who is None or target is None:
                    yield Undecided(grant.member.path if who is None else target_property, resource.urn)
                else:
                    role = custom.urn if custom else grant.role.text
                    yield Access(resource, role, who, target, grant.condition)


def same(name: Value, resource: Resource, properties: Iterable[str]) -> bool:
    """Whether a known name is that of a resource: its last part equals one of the resource's known properties."""
    wanted = name.text.rsplit("/", 1)[-1]
    return any(resource[key].known and resource[key].text.rsplit("/", 1)[-1] == wanted for key in properties)


def behind(resource: Resource, property_name: str, types: Iterable[str]) -> list[Resource]:
    """The resources of these types that a property comes from."""
    return [item for item in resource.dependencies.get(property_name, ()) if item.type in frozenset(types)]


def _behind(resource: Resource, member: Value) -> Iterable[Resource]:
    """What a member comes from. Several unknown members of one list can't be told apart, so then it is nothing."""
    name = member.path.partition("[")[0]
    several = sum(value.unknown for value in resource.each("members")) > 1
    return () if several else resource.dependencies.get(name, ())


def _custom_role(stack: Stack, resource: Resource, role: Value) -> Resource | None:
    """The custom role of the stack that is granted, by its name or by dependency."""
    if role.known:
        return next((custom for custom in stack.of(CUSTOM_ROLE) if same(role, custom, ("roleId", "name"))), None)
    return next(iter(behind(resource, "role", {CUSTOM_ROLE})), None)


def _may_be_custom(stack: Stack, role: Value) -> bool:
    """Whether a role that was not found could be a custom role of the stack whose name is not known yet."""
    named = role.known and "/roles/" in role.text
    return named and any(custom["roleId"].unknown for custom in stack.of(CUSTOM_ROLE))


def _target(resource: Resource, property_name: str, targets: list[Resource]) -> str | None:
    value = resource[property_name]
    if value.known:
        found = next((target.urn for target in targets if same(value, target, (property_name, "name", "id"))), None)
        unsure = any(target[property_name].unknown or target["name"].unknown for target in targets)
        return None if found is None and unsure else found or value.text
    among = behind(resource, property_name, {target.type for target in targets})
    return among[0].urn if len(among) == 1 else None


def _is_address_of(text: str, account: Resource) -> bool:
    email, account_id = account["email"], account["accountId"]
    if email.known:
        return email.text == text
    return account_id.known and text.startswith(f"{account_id.text}@")
