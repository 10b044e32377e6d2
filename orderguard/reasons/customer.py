"""What the features of the customer's own past and of the time tell: pace, spend, account, novelty, hour."""

from orderguard.catalogue import COMMON_HOUR
from orderguard.history import NO_MINUTE, REMEMBERED, address_digest, device_of, minute_of
from orderguard.reasons import words
from orderguard.reasons.fact import Fact, Teller
from orderguard.reasons.known import Known
from orderguard.reasons.words import DAY, HOUR, WEEK, pace, span

_NO_PAST = Fact("customer", "No earlier order of this customer is known")


def _window(hours: float, name: str) -> Teller:
    """Tell how many orders came in a window, beside the customer's pace before it."""

    def tell(known: Known) -> Fact:
        if known.history is None:
            return _NO_PAST
        if hours == HOUR and not known.order.hour_known:
            return Fact("pace", "The day of the order is given, and not its hour")
        count = sum(known.at - at <= hours * 3600.0 for at in known.history.at)
        many = "more than " if count == REMEMBERED else ""
        orders = "1 order" if count == 0 else f"{many}{count + (count < REMEMBERED)} orders"
        return Fact("pace", f"{orders} in {name}; {_usual_pace(known, hours)}")

    return tell


def _usual_pace(known: Known, hours: float) -> str:
    """How often the customer came before a window of the last hours; else how often customers come."""
    assert known.history
    start = known.at - hours * 3600.0
    before = [at for at in known.history.at if at < start]
    lasted = (start - min(before)) / 3600.0 if before else 0.0
    if len(before) > 1:
        return f"this customer usually places {pace(len(before), max(lasted, DAY))}"
    if before:
        return f"the order before came {span(lasted)} earlier"
    return f"{_usual_gap(known)} usual here"


def _usual_gap(known: Known) -> str:
    return words.are(f"{span(known.catalogue.gap_hours)} between two orders")


def hours_since_last(known: Known) -> Fact:
    """How long after the customer's last order."""
    if known.history is None:
        return _NO_PAST
    hours = max(0.0, known.at - known.history.at[-1]) / 3600.0
    same_day = not known.order.hour_known and hours < DAY / 2  # of days alone nobody knows which order came first
    ago = "on the day of" if same_day else f"{span(hours)} after"
    return Fact("pace", f"Placed {ago} the customer’s last order; {_usual_gap(known)} usual here")


def orders_before(known: Known) -> Fact:
    """How many earlier orders are known."""
    if known.history is None:
        return _NO_PAST
    count = known.history.count
    return Fact(
        "customer",
        f"{count:,} earlier {'order of this customer is' if count == 1 else 'orders of this customer are'} known",
    )


def account_age(known: Known) -> Fact:
    """How old the account is."""
    since = known.order.customer_since
    if since is None:
        return Fact("account", "When the account was opened is not given")
    hours = max(0.0, known.at - since.timestamp()) / 3600.0
    return Fact(
        "account",
        f"The account is {span(hours)} old; {words.are(span(known.catalogue.account_age_days * DAY))} usual here",
    )


def new_address(known: Known) -> Fact:
    """Whether the customer had goods sent there before."""
    if not address_digest(known.order):
        return Fact("address", "No address is given")
    return _novelty(known, "new_address", "Goes to an address that this customer", "used before")


def new_device(known: Known) -> Fact:
    """Whether the customer ordered from that device before."""
    if not device_of(known.order):
        return Fact("device", "No device is given")
    return _novelty(known, "new_device", "Comes from a device that this customer", "used before")


def new_payment(known: Known) -> Fact:
    """Whether the customer paid that way before."""
    method, country = known.order.payment_method, known.order.card_country
    if not method:
        return Fact("payment", "How it is paid is not given")
    issued = f" issued in {words.code(country)}" if country else ""
    return _novelty(known, "new_payment", f"Paid by {words.code(method)}{issued}, which this customer", "used before")


def _novelty(known: Known, feature: str, what: str, did: str) -> Fact:
    if known.history is None:
        return _NO_PAST
    return Fact(feature.removeprefix("new_"), f"{what} {'never ' if known.value(feature) > 0.5 else ''}{did}")


def time(known: Known) -> Fact:
    """When it was placed, and how many orders come in that hour."""
    if not known.order.hour_known:
        return Fact("time", _placed(known))
    return Fact("time", f"{_placed(known)}; {_hour_share(known)}")


def own_hour_distance(known: Known) -> Fact:
    """When it was placed, beside the hours at which the customer orders."""
    if known.history is None:
        return _NO_PAST
    minute, earlier = minute_of(known.order), [then for then in known.history.minutes if then < NO_MINUTE]
    if minute == NO_MINUTE or not earlier:
        return Fact("time", f"{_placed(known)}; at which hours this customer orders is not known")
    nearest = min(earlier, key=lambda then: min(abs(minute - then), 1440 - abs(minute - then)))
    return Fact(
        "time", f"{_placed(known)}; by the clock, this customer’s nearest earlier order came at {_clock(nearest)}"
    )


def _placed(known: Known) -> str:
    created = known.order.created_at
    if not known.order.hour_known:
        return f"Placed on a {created:%A}, at an hour that is not given"
    return f"Placed at {created:%H:%M} on a {created:%A}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _hour_share(known: Known) -> str:
    rarity = known.catalogue.hour_rarity[known.order.created_at.hour]
    if rarity <= 0.0:
        return "many orders come in that hour"
    so = "in an hour as quiet as that"
    return words.few(words.share_of(rarity, COMMON_HOUR), "orders", f"come {so}", f"comes {so}")


TELLERS: dict[str, Teller] = {
    "hour_sine": time,
    "hour_cosine": time,
    "weekday_sine": time,
    "weekday_cosine": time,
    "hour_rarity": time,
    "own_hour_distance": own_hour_distance,
    "orders_before": orders_before,
    "hours_since_last": hours_since_last,
    "orders_1h": _window(HOUR, "one hour"),
    "orders_24h": _window(DAY, "24 hours"),
    "orders_7d": _window(WEEK, "7 days"),
    "account_age": account_age,
    "new_address": new_address,
    "new_device": new_device,
    "new_payment": new_payment,
}
"""By the feature's name."""
