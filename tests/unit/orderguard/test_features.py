"""The feature vector: the same for serving and for training, always finite, blind to the future and to the key."""

import hashlib
import json
import math
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.catalogue_learning import Catalogues, learn_catalogue
from ml.feature_engineering import features_of as features_of_columns
from orderguard.catalogue import Catalogue
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION, FEATURES, PERIODS
from orderguard.features.columns import columns_of
from orderguard.features.scalar import features_of, order_features
from orderguard.features.pasts import Pasts
from orderguard.features.vector import compute_features
from orderguard.features.versions import FINGERPRINTS
from orderguard.history import NO_PAST, REMEMBERED, after, as_of, entity_tokens
from orderguard.history.customer import CUSTOMER_SILENT_DAYS
from orderguard.history.entity import SILENT_DAYS
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.schema import LEAST_QUANTITY, MAX_QUANTITY, MaskedAddress, MaskedItem, MaskedOrder, decode_order

START = datetime(2026, 3, 2, 10, 0, tzinfo=timezone.utc)

amounts = st.one_of(
    st.sampled_from((0.0, 5e-324, 1e-300)),
    st.floats(0.001, 5_000.0),
    st.floats(0.0, 1e9),
    st.sampled_from((9.99, 19.99, -0.0)),
)
words = st.sampled_from(("red", "blue", "green", "odd"))
tokens = st.one_of(st.none(), words)
items = st.builds(
    MaskedItem,
    sku=words,
    quantity=st.one_of(st.integers(1, 1_000_000).map(float), st.floats(LEAST_QUANTITY, MAX_QUANTITY)),
    unit_price=amounts,
    category=tokens,
    discount=st.one_of(st.none(), amounts),
)
addresses = st.one_of(
    st.none(),
    st.builds(MaskedAddress, token=tokens, name_token=tokens, country=st.sampled_from((None, "DE", "FR", "JP"))),
)
zones = st.sampled_from([timezone(timedelta(minutes=minutes)) for minutes in (-480, 0, 60, 345, 840)])
close = st.builds(
    lambda seconds, zone: (START + timedelta(seconds=seconds)).astimezone(zone),
    st.one_of(st.integers(0, 7200), st.integers(0, 10 * 86400), st.integers(0, 200 * 86400), st.floats(0, 1e6)),
    zones,
)
moments = st.one_of(close, st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=zones))
orders = st.builds(
    MaskedOrder,
    order_token=st.uuids().map(str),
    customer_token=words,
    created_at=moments,
    hour_known=st.booleans(),
    currency=st.sampled_from(("EUR", "USD", "JPY", "XAF")),
    items=st.lists(items, min_size=1, max_size=12),
    discount=st.one_of(st.none(), amounts),
    has_coupon=st.booleans(),
    shipping_method=tokens,
    shipping_cost=st.one_of(st.none(), amounts),
    payment_method=tokens,
    card_country=st.sampled_from((None, "DE", "US")),
    channel=st.sampled_from((None, "web", "app", "store")),
    billing=addresses,
    shipping=addresses,
    customer_since=st.one_of(st.none(), moments),
    device_token=tokens,
    network_token=tokens,
    email_token=tokens,
    card_token=tokens,
)


def order(at: datetime = START, customer: str = "anna", price: float = 20.0, **fields: object) -> MaskedOrder:
    """A plain order, with other fields where given."""
    plain = MaskedOrder(
        order_token=f"{customer} {at.isoformat()}",
        customer_token=customer,
        created_at=at,
        currency="EUR",
        items=[MaskedItem(sku="red", quantity=1, unit_price=price, category="toys")],
    )
    return msgspec.structs.replace(plain, **fields)


def in_time(orders: list[MaskedOrder]) -> list[MaskedOrder]:
    """The orders as training sees them."""
    return sorted(orders, key=lambda one: one.created_at)


@pytest.fixture(scope="module")
def usual_orders() -> list[MaskedOrder]:
    """Forty customers who order every other day, mostly at noon."""
    return [
        order(START + timedelta(hours=48 * round_ + number % 3), f"customer {number}", 20.0 + number % 7)
        for round_ in range(10)
        for number in range(40)
    ]


@pytest.fixture(scope="module")
def catalogue(usual_orders: list[MaskedOrder]) -> Catalogue:
    return learn_catalogue(columns_of(usual_orders))


def value(vector: np.ndarray, name: str) -> float:
    return float(vector[FEATURE_NAMES.index(name)])


