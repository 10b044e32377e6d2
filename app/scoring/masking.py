"""From an order's bytes to the masked order, in steps."""

from collections.abc import Sequence

from msgspec import Raw

from app.models import Model
from app.scoring.decoding import Request, decoding, too_long
from app.scoring.stages import Incoming
from orderguard.history import CustomerHistory, EntityHistory, Past, customer_after, entity_after, entity_tokens
from orderguard.masking import Keyring
from orderguard.masking.order import masking_order
from orderguard.masking.steps import Steps
from orderguard.schema import MaskedOrder, Order, OrderError


def masking(body: bytes | Raw, keyring: Keyring, model: Model) -> Steps[Incoming]:
    """Decode and mask an order and the earlier ones that its caller brought. Raises `OrderError`."""
    request = yield from decoding(body)
    return (yield from masking_request(request, keyring, model))


def masking_request(request: Request, keyring: Keyring, model: Model) -> Steps[Incoming]:
    """Mask an order and the earlier ones that its caller brought."""
    order, brought = request
    masked = yield from masking_order(order, keyring, free_text=False, doubt=model.doubt)
    if brought is None:
        return Incoming(order.order_id, masked, None, model, names=names_of(order))
    earlier = []
    for one in sorted(brought, key=lambda order: order.created_at):
        if one.created_at < masked.created_at:
            earlier.append((yield from masking_order(one, keyring, free_text=False)))
            yield
    return Incoming(order.order_id, masked, past_of(masked, earlier), model, names=names_of(order))


def names_of(order: Order) -> tuple[str, ...]:
    """The names that an order tells: of people, companies and streets."""
    found: list[str | None] = [order.customer.name] if order.customer else []
    for address in (order.billing_address, order.shipping_address):
        if address is not None:
            found += (address.name, address.company, address.street, address.city)
    if order.payment is not None:
        found.append(order.payment.card_holder)
    return tuple([name for name in found if name])


def masking_each(
    bodies: Sequence[bytes | Raw], longest: int, keyring: Keyring, model: Model
) -> Steps[list[Incoming | OrderError]]:
    """`masking` of many orders, each with what is wrong with it in its place; `longest` is the most bytes of one."""
    taken: list[Incoming | OrderError] = []
    for body in bodies:
        try:
            if len(bytes(body)) > longest:
                raise too_long(longest)
            taken.append((yield from masking(body, keyring, model)))
        except OrderError as error:
            taken.append(error)
        yield
    return taken


def past_of(order: MaskedOrder, earlier: Sequence[MaskedOrder]) -> Past:
    """What earlier orders of its customer, oldest first, tell about an order."""
    customer: CustomerHistory | None = None
    tokens = entity_tokens(order)
    entities: list[EntityHistory | None] = [None] * len(tokens)
    for one in earlier:
        customer = customer_after(customer, one)
        for place, token in enumerate(entity_tokens(one)):
            if token and token == tokens[place]:
                entities[place] = entity_after(entities[place], one)
    return Past(customer, tuple(entities))
