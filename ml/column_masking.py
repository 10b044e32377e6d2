"""Masking a pipeline's orders on their way into columns: what comes back is decoded and masked once.

A line that is in any way out of the ordinary is left to `decode_order` and `mask_order`, which alone say what is wrong
with it. A test holds the two ways against each other.
"""

from array import array

import numpy as np
from numpy.typing import NDArray

from ml.remembered_parts import (
    ABSENT,
    ADDRESS,
    CHANNEL_NUMBER,
    CURRENCY_NUMBER,
    CUSTOMER,
    DEVICE,
    HOUR,
    MICROSECONDS,
    MOST_REMEMBERED,
    Odd,
    PAYMENT,
    PartlyDecoded,
    Parts,
    decode,
    decode_amount,
    each_once,
)
from orderguard.features.columns import Columns, renumbered
from orderguard.features.facts import CODES, NUMBERS, numbers_of
from orderguard.history import ENTITIES, NO_MINUTE
from orderguard.history.digests import OF_THE_SHOP
from orderguard.masking.codes import Doubt, masked
from orderguard.masking.keyring import Keyring
from orderguard.presence import UTC_COUNTRIES, bits
from orderguard.schema import UNDECODABLE, MaskedOrder

_FRAME = len('{"order_id":"","created_at":"","customer":,"currency":"EUR","items":}')
"""Bytes of an order around the values that it has to have."""

_FIELD = {name: len(f',"{name}":') for name in PartlyDecoded.__struct_fields__}
_SHIPPING, _PAYMENT, _DEVICE, _DISCOUNT = (_FIELD[name] for name in ("shipping", "payment", "device", "discount"))
_BILLING, _DELIVERY = _FIELD["billing_address"], _FIELD["shipping_address"]
_DAY_ALONE = len(',"hour_known":false')
_CHANNEL, _COUPON, _NOTE, _GIFT = (_FIELD[name] + 2 for name in ("channel", "coupon", "note", "gift_message"))

_SHORTEST = len(',"items":0')
"""A field that is not decoded at once takes no fewer bytes."""

_OWN = ("discount", "coupon", "shipping_cost")
_WIDTH = 7 + len(_OWN) + 3


