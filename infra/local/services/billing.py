"""Budgets: declared."""

from infra.local.provider.outputs import digits
from infra.local.provider.resource import Resource
from infra.local.provider.rules import exactly_one

RESOURCES = {
    "gcp:billing/budget:Budget": Resource(
        id="billingAccounts/{billingAccount}/budgets/{server}",
        identify=lambda cloud, inputs, place: {"server": digits(place.urn, 16)},
        defaults={"ownershipScope": "OWNERSHIP_SCOPE_UNSPECIFIED"},
        rules=(exactly_one("amount.lastPeriodAmount", "amount.specifiedAmount"),),
    ),
}
