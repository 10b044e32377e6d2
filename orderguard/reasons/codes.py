"""What the features of addresses, payment and codes tell: what does not fit together, and what is rare."""

from orderguard.catalogue import COMMON, Code
from orderguard.features.facts import codes_of, differ
from orderguard.reasons import words
from orderguard.reasons.fact import Fact, Teller
from orderguard.reasons.known import Known


def delivery(known: Known) -> Fact:
    """All that differs between where the bill and where the goods go, in one sentence."""
    billing, shipping = known.order.billing, known.order.shipping
    if not billing or not shipping:
        return Fact("delivery", "Only one address is given")
    countries = differ(billing.country, shipping.country)
    names, places = differ(billing.name_token, shipping.name_token), differ(billing.token, shipping.token)
    what = " and ".join(word for word, differs in (("name", names), ("address", places)) if differs)
    if countries:
        other = f", to another {what}" if what else ""
        billed, sent = words.code(billing.country or ""), words.code(shipping.country or "")
        return Fact("delivery", f"Billed in {billed} and sent to {sent}{other}")
    if what:
        return Fact("delivery", f"Billed to one {what} and sent to another")
    return Fact("delivery", "Nothing differs between the billing and the shipping address")


def card_country_mismatch(known: Known) -> Fact:
    """The card's country beside that of the bill."""
    home, card = known.order.billing or known.order.shipping, known.order.card_country
    if not home or not home.country or not card:
        return Fact("card", "The card’s country or the address’s is not given")
    which = "billing" if known.order.billing else "shipping"
    if card == home.country:
        return Fact("card", f"The card was issued in the country of the {which} address, {words.code(card)}")
    return Fact(
        "card", f"The card was issued in {words.code(card)}, the {which} address is in {words.code(home.country)}"
    )


def _code(code: Code, kind: str, sentence: str, unseen: str, how_few: tuple[str, str, str], absent: str) -> Teller:
    """Tell how often a code of the order is met. `how_few` says it of many orders and of one: "go", "goes", "there or
    to a rarer one"."""
    place = ("currency", "channel", "payment_method", "country").index(code)

    def tell(known: Known) -> Fact:
        value = codes_of(known.order)[place]
        rarity = known.catalogue.rarity[code]
        if not value:
            return Fact(kind, absent)
        told = f"{sentence} {words.code(value)}"
        if value not in rarity.of:
            return Fact(kind, f"{told}, {unseen}")
        return Fact(kind, told + words.rare(rarity.of[value], COMMON, "orders", how_few))

    return tell


TELLERS: dict[str, Teller] = {
    "country_mismatch": delivery,
    "addressee_mismatch": delivery,
    "address_mismatch": delivery,
    "card_country_mismatch": card_country_mismatch,
    "channel_rarity": _code(
        "channel",
        "channel",
        "Came by the channel",
        "as no order did before",
        ("come", "comes", "by it or by a rarer one"),
        "The channel is not given",
    ),
    "payment_rarity": _code(
        "payment_method",
        "payment",
        "Paid by",
        "as no order was before",
        ("are", "is", "paid so or in a rarer way"),
        "How it is paid is not given",
    ),
    "currency_rarity": _code(
        "currency",
        "currency",
        "Paid in",
        "as no order was before",
        ("are", "is", "paid in it or in a rarer one"),
        "The currency is not given",
    ),
    "destination_rarity": _code(
        "country",
        "destination",
        "Goes to",
        "where no order went before",
        ("go", "goes", "there or to a rarer country"),
        "Where it goes is not given",
    ),
}
"""By the feature's name."""