def named_by(one: MaskedOrder) -> tuple[str | None, ...]:
    """The customer and the entities of an order."""
    return one.customer_token, *entity_tokens(one)


def started_anew_since(one: MaskedOrder, stream: list[MaskedOrder]) -> bool:
    """Whether what a late order should see of its customer, or of an entity that it names, is forgotten by now: there
    was a silence since, long enough to start over.
    """
    for place, name in enumerate(named_by(one)):
        silence = timedelta(days=SILENT_DAYS if place else CUSTOMER_SILENT_DAYS)
        theirs = [other.created_at for other in stream if other is not one and named_by(other)[place] == name]
        before = [moment for moment in theirs if moment <= one.created_at]
        since = [*before[-1:], *theirs[len(before) :]] if name and before else []
        if any(then - last > silence for last, then in pairwise(since)):
            return True
    return False


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(orders, min_size=1, max_size=25), st.lists(orders, min_size=1, max_size=10), st.data())
def test_serving_and_training_give_the_same_vector_bit_for_bit(
    stream: list[MaskedOrder], slice_: list[MaskedOrder], data: st.DataObject
) -> None:
    """In time order, and for one that comes late: it sees what was placed before it."""
    stream = in_time(stream)
    catalogue = learn_catalogue(columns_of(slice_))
    late = data.draw(st.integers(0, len(stream) - 1))
    without_it, taken = Pasts.empty(), Pasts.empty()
    served, together = [], []
    for place, one in enumerate(stream):
        past = taken.of(one)
        seen = as_of(past, one.created_at.timestamp())
        served.append(order_features(one, seen, catalogue))
        together.append((one, seen))
        taken.keep(one, after(past, one))
        if place != late:
            without_it.keep(one, after(without_it.of(one), one))
    learnt = Pasts.empty()
    trained = compute_features(stream, catalogue, learnt)
    assert np.array(served).tobytes() == trained.tobytes()
    assert features_of(together, catalogue).tobytes() == trained.tobytes()
    assert learnt == taken
    assert np.isfinite(trained).all()
    one = stream[late]
    if sum(other.created_at == one.created_at for other in stream) == 1 and not started_anew_since(one, stream):
        seen = as_of(without_it.of(one), one.created_at.timestamp())
        assert order_features(one, seen, catalogue).tobytes() == trained[late].tobytes()


@pytest.mark.no_cover
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(orders, min_size=2, max_size=90), st.data())
def test_histories_carry_over_between_batches(stream: list[MaskedOrder], data: st.DataObject) -> None:
    stream = in_time(stream)
    cut = data.draw(st.integers(0, len(stream)))
    catalogue = learn_catalogue(columns_of(stream[:5]))
    whole, parts = Pasts.empty(), Pasts.empty()
    at_once = compute_features(stream, catalogue, whole)
    in_two = [compute_features(part, catalogue, parts) for part in (stream[:cut], stream[cut:])]
    assert np.concatenate(in_two).tobytes() == at_once.tobytes()
    assert parts == whole


@pytest.mark.no_cover
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(orders, min_size=3, max_size=25), st.lists(orders, max_size=10), st.data())
def test_a_training_vector_is_servings_with_the_catalogue_of_its_time_and_knows_no_later_order(
    stream: list[MaskedOrder], others: list[MaskedOrder], data: st.DataObject
) -> None:
    stream = in_time(stream)
    starts = np.array(sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), min_size=1, max_size=4))))
    catalogues = Catalogues(columns_of(stream), starts)
    trained = features_of_columns(columns_of(stream), catalogues.looked_up(), 1)
    pasts = Pasts.empty()
    for row, one in enumerate(stream):
        past = pasts.of(one)
        seen = as_of(past, one.created_at.timestamp())
        assert order_features(one, seen, catalogues.of_row(row)).tobytes() == trained[row].tobytes()
        pasts.keep(one, after(past, one))
    cut = data.draw(st.integers(int(starts[0]), len(stream)))
    end = stream[-1].created_at if cut == len(stream) else stream[cut].created_at
    tampered = stream[:cut] + in_time([one for one in others if one.created_at >= end])
    without = Catalogues(columns_of(tampered), starts[starts < len(tampered)])
    kept = features_of_columns(columns_of(tampered), without.looked_up(), 1)[:cut]
    assert kept.tobytes() == trained[:cut].tobytes()
    assert all(without.of_row(row) == catalogues.of_row(row) for row in range(min(cut, len(tampered))))


