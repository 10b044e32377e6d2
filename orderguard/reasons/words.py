"""Numbers as a person reads them: amounts in the order's currency, shares, how often, how long, how many times."""

import math
import unicodedata

_WHOLE = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
"""Currencies without a smaller unit, by ISO 4217; those of `_THOUSANDTHS` have a thousandth."""
_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_LONGEST_CODE = 40
_RAREST = 600.0

HOUR, DAY, WEEK, MONTH, YEAR = 1.0, 24.0, 168.0, 730.5, 8766.0
"""In hours."""


def amount(value: float, currency: str) -> str:
    """An amount with the digits of its currency, without its code; of less than the smallest unit, two digits."""
    digits = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    if 0.0 < value < 0.5 * 10.0**-digits:
        return f"{value:.2g}" if value >= 1e-4 else "next to nothing"
    return f"{value:,.{digits}f}"


def money(value: float, currency: str) -> str:
    """An amount with the code of its currency."""
    return f"{amount(value, currency)} {currency}"


def number(value: float) -> str:
    """A count, or a mean of counts, with one digit after the point at most."""
    return f"{value:,.0f}" if value >= 10.0 or abs(value - round(value)) < 0.05 else f"{value:.1f}"


def percent(share: float) -> str:
    """A share as a percentage, with two digits where it is small."""
    value = 100.0 * share
    if value >= 9.95 or value == 0.0:
        return f"{value:,.0f} %"
    return f"{value:.1f} %".replace(".0 ", " ") if value >= 0.95 else f"{value:.1g} %" if value >= 1e-4 else "0.0001 %"


def compared(ratio: float, usual: str) -> str:
    """So many times, or so much above or below, what `usual` says: "100 times its usual 9.50"."""
    if ratio >= 1.995:
        return f"{number(ratio)} times {usual}"
    if ratio >= 1.05:
        return f"{percent(ratio - 1.0)} above {usual}"
    if ratio > 0.95:
        return f"about {usual}"
    return f"{percent(1.0 - ratio)} below {usual}" if ratio >= 0.5 else f"{percent(ratio)} of {usual}"


def span(hours: float) -> str:
    """How long, in the largest unit that there is at least one and a half of."""
    for unit, name in ((YEAR, "years"), (MONTH, "months"), (DAY, "days"), (HOUR, "hours")):
        if hours >= 1.5 * unit:
            return f"{hours / unit:,.0f} {name}"
    minutes = max(0, round(hours * 60.0))
    return "less than a minute" if minutes == 0 else "1 minute" if minutes == 1 else f"{minutes} minutes"


def pace(orders: float, hours: float) -> str:
    """How often: "1 a month", "3 a week"."""
    for unit, name in ((DAY, "a day"), (WEEK, "a week"), (MONTH, "a month"), (YEAR, "a year")):
        often = orders * unit / max(hours, 1e-9)
        if often >= 0.95:
            return f"{often:,.0f} {name}"
    return "fewer than 1 a year"


def code(value: str) -> str:
    """A code of the masked order, fit for a terminal and not too long: control and direction characters go."""
    clean = value if value.isprintable() else "".join(c for c in value if unicodedata.category(c)[0] != "C")
    clean = clean.strip()
    return f"{clean[:_LONGEST_CODE]}…" if len(clean) > _LONGEST_CODE else clean or "(blank)"


def pieces(quantity: float) -> str:
    """How many, or how much where it is weighed: "40", "1.25"."""
    return f"{quantity:,.0f}" if float(quantity).is_integer() else f"{quantity:,.6f}".rstrip("0")


def share_of(rarity: float, common: float) -> float:
    """The share of all that is as rare, given the share from which on it is not."""
    return common * math.exp(-min(max(rarity, 0.0), _RAREST))


def rare(rarity: float, common: float, whose: str, how_few: tuple[str, str, str]) -> str:
    """How rare that is, to be added to a sentence, given by what power of e it is rarer than what is common."""
    do, does, so = how_few
    if rarity <= 0.0:
        return ", which is not rare"
    return f"; {few(share_of(rarity, common), whose, f'{do} {so}', f'{does} {so}')}"


def few(share: float, whose: str, do: str, does: str) -> str:
    """How few of them do so: "only 7 in 1,000 orders go there", "only 1 in 100 lines is"."""
    share = max(share, 1e-9)
    digits = max(2, math.ceil(-math.log10(1.05 * share)))
    count = max(1, round(share * 10**digits))
    return f"only {count} in {10**digits:,} {whose} {does if count == 1 else do}"


def are(text: str) -> str:
    """A number of something with its verb: "4 months are", "1 minute is", "less than a minute is"."""
    return f"{text} {'is' if text.startswith(('1 ', 'less ')) else 'are'}"
