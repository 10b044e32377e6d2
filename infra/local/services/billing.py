"""Budgets: declared."""

from infra.local.provider.outputs import digits
from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:billing/budget:Budget": Resource(
        id="billingAccounts/{billingAccount}/budgets/{server}",
        identify=lambda cloud, inputs, place: {"server": digits(place.urn, 16)},
    ),
}
