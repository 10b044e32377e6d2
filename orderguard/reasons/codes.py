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
        return Fact("delivery", "Only one address is told")
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
        return Fact("card", "The card’s country or the address’s is not told")
    which = "billing" if known.order.billing else "shipping"
    if card == home.country:
        return Fact("card", f"The card was issued in the country of the {which} address, {words.code(card)}")
    return Fact(
        "card", f"The card was issued in {words.code(card)}, the {which} address is in {words.code(home.country)}"
    )


def _code(code: Code, kind: str, sentence: str, absent: str) -> Teller:
    """Tells how often a code of the order is met."""
    place = ("currency", "channel", "payment_method", "country").index(code)

    def tell(known: Known) -> Fact:
        value = codes_of(known.order)[place]
        rarity = known.catalogue.rarity[code]
        if not value:
            return Fact(kind, absent)
        share = words.rarity(rarity.of.get(value, rarity.unseen), COMMON, "order", seen=value in rarity.of)
        return Fact(kind, f"{sentence} {words.code(value)}, {share}")

    return tell


TELLERS: dict[str, Teller] = {
    "country_mismatch": delivery,
    "addressee_mismatch": delivery,
    "address_mismatch": delivery,
    "card_country_mismatch": card_country_mismatch,
    "channel_rarity": _code("channel", "channel", "Came by the channel", "The channel is not told"),
    "payment_rarity": _code("payment_method", "payment", "Paid by", "How it is paid is not told"),
    "currency_rarity": _code("currency", "currency", "Paid in", "The currency is not told"),
    "destination_rarity": _code("country", "destination", "Goes to", "Where it goes is not told"),
}
"""By the feature's name."""
