"""Reasons in words: a sentence for every feature on either side, each fact once, nothing personal, for any order."""

import re
from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.catalogue_learning import learn_catalogue
from orderguard.catalogue import Catalogue
from orderguard.drift import SCORE, Bins, DriftReference, DriftSettings
from orderguard.features import FEATURE_NAMES
from orderguard.features.columns import columns_of
from orderguard.features.labels import label
from orderguard.features.scalar import order_features
from orderguard.history import NO_PAST, Past, after, as_of
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.presence import FIELDS, HOUR
from orderguard.reasons import ReasonInWords, in_words, lines_beside_usual, place_in_words
from orderguard.reasons.telling import TELLERS, TOGETHER
from orderguard.reasons.words import amount, code, compared, few, pace, percent, span
from orderguard.reference_orders import MOST_SCORES, ReferenceOrders
from orderguard.schema import MaskedAddress, MaskedItem, MaskedOrder, decode_order
from tests.compliance.canaries import canary_order, leaks
from tests.unit.orderguard.test_features import orders

START = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
HOME = MaskedAddress(token="home", name_token="anna", region="DE 10", country="DE")
FAR = MaskedAddress(token="far", name_token="nobody", region=None, country="NG")
Told = list[ReasonInWords]


def line(sku: str = "MUG-01", quantity: int = 1, price: float = 9.5, category: str = "kitchen") -> MaskedItem:
    return MaskedItem(sku=sku, quantity=quantity, unit_price=price, category=category)


def order(at: datetime = START, customer: str = "anna", *items: MaskedItem, **fields: Any) -> MaskedOrder:
    """An order as this shop's are, with other fields where given."""
    plain = MaskedOrder(
        order_token=f"{customer} {at.isoformat()}",
        customer_token=customer,
        created_at=at,
        currency="EUR",
        items=list(items) or [line(), line("CUP-02", 2, 5.0)],
        shipping_cost=4.9,
        payment_method="card",
        card_country="DE",
        channel="web",
        billing=HOME,
        shipping=HOME,
        customer_since=at - timedelta(days=400),
        device_token="phone",
    )
    return msgspec.structs.replace(plain, **fields)


USUAL_ORDERS = [
    order(START + timedelta(days=round_, minutes=7 * number), f"customer {number}")
    for round_ in range(20)
    for number in range(20)
]
NOW = START + timedelta(days=60)
PLAIN = order(NOW)
HIGH = order(
    NOW.replace(hour=3, minute=41),
    "anna",
    line(quantity=400, price=950.0),
    *(line(f"NEW-{number}", 1, 3.0, "toys") for number in range(30)),
    currency="JPY",
    discount=100_000.0,
    has_coupon=True,
    shipping_cost=900.0,
    payment_method="voucher",
    card_country="BR",
    channel="phone",
    shipping=FAR,
    customer_since=NOW - timedelta(hours=20),
    device_token="other",
)
LOW = order(NOW, "anna", line(price=0.02), shipping_cost=None, billing=None, shipping=None, device_token=None)


def past_of(*ago: timedelta) -> Past:
    """What is known of a customer who placed plain orders so long before `NOW`."""
    past = NO_PAST
    for one in sorted(ago, reverse=True):
        past = after(past, order(NOW - one))
    return past


OFTEN = past_of(*(timedelta(days=30 * month) for month in range(1, 6)), *(timedelta(hours=h) for h in range(8, 12)))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return learn_catalogue(columns_of(USUAL_ORDERS))


@pytest.fixture(scope="module")
def reference(catalogue: Catalogue) -> ReferenceOrders:
    rows = np.array([order_features(one, NO_PAST, catalogue) for one in USUAL_ORDERS[:50]])
    return ReferenceOrders.of(rows, np.linspace(0.0, 0.5, len(rows)), FEATURE_NAMES)


def told(
    features: str,
    one: MaskedOrder,
    past: Past,
    catalogue: Catalogue,
    reference: ReferenceOrders | None = None,
) -> Told:
    """What is told where these features alone add to the score, each less than the one before."""
    parts = [0.0] * len(FEATURE_NAMES)
    for place, name in enumerate(features.split()):
        parts[FEATURE_NAMES.index(name)] = 0.5 - 0.01 * place
    vector = order_features(one, past, catalogue).tolist()
    return in_words(one, past, catalogue, reference, vector, parts)


def test_sentences_are_of_features_that_there_are() -> None:
    assert set(TELLERS) <= set(FEATURE_NAMES)


def test_every_feature_and_all_that_drift_looks_at_has_a_label_of_its_own() -> None:
    names = [*FEATURE_NAMES, *FIELDS, HOUR, SCORE]
    labels = [label(name) for name in names]
    assert len(set(labels)) == len(names)
    assert not any(re.search(r"[_.\[\]]|sine", text) for text in labels)