def test_later_orders_change_no_earlier_vector(usual_orders: list[MaskedOrder], catalogue: Catalogue) -> None:
    before = compute_features(usual_orders[:200], catalogue, Pasts.empty())
    tampered = usual_orders[:200] + [msgspec.structs.replace(one, currency="XAF") for one in usual_orders[200:]]
    assert compute_features(tampered, catalogue, Pasts.empty())[:200].tobytes() == before.tobytes()


def test_an_order_is_not_part_of_its_own_history(catalogue: Catalogue) -> None:
    first = compute_features([order()], catalogue, Pasts.empty())[0]
    assert value(first, "orders_before") == value(first, "orders_1h") == value(first, "orders_7d") == 0


def test_without_learning_nothing_more_is_known(catalogue: Catalogue) -> None:
    pasts = Pasts.empty()
    compute_features([order()], catalogue, pasts, learn=False)
    assert pasts == Pasts.empty()


def test_trailing_windows_count_what_was_inside_them(catalogue: Catalogue) -> None:
    ages = [timedelta(minutes=30), timedelta(hours=5), timedelta(days=3), timedelta(days=20), timedelta(days=200)]
    stream = [order(START - age) for age in reversed(ages)] + [order()]
    last = compute_features(stream, catalogue, Pasts.empty())[-1]
    counts = [round(math.expm1(value(last, f"orders_{window}"))) for window in ("1h", "24h", "7d")]
    assert counts == [1, 2, 3]
    assert round(math.expm1(value(last, "orders_before"))) == 5
    assert math.exp(value(last, "hours_since_last")) == pytest.approx(1.5)
    first = order_features(order(), NO_PAST, catalogue)
    assert math.exp(value(first, "hours_since_last")) == pytest.approx(catalogue.gap_hours + 1)


def test_a_window_counts_no_more_than_is_remembered(catalogue: Catalogue) -> None:
    stream = [order(START + timedelta(seconds=second)) for second in range(REMEMBERED + 20)]
    last = compute_features(stream, catalogue, Pasts.empty())[-1]
    assert round(math.expm1(value(last, "orders_1h"))) == REMEMBERED
    assert round(math.expm1(value(last, "orders_before"))) == REMEMBERED + 19


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("order_value", {"items": [MaskedItem(sku="red", quantity=9, unit_price=20.0, category="toys")]}),
        ("largest_quantity", {"items": [MaskedItem(sku="red", quantity=50, unit_price=20.0, category="toys")]}),
        ("price_above_range", {"items": [MaskedItem(sku="red", quantity=1, unit_price=2000.0, category="toys")]}),
        ("new_price_above", {"items": [MaskedItem(sku="new", quantity=1, unit_price=2000.0, category="toys")]}),
        ("unknown_sku_share", {"items": [MaskedItem(sku="new", quantity=1, unit_price=20.0, category="toys")]}),
        ("discount_share", {"discount": 19.0}),
        ("has_coupon", {"has_coupon": True}),
        ("shipping_share", {"shipping_cost": 9.0}),
        ("hour_rarity", {"created_at": START + timedelta(hours=17)}),
        ("account_age", {"customer_since": START - timedelta(days=3000)}),
        ("category_rarity", {"items": [MaskedItem(sku="red", quantity=1, unit_price=20.0, category="weapons")]}),
        ("channel_rarity", {"channel": "phone"}),
        ("destination_rarity", {"shipping": MaskedAddress(country="FR")}),
        ("payment_rarity", {"payment_method": "shells"}),
        (
            "country_mismatch",
            {"billing": MaskedAddress(country="DE", token="a"), "shipping": MaskedAddress(country="FR", token="b")},
        ),
        (
            "addressee_mismatch",
            {"billing": MaskedAddress(name_token="a"), "shipping": MaskedAddress(name_token="b")},
        ),
        ("card_country_mismatch", {"billing": MaskedAddress(country="DE"), "card_country": "US"}),
    ],
)
def test_what_is_odd_raises_its_feature(name: str, change: dict[str, Any], catalogue: Catalogue) -> None:
    plain = order_features(order(), NO_PAST, catalogue)
    assert value(order_features(order(**change), NO_PAST, catalogue), name) > value(plain, name)