class ColumnMasker:
    """Takes orders one at a time and gives them back masked, as columns. `doubt` is as in `mask_order`."""

    def __init__(self, keyring: Keyring, doubt: Doubt = masked) -> None:
        self.keyring = keyring
        self.doubt = doubt
        self._parts = Parts(keyring, doubt)
        self._begin()

    def _begin(self) -> None:
        """Start with no orders taken."""
        self._order_ids: list[str] = []
        # The rows of customer, billing address, shipping address, payment, device, hour; microseconds past the hour;
        # what `_OWN` names; the numbers of currency and channel; how many lines. And the lines as `Parts.lines` gives
        # them.
        self._orders = array("d")
        self._lines = array("d")

    def add(self, line: bytes) -> bool:
        """Take the order in a line of JSON. False, with nothing taken, if its line has to go the whole way."""
        parts = self._parts
        try:
            order = decode(line)
            order_id, created_at, currency = order.order_id, order.created_at, CURRENCY_NUMBER[order.currency]
            if order_id.isspace():
                return False
            size = _FRAME + len(order_id) + len(created_at)
            past = MICROSECONDS[created_at[14:19]]
            hour = parts.hours.get(created_at[:14] + created_at[19:]) if order.hour_known else parts.days[created_at]
            if hour is None:
                hour, past = parts.new_hour(created_at, past)
            elif not order.hour_known:
                size, past = size + _DAY_ALONE, 0
            json = bytes(order.customer)
            size += len(json)
            customer = parts.customers[json]
            billing = delivery = payment = device = 0
            cost = discount = 0.0
            if order.billing_address is not ABSENT:
                json = bytes(order.billing_address)
                size += _BILLING + len(json)
                billing = parts.addresses[json]
            if order.shipping_address is not ABSENT:
                size += _DELIVERY + len(order.shipping_address)
                same = order.shipping_address == order.billing_address
                delivery = billing if same else parts.addresses[bytes(order.shipping_address)]
            if order.payment is not ABSENT:
                json = bytes(order.payment)
                size += _PAYMENT + len(json)
                payment = parts.payments[json]
            if order.device is not ABSENT:
                json = bytes(order.device)
                size += _DEVICE + len(json)
                device = parts.devices[json]
            if order.shipping is not ABSENT:
                json = bytes(order.shipping)
                size += _SHIPPING + len(json)
                cost = parts.costs[json]
            if order.discount is not ABSENT:
                size += _DISCOUNT + len(order.discount)
                discount = decode_amount(order.discount) or 0.0
            json = bytes(order.items)
            size += len(json)
            lines = parts.lines(json)
            channel, coupon = order.channel, order.coupon
            if channel:
                size += _CHANNEL + len(channel)
            if coupon:
                size += _COUPON + len(coupon)
            if order.note:
                size += _NOTE + len(order.note)
            if order.gift_message:
                size += _GIFT + len(order.gift_message)
            if len(line) - size >= _SHORTEST and not each_once(line):
                return False
        except (*UNDECODABLE, KeyError, Odd):
            return False
        self._order_ids.append(order_id)
        self._lines.extend(lines)
        used, channel_number = 1.0 if coupon else 0.0, CHANNEL_NUMBER[channel]
        self._orders.extend(
            (customer, billing, delivery, payment, device, hour, past, discount, used, cost)
            + (currency, channel_number, len(lines) // 5)
        )
        return True

    def add_masked(self, order_id: str, order: MaskedOrder) -> None:
        """Take an order that went the whole way."""
        parts, facts = self._parts, dict(zip(NUMBERS, numbers_of(order), strict=True))
        self._order_ids.append(order_id)
        self._lines.extend(parts.masked_lines(order.items))
        self._orders.extend(
            (
                parts.customer_row(order.customer_token, order.email_token, order.customer_since),
                parts.address_row(order.billing),
                parts.address_row(order.shipping),
                parts.payment_row(order.payment_method, order.card_country, order.card_token),
                parts.device_row(order.device_token, order.network_token),
                parts.hour_row(facts["at"], facts["minute"], facts["weekday"]),
                0.0,
                *(facts[name] for name in _OWN),
                parts.number(order.currency),
                parts.number(order.channel),
                len(order.items),
            )
        )

    def columns(self) -> tuple[Columns, bytes]:
        """The orders taken since the last call, in their order, as `columns_of` gives them.

        And the digests of their ids, see `Keyring.digests`.
        """
        parts, count = self._parts, len(self._order_ids)
        orders = np.array(self._orders).reshape(-1, _WIDTH).T
        rows = orders[:6].astype(np.int64)
        customer, email, since = _taken(parts.customer_table, CUSTOMER, rows[0])
        billing, delivery = _taken(parts.address_table, ADDRESS, rows[1]), _taken(parts.address_table, ADDRESS, rows[2])
        method, card_country, card, payment, card_digest = _taken(parts.payment_table, PAYMENT, rows[3])
        device, network, device_digest = _taken(parts.device_table, DEVICE, rows[4])
        own = ~np.isin(orders[11], [CHANNEL_NUMBER[channel] for channel in OF_THE_SHOP])
        moment, minute, weekday = _taken(parts.hour_table, HOUR, rows[5])
        sku, category, quantity, unit_price, line_discount = np.array(self._lines).reshape(-1, 5).T
        past = orders[6]
        at = np.where(past > 0, (moment * 1e6 + past) / 1e6, moment)
        home, goes_to = np.where(rows[1] > 0, billing, delivery), np.where(rows[2] > 0, delivery, billing)
        numbers = dict(zip(_OWN, orders[7:10], strict=True)) | {
            "at": at,
            "minute": minute + past // 60e6,
            "weekday": weekday,
            "account_days": np.where(np.isnan(since), -1.0, np.maximum(0.0, (at - since) / 86400.0)),
            "address_mismatch": _differ(billing[0], delivery[0]),
            "name_mismatch": _differ(billing[1], delivery[1]),
            "country_mismatch": _differ(billing[2], delivery[2]),
            "card_mismatch": _differ(home[2], card_country),
            "address": goes_to[3],
            "device": device_digest * own,
            "payment": payment,
            "card": card_digest,
        }
        assert set(numbers) == set(NUMBERS), f"{set(NUMBERS) ^ set(numbers)}: what facts.py names is computed here, too"
        entities = {
            "device": device * own,
            "network": network * own,
            "email": email,
            "address": goes_to[0],
            "payment": card,
        }
        codes = {"currency": orders[10], "channel": orders[11], "payment_method": method, "country": goes_to[2]}
        absent, values, tokens = parts.number(None), list(parts.codes), list(parts.entity_tokens)
        line_order = np.repeat(np.arange(count), orders[12].astype(np.int64))
        in_utc = ((numbers["minute"] - at // 60) % 1440 == 0) & (numbers["minute"] < NO_MINUTE)
        shows_nothing = [number for number, code in enumerate(values) if code in UTC_COUNTRIES]
        told = bits(
            (
                orders[11] != absent,
                numbers["coupon"] > 0,
                numbers["discount"] > 0,
                ~np.isnan(since),
                numbers["shipping_cost"] > 0,
                method != absent,
                card_country != absent,
                (billing[3] != 0) | (billing[2] != absent),
                (delivery[3] != 0) | (delivery[2] != absent),
                device != 0,
                category[np.searchsorted(line_order, np.arange(count))] != absent,
                in_utc & (home[2] != absent) & ~np.isin(home[2], shows_nothing),
                network != 0,
                email != 0,
                card != 0,
            ),
            (numbers["minute"] // 60).astype(np.int64),
        )
        digests = self.keyring.digests("order", self._order_ids)
        columns = Columns(
            customers=renumbered(customer, list(parts.customer_tokens)),
            entities={name: renumbered(entities[name], tokens) for name in ENTITIES},
            numbers={name: np.ascontiguousarray(numbers[name]) for name in NUMBERS},
            codes={name: renumbered(codes[name], values) for name in CODES},
            told=told,
            line_order=line_order,
            quantity=np.ascontiguousarray(quantity),
            unit_price=np.ascontiguousarray(unit_price),
            line_discount=np.ascontiguousarray(line_discount),
            skus=renumbered(sku, values),
            categories=renumbered(category, values),
        )
        self._begin()
        if parts.size > MOST_REMEMBERED:
            self._parts = Parts(self.keyring, self.doubt)
        return columns, digests


def _taken(table: "array[float]", width: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The columns of some rows of a table, of shape (width, len(rows))."""
    found: NDArray[np.float64] = np.frombuffer(table).reshape(-1, width)[rows] if table else np.empty((0, width))
    return found.T


def _differ(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """`facts.differ` of numbered values."""
    differ: NDArray[np.float64] = ((one != 0) & (other != 0) & (one != other)).astype(np.float64)
    return differ