UNREADABLE = re.compile(r"_|\bln\b|\bsine\b|spreads?\b|baskets\b|powers? of|asinh|nan|inf\b|e[+-]\d")


@pytest.mark.parametrize("own", [True, False], ids=["own sentence", "label and value"])
@pytest.mark.parametrize("name", FEATURE_NAMES)
def test_a_feature_is_told_on_either_side_as_a_sentence(
    name: str, own: bool, catalogue: Catalogue, reference: ReferenceOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not own:
        monkeypatch.delitem(TELLERS, name, raising=False)
    for one, past, usual in product((PLAIN, HIGH, LOW), (NO_PAST, OFTEN), (reference, None)):
        (reason,) = told(name, one, past, catalogue, usual)
        assert reason.features == [name] and reason.contribution == 0.5
        assert re.match(r"[A-Z0-9].*[^.]\.$", reason.text), reason.text
        assert not UNREADABLE.search(reason.text), reason.text
        assert reason.by_itself != reason.text.endswith(f": {TOGETHER}."), reason.text


SENTENCES = [
    ("price_above_range", order(NOW, "anna", line(price=950.0)), "MUG-01 costs 950.00 EUR, 100 times its usual 9.50."),
    ("price_below_range", order(NOW, "anna", line(price=0.1)), "MUG-01 costs 0.10 EUR, 1.1 % of its usual 9.50."),
    ("order_value", order(NOW, "anna", line(price=950.0)), "The order is worth 950.00 EUR, 49 times the usual 19.50."),
    ("largest_quantity", order(NOW, "anna", line(quantity=400)), "400 of MUG-01, 400 times the usual 1."),
    ("orders_24h", PLAIN, "5 orders in 24 hours; this customer usually places 1 a month."),
    (
        "hours_since_last",
        PLAIN,
        "Placed 8 hours after the customer’s last order; 24 hours between two orders are usual here.",
    ),
    (
        "hours_since_last",
        order(NOW, hour_known=False),
        "Placed on the day of the customer’s last order; 24 hours between two orders are usual here.",
    ),
    ("account_age", HIGH, "The account is 12 hours old; 13 months are usual here."),
    ("country_mismatch", HIGH, "Billed in DE and sent to NG, to another name and address."),
    ("card_country_mismatch", HIGH, "The card was issued in BR, the billing address is in DE."),
    ("destination_rarity", HIGH, "Goes to NG, where no order went before."),
    ("channel_rarity", PLAIN, f"Came by the channel web, which is not rare: {TOGETHER}."),
    ("new_payment", HIGH, "Paid by voucher issued in BR, which this customer never used before."),
    ("lines", HIGH, f"The basket has 31 lines; 2 are usual: {TOGETHER}."),
    ("discount_share", HIGH, "A discount of 100,000 JPY takes 26 % off the basket, with a coupon."),
    ("unknown_sku_share", HIGH, "30 of 31 lines have articles never sold before: NEW-0, NEW-1, NEW-2, …."),
    ("hour_rarity", HIGH, "Placed at 03:41 on a Friday; only 1 in 1,000 orders comes in an hour as quiet as that."),
    (
        "own_hour_distance",
        HIGH,
        "Placed at 03:41 on a Friday; by the clock, this customer’s nearest earlier order came at 04:00.",
    ),
    ("weekday_sine", PLAIN, f"Placed at 12:00 on a Friday; many orders come in that hour: {TOGETHER}."),
]


def guests(count: int, minutes: float, **shared: Any) -> tuple[MaskedOrder, Past]:
    """The last of so many guests who share something, and what is known before it."""
    past, stream = NO_PAST, []
    for number in range(count):
        moment = NOW - timedelta(minutes=minutes * (count - 1 - number) / (count - 1))
        own: dict[str, Any] = {"device_token": None, "shipping": None, "billing": None, "card_token": f"card {number}"}
        stream.append(order(moment, f"guest {number}", **(own | shared)))
    for one in stream[:-1]:
        past = after(past, one)
    if "customer_token" not in shared:
        past = past._replace(customer=None)
    return stream[-1], as_of(past, NOW.timestamp())


@pytest.mark.parametrize(
    ("feature", "count", "minutes", "shared", "sentence"),
    [
        (
            "device_others",
            42,
            50,
            {"device_token": "secret"},
            "41 other customers ordered from this device within the last hour; first seen 50 minutes ago.",
        ),
        (
            "network_others",
            80,
            20 * 60,
            {"network_token": "secret"},
            "At least 64 other customers ordered from this network within 24 hours; first seen 20 hours ago.",
        ),
        (
            "address_others",
            40,
            6 * 1440,
            {"shipping": MaskedAddress(token="secret")},
            "39 other customers had orders sent to this address within 7 days; first seen 6 days ago.",
        ),
        (
            "email_others",
            9,
            30,
            {"email_token": "secret", "customer_token": "anna"},
            "8 other cards were used for orders with this e-mail address within the last hour; "
            "first seen 30 minutes ago.",
        ),
        (
            "payment_others",
            8,
            30,
            {"card_token": "secret"},
            "7 other customers paid with this card or account within the last hour; first seen 30 minutes ago.",
        ),
        ("own_cards", 6, 30, {"customer_token": "anna"}, "This customer paid with 5 other cards within the last hour."),
    ],
)
def test_who_else_is_behind_it_is_told_of_the_entity_that_they_share(
    feature: str, count: int, minutes: float, shared: dict[str, Any], sentence: str, catalogue: Catalogue
) -> None:
    one, past = guests(count, minutes, **shared)
    (reason,) = told(feature, one, past, catalogue)
    assert reason.text == sentence and reason.by_itself


@pytest.mark.parametrize(("name", "one", "sentence"), SENTENCES, ids=[name for name, _, _ in SENTENCES])
def test_the_value_stands_beside_what_is_usual_in_the_shop_s_own_units(
    name: str, one: MaskedOrder, sentence: str, catalogue: Catalogue, reference: ReferenceOrders
) -> None:
    (reason,) = told(name, one, OFTEN, catalogue, reference)
    assert reason.text == sentence


@pytest.mark.parametrize(
    ("features", "one", "facts"),
    [
        (
            "price_above_range price_below_range new_price_above",
            SENTENCES[0][1],
            ["price"],
        ),
        ("orders_1h orders_24h orders_7d hours_since_last", PLAIN, ["pace"]),
        ("hour_sine hour_cosine weekday_sine hour_rarity own_hour_distance", HIGH, ["time"]),
        ("order_value own_value_deviation", PLAIN, ["amount"]),
        ("country_mismatch addressee_mismatch address_mismatch", HIGH, ["delivery"]),
        ("discount_share has_coupon", HIGH, ["discount"]),
        (
            "price_above_range price_below_range",
            order(NOW, "a", line(price=95.0), line("CUP-02", 1, 0.5)),
            ["price"] * 2,
        ),
    ],
)
def test_a_fact_is_told_once(
    features: str, one: MaskedOrder, facts: list[str], catalogue: Catalogue, reference: ReferenceOrders
) -> None:
    reasons = told(features, one, OFTEN, catalogue, reference)
    assert [reason.fact for reason in reasons] == facts
    assert len({reason.text for reason in reasons}) == len(facts)
    assert sorted(name for reason in reasons for name in reason.features) == sorted(features.split())


def test_what_is_odd_by_itself_tells_a_fact_before_what_is_odd_in_company_alone(
    catalogue: Catalogue, reference: ReferenceOrders
) -> None:
    (reason,) = told("hour_sine hour_rarity", HIGH, NO_PAST, catalogue, reference)
    assert reason.features == ["hour_rarity", "hour_sine"] and reason.by_itself


def test_what_adds_next_to_nothing_is_not_told(catalogue: Catalogue) -> None:
    parts = [0.001] * len(FEATURE_NAMES)
    parts[FEATURE_NAMES.index("order_value")] = 0.9
    vector = order_features(HIGH, NO_PAST, catalogue).tolist()
    assert [reason.fact for reason in in_words(HIGH, NO_PAST, catalogue, None, vector, parts)] == ["amount"]


@settings(max_examples=30)
@given(st.lists(orders, min_size=1, max_size=5), st.booleans(), st.integers(0, 2**32))
def test_any_order_can_be_told(stream: list[MaskedOrder], known: bool, seed: int) -> None:
    catalogue = learn_catalogue(columns_of(stream[:2]))
    past = NO_PAST
    for one in stream[:-1] if known else ():
        past = after(past, one)
    past = as_of(past, stream[-1].created_at.timestamp())
    vector = order_features(stream[-1], past, catalogue)
    parts = np.random.default_rng(seed).uniform(-0.1, 0.5, len(vector)).tolist()
    usual = ReferenceOrders.of(vector[None], np.array([0.5]), FEATURE_NAMES) if seed % 2 else None
    reasons = in_words(stream[-1], past, catalogue, usual, vector.tolist(), parts, most=len(vector))
    assert reasons and not any(UNREADABLE.search(reason.text) for reason in reasons)
    assert len({reason.text for reason in reasons}) == len(reasons)
    assert sum(len(reason.features) for reason in reasons) <= len(FEATURE_NAMES)
    assert len(lines_beside_usual(stream[-1], catalogue)) == len(stream[-1].items)


@pytest.mark.parametrize("past", [NO_PAST, OFTEN])
def test_nothing_personal_is_told(past: Past, catalogue: Catalogue) -> None:
    raw = msgspec.json.encode(canary_order())
    masked = mask_order(decode_order(raw), Keyring.from_text(new_key_text()))
    vector = order_features(masked, past, catalogue).tolist()
    parts = [1.0] * len(vector)
    reasons = in_words(masked, past, catalogue, None, vector, parts, most=len(vector))
    assert len(reasons) > 15
    shown = msgspec.json.encode([reasons, lines_beside_usual(masked, catalogue)])
    assert leaks("reasons", shown) == []
    tokens = (masked.order_token, masked.customer_token, masked.device_token or "", masked.email_token or "")
    assert not any(token in shown.decode() for token in tokens if token)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "above all orders that it is compared with"),
        (0.002, "at the top 0.2 % of orders"),
        (0.0004, "at the top 0.04 % of orders"),
        (0.0131, "at the top 1.3 % of orders"),
        (0.123, "at the top 12 % of orders"),
        (0.63, "in the lower half: 63 % of orders score as high or higher"),
    ],
)
def test_a_place_is_told_exactly(share: float, words: str) -> None:
    assert place_in_words(share) == words