def test_new_address_device_and_payment_are_seen_only_where_old_ones_are_known(catalogue: Catalogue) -> None:
    here: dict[str, Any] = {"shipping": MaskedAddress(token="home"), "device_token": "phone", "payment_method": "card"}
    there: dict[str, Any] = {
        "shipping": MaskedAddress(token="away"),
        "device_token": "laptop",
        "payment_method": "invoice",
    }
    names = ("new_address", "new_device", "new_payment")

    def novelty(first: dict[str, Any], then: dict[str, Any]) -> list[float]:
        vector = order_features(order(**then), after(NO_PAST, order(**first)), catalogue)
        return [value(vector, name) for name in names]

    assert novelty(here, there) == [1, 1, 1]
    assert novelty(here, here) == [0, 0, 0]
    assert novelty({}, there) == [0, 0, 0]
    assert novelty(here, {}) == [0, 0, 0]


def test_amounts_in_an_unseen_currency_count_as_they_stand(catalogue: Catalogue) -> None:
    plain, dear = order_features(order(), NO_PAST, catalogue), order_features(order(price=2e6), NO_PAST, catalogue)
    vector = order_features(order(currency="JPY", price=2e6), NO_PAST, catalogue)
    assert value(vector, "currency_rarity") > value(plain, "currency_rarity")
    for name in ("order_value", "price_above_range", "own_value_deviation"):
        assert value(vector, name) == value(dear, name) >= value(plain, name)


def test_hours_follow_the_orders_own_offset(catalogue: Catalogue) -> None:
    berlin = START.astimezone(timezone(timedelta(hours=2)))
    here, there = order_features(order(), NO_PAST, catalogue), order_features(order(berlin), NO_PAST, catalogue)
    assert value(here, "hour_cosine") != value(there, "hour_cosine")
    assert value(here, "order_value") == value(there, "order_value")


def test_where_only_the_day_is_known_the_hours_features_say_nothing(catalogue: Catalogue) -> None:
    """At whatever hour the day is said to begin, and whatever is known of the customer's hours."""
    noon, night = START + timedelta(days=30, hours=12), START + timedelta(days=30, hours=3)
    past = NO_PAST
    for minutes in range(5):
        past = after(past, order(noon - timedelta(minutes=5 - minutes)))
    names = ("hour_sine", "hour_cosine", "hour_rarity", "own_hour_distance", "orders_1h")
    for at in (noon, night + timedelta(days=1)):
        vector = order_features(order(at, hour_known=False), past, catalogue)
        assert [value(vector, name) for name in names] == [0.0] * 5
    known = order_features(order(noon + timedelta(minutes=5)), past, catalogue)
    assert value(known, "orders_1h") > 0 and value(known, "hour_cosine") != 0
    days = NO_PAST
    for day in range(5):
        days = after(days, order(START + timedelta(days=day), hour_known=False))
    assert value(order_features(order(night), days, catalogue), "own_hour_distance") == 0.0
    assert value(order_features(order(noon), days, catalogue), "orders_before") > 0


def test_a_catalogue_learns_no_hour_from_days_without_one(usual_orders: list[MaskedOrder]) -> None:
    days = [order(START + timedelta(days=number), hour_known=False) for number in range(200)]
    with_days, without = (learn_catalogue(columns_of(some)) for some in (usual_orders + days, usual_orders))
    assert with_days.hour_rarity == without.hour_rarity


def test_what_depends_on_hour_or_weekday_alone_follows_the_calendar(catalogue: Catalogue) -> None:
    later = timedelta(days=1, hours=9)
    past, moved = (after(NO_PAST, order(START - timedelta(days=9) + moment)) for moment in (timedelta(0), later))
    assert past.customer and moved.customer
    moved = moved._replace(customer=msgspec.structs.replace(moved.customer, minutes=past.customer.minutes))
    before, now = order_features(order(), past, catalogue), order_features(order(START + later), moved, catalogue)
    changed = {name for name, one, other in zip(FEATURE_NAMES, before, now, strict=True) if one != other}
    assert changed == set(PERIODS)


def test_an_order_with_only_what_is_required_has_features(catalogue: Catalogue) -> None:
    line = {
        "order_id": "1",
        "created_at": "2026-03-02T10:00:00Z",
        "customer": {"id": "7"},
        "currency": "EUR",
        "items": [{"sku": "a", "quantity": 1, "unit_price": 3}],
    }
    masked = mask_order(decode_order(json.dumps(line)), Keyring.from_text(new_key_text()))
    assert np.isfinite(order_features(masked, NO_PAST, catalogue)).all()


