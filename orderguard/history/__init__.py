"""What is remembered of earlier orders: by customer, and by what customers may share."""

from orderguard.history.customer import EMPTY, REMEMBERED, CustomerHistory, customer_after
from orderguard.history.digests import (
    NO_MINUTE,
    address_digest,
    device_of,
    digest,
    minute_of,
    net_value,
    network_of,
    payment_digest,
)
from orderguard.history.entity import (
    ENTITIES,
    REMEMBERED_OF_ENTITY,
    SILENT_DAYS,
    EntityHistory,
    entity_after,
    entity_tokens,
    is_silent,
)
from orderguard.history.past import NO_PAST, Past, after, as_of

__all__ = [
    "EMPTY",
    "ENTITIES",
    "NO_MINUTE",
    "NO_PAST",
    "REMEMBERED",
    "REMEMBERED_OF_ENTITY",
    "SILENT_DAYS",
    "CustomerHistory",
    "EntityHistory",
    "Past",
    "address_digest",
    "after",
    "as_of",
    "customer_after",
    "device_of",
    "digest",
    "entity_after",
    "entity_tokens",
    "is_silent",
    "minute_of",
    "net_value",
    "network_of",
    "payment_digest",
]