def test_a_place_among_many_orders_is_exact_to_a_hundredth_of_a_percent(tmp_path: Any) -> None:
    scores = np.random.default_rng(1).uniform(0.0, 0.9, 35_000)
    rows = np.zeros((len(scores), len(FEATURE_NAMES)), np.float32)
    written = ReferenceOrders.of(rows, scores, FEATURE_NAMES)
    written.write(tmp_path)
    kept = ReferenceOrders.read(tmp_path)
    assert kept == written and len(kept.scores) == MOST_SCORES and kept.orders == len(scores)
    for score in (0.0, 0.3, 0.8999, 0.95):
        assert kept.share_from(score) == pytest.approx((scores >= score).mean(), abs=1e-4)
    few = ReferenceOrders.of(rows[:7], scores[:7], FEATURE_NAMES)
    assert [few.share_from(score) for score in np.sort(scores[:7])] == [pytest.approx(n / 7) for n in range(7, 0, -1)]
    assert ReferenceOrders.read(tmp_path / "of a former version") is None


def test_a_former_version_tells_the_place_by_its_bins() -> None:
    bins = Bins(name=SCORE, edges=[0.2, 0.4, 0.6], counts=[10, 10, 10, 10, 0])
    reference = DriftReference(bins=[bins], settings=DriftSettings())
    assert [reference.share_from(score) for score in (0.1, 0.3, 0.9)] == [1.0, 0.75, 0.25]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.049, "only 5 in 100 orders do"),
        (0.0099, "only 1 in 100 orders does"),
        (0.01, "only 1 in 100 orders does"),
        (0.007, "only 7 in 1,000 orders do"),
        (0.00072, "only 7 in 10,000 orders do"),
        (1e-6, "only 1 in 1,000,000 orders does"),
        (0.0, "only 1 in 1,000,000,000 orders does"),
    ],
)
def test_how_few_is_told_by_a_count_that_a_person_can_picture(share: float, words: str) -> None:
    assert few(share, "orders", "do", "does") == words