def test_features_do_not_depend_on_the_masking_key(catalogue: Catalogue) -> None:
    raw = {
        "order_id": "1",
        "created_at": "2026-03-02T10:00:00Z",
        "customer": {"id": "7", "name": "Anna Beispiel", "email": "anna@example.com"},
        "currency": "EUR",
        "items": [{"sku": "red", "quantity": 1, "unit_price": 3}],
        "billing_address": {"name": "Anna Beispiel", "street": "Weg 1", "country": "DE"},
        "shipping_address": {"name": "Bert Beispiel", "street": "Weg 2", "country": "DE"},
        "device": {"id": "d1"},
    }
    order_ = decode_order(json.dumps(raw))
    vectors = set()
    for _ in range(3):
        masked = mask_order(order_, Keyring.from_text(new_key_text()))
        vectors.add(order_features(masked, after(NO_PAST, masked), catalogue).tobytes())
    assert len(vectors) == 1


def test_masking_without_texts_leaves_out_nothing_that_a_feature_uses(catalogue: Catalogue) -> None:
    raw = {
        "order_id": "1",
        "created_at": "2026-03-02T10:00:00Z",
        "customer": {
            "id": "7",
            "name": "Anna Beispiel",
            "email": "anna@example.com",
            "birth_date": "1983-05-06",
            "registered_at": "2024-01-01T00:00:00Z",
        },
        "currency": "EUR",
        "items": [{"sku": "red", "quantity": 2, "unit_price": 3, "discount": 1, "category": "toys"}],
        "discount": 1,
        "coupon": "X",
        "channel": "web",
        "shipping": {"method": "express", "cost": 4},
        "payment": {"method": "card", "card_country": "US"},
        "billing_address": {"name": "Anna Beispiel", "street": "Weg 1", "country": "DE", "postcode": "10115"},
        "shipping_address": {"name": "Bert Beispiel", "street": "Weg 2", "country": "FR"},
        "device": {"id": "d1", "ip": "203.0.113.9"},
        "note": "call me",
        "gift_message": "with love",
    }
    keyring = Keyring.from_text(new_key_text())
    order_ = decode_order(json.dumps(raw))
    whole, spare = mask_order(order_, keyring), mask_order(order_, keyring, free_text=False)
    earlier = after(NO_PAST, order(START - timedelta(days=1), payment_method="invoice", device_token="old"))
    assert order_features(whole, earlier, catalogue).tobytes() == order_features(spare, earlier, catalogue).tobytes()
    assert after(NO_PAST, whole) == after(NO_PAST, spare)


def test_names_are_distinct_and_every_feature_is_explained() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURES) and 25 <= len(FEATURES) <= 60
    assert all(feature.meaning.endswith(".") and feature.unit for feature in FEATURES)


def test_another_feature_set_has_another_version(usual_orders: list[MaskedOrder], catalogue: Catalogue) -> None:
    """Whoever changes a feature records the new vectors as a new version: the failure prints the line."""
    odd = [
        order(START + timedelta(days=30, hours=3), "customer 1", 7.5, has_coupon=True, discount=2.0, channel="app"),
        order(
            START + timedelta(days=30, hours=3, minutes=5), "customer 1", 750.0, shipping_cost=4.9, card_country="US"
        ),
    ]
    guests = [
        order(
            START + timedelta(days=30, hours=4, minutes=number * 7),
            f"guest {number % 9}",
            shipping=MaskedAddress(token="home"),
            device_token="phone",
            network_token="net",
            email_token=f"mail {number % 2}",
            card_token=f"card {number % 11}",
        )
        for number in range(30)
    ]
    vectors = compute_features(usual_orders + odd + guests, catalogue, Pasts.empty())[-90:]
    fingerprint = hashlib.sha256(
        json.dumps([FEATURE_NAMES, np.round(vectors.astype(float), 4).tolist()]).encode()
    ).hexdigest()
    line = f'"{int(FEATURE_SET_VERSION) + 1}": "{fingerprint}",'
    add = f"vectors have changed: add this line at the end of FINGERPRINTS in orderguard/features/versions.py: {line}"
    assert FINGERPRINTS[FEATURE_SET_VERSION] == fingerprint, add
    assert list(FINGERPRINTS) == [str(number) for number in range(1, len(FINGERPRINTS) + 1)]


def test_serving_needs_neither_pandas_nor_scikit_learn() -> None:
    code = (
        "import sys, orderguard.features, orderguard.history;"
        "print({'pandas', 'sklearn', 'ml'} & {name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
