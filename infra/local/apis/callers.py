"""Who calls an interface, and what that one may: the stack's bindings decide, as they do in Google Cloud."""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from infra.local import iam
from infra.local.apis.identity import OWNER, Identity, account_of, member_of
from infra.local.cloud import Cloud

_DEFAULT_ACCOUNT = "-compute@developer.gserviceaccount.com"
"""The ending of a project's default account, which is its Editor."""


class Unauthenticated(Exception):
    """Nobody that this cloud knows: 401, UNAUTHENTICATED."""

    def __init__(self) -> None:
        super().__init__(
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
            " authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
        )


class Denied(Exception):
    """The caller lacks a permission: 403, PERMISSION_DENIED."""


@dataclass(frozen=True)
class Caller:
    """An account that asks; empty for somebody who did not say who."""

    cloud: Cloud
    account: str

    @property
    def member(self) -> str:
        """As bindings name it."""
        return member_of(self.account) if self.account else ""

    def allows(self, permission: str, *resources: str) -> bool:
        """Whether the caller may do this on the first of these resources, the thing itself; the others are what it
        belongs to, such as `project:NAME`. The owner of the machine may do all.
        """
        if self.account == OWNER:
            return True
        edits = self.account.endswith(_DEFAULT_ACCOUNT) and permission in iam.PERMISSIONS["roles/editor"]
        return edits or iam.current(self.cloud).allows(self.member, permission, *resources)

    def require(self, permission: str, name: str, *resources: str) -> None:
        """Raise Denied where the caller may not, Unauthenticated where nobody may who does not say who. `name` is how
        the message calls the resource.
        """
        if not self.allows(permission, *resources):
            if not self.account:
                raise Unauthenticated()
            raise Denied(f"Permission '{permission}' denied on resource '{name}' (or it may not exist).")


def caller(cloud: Cloud, headers: Mapping[str, str], door: Identity | None = None) -> Caller:
    """Who asks: the access token's account; without a token, whoever the address was made for. Raises Unauthenticated
    for a token that is none. `headers` are looked up in lower case.
    """
    given = headers.get("authorization", "")
    if not given:
        return Caller(cloud, door.account if door else "")
    kind, _, token = given.partition(" ")
    account = account_of(cloud, token.strip()) if kind.lower() == "bearer" else None
    if door and compare_digest(token.strip().encode(), iam.store_token(cloud).encode()):
        account = door.account  # the word that opens stores is the same for all
    if account is None:
        raise Unauthenticated()
    return Caller(cloud, account)
