"""For stack rules: who may do what on which resource of the stack, even where names are not known yet.

Before the first update an account's e-mail address can be unknown. But the engine knows which resource a property comes
from, so "the member is that account" is decided long before the address is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.grants import Grant, grants
from policies.rule import Resource, Stack
from policies.value import Undecided, Value

ACCOUNT = "gcp:serviceaccount/account:Account"
CUSTOM_ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"


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


class Named:
    """Resources of some types, found by a known name or by dependency. Built once, so that a lookup costs the same in
    a large stack.
    """

    def __init__(self, stack: Stack, types: Iterable[str], properties: Iterable[str]) -> None:
        self._types = frozenset(types)
        self._by_name: dict[str, Resource] = {}
        self.some_unnamed = False
        for resource in stack.of(*self._types):
            names = [resource[key] for key in properties]
            known = [name for name in names if name.known]
            for name in known:
                self._by_name.setdefault(last_part(name.text), resource)
            self.some_unnamed = self.some_unnamed or (not known and any(name.unknown for name in names))

    def behind(self, name: Value, dependencies: Iterable[Resource]) -> Resource | None:
        """The resource with this name; of an unknown name, the one resource that it comes from."""
        if name.known:
            return self._by_name.get(last_part(name.text))
        among = [resource for resource in dependencies if resource.type in self._types]
        return among[0] if len(among) == 1 else None


class Identities:
    """The service accounts of a stack, found by address or by dependency."""

    def __init__(self, stack: Stack) -> None:
        accounts = stack.of(ACCOUNT)
        self._names = {account.urn: account.name for account in accounts}
        self._by_address = {account["email"].text: account.urn for account in accounts if account["email"].known}
        self._by_id = {
            account["accountId"].text: account.urn
            for account in accounts
            if account["accountId"].known and not account["email"].known
        }

    def of(self, address: Value, dependencies: Iterable[Resource]) -> str | None:
        """The URN of the account with this address (or `serviceAccount:address`); the text itself for a foreign one;
        None if undecided.
        """
        if address.known:
            text = address.text.removeprefix("serviceAccount:")
            return self._by_address.get(text) or self._by_id.get(text.partition("@")[0]) or address.text
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
    custom_roles = Named(stack, (CUSTOM_ROLE,), ("roleId",))
    targets = Named(stack, target_types, (target_property, "name"))
    for resource in stack.of(*grant_types):
        target = _target(resource, target_property, targets) if target_property else resource.urn
        for grant in grants(resource):
            custom = custom_roles.behind(grant.role, resource.dependencies.get("role", ()))
            gives = _gives(grant, custom, custom_roles.some_unnamed, permission, roles)
            if gives is None:
                yield Undecided(grant.role.path, (custom or resource).urn)
            elif gives:
                who = identities.of(grant.member, _behind(resource, grant.member))
                if who is None or target is None:
                    yield Undecided(grant.member.path if who is None else target_property, resource.urn)
                else:
                    yield Access(resource, custom.urn if custom else grant.role.text, who, target, grant.condition)


def last_part(name: str) -> str:
    """What tells a resource apart: the end of `projects/p/secrets/NAME`, or a plain name."""
    return name.rsplit("/", 1)[-1]


def _gives(
    grant: Grant, custom: Resource | None, some_unnamed: bool, permission: str, roles: frozenset[str]
) -> bool | None:
    if custom is not None:
        return custom["permissions"].contains(permission)
    may_be_custom = some_unnamed and grant.role.known and "/roles/" in grant.role.text
    return None if may_be_custom else grant.role.among(roles)


def _behind(resource: Resource, member: Value) -> Iterable[Resource]:
    """What a member comes from. Several unknown members of one list can't be told apart, so then it is nothing."""
    name = member.path.partition("[")[0]
    several = sum(value.unknown for value in resource.each("members")) > 1
    return () if several else resource.dependencies.get(name, ())


def _target(resource: Resource, property_name: str, targets: Named) -> str | None:
    value = resource[property_name]
    found = targets.behind(value, resource.dependencies.get(property_name, ()))
    if found is not None:
        return found.urn
    return value.text if value.known and not targets.some_unnamed else None