def test_figures_read_as_a_person_writes_them() -> None:
    assert [amount(1234.5, "EUR"), amount(1234.5, "JPY"), amount(0.5, "KWD")] == ["1,234.50", "1,234", "0.500"]
    assert [amount(0.0039, "EUR"), amount(0.0, "EUR"), amount(1e-9, "EUR")] == ["0.0039", "0.00", "next to nothing"]
    assert [percent(1.0), percent(0.127), percent(0.0131), percent(0.00072)] == ["100 %", "13 %", "1.3 %", "0.07 %"]
    assert [compared(r, "x") for r in (100.0, 2.5, 1.2, 1.0, 0.8, 0.011)] == [
        *("100 times x", "2.5 times x", "20 % above x", "about x", "20 % below x", "1.1 % of x"),
    ]
    assert [span(h) for h in (0.0, 1 / 60, 0.5, 5.0, 240.0, 9_000.0, 90_000.0)] == [
        *("less than a minute", "1 minute", "30 minutes", "5 hours", "10 days", "12 months", "10 years"),
    ]
    assert [pace(2, 24.0), pace(5, 168.0), pace(1, 730.5), pace(1, 9e4)] == [
        *("2 a day", "5 a week", "1 a month", "fewer than 1 a year"),
    ]
    assert code("A" * 50) == f"{'A' * 40}…" and code("a\x1b[31m\u202eb") == "a[31mb" and code("\n") == "(blank)"
