"""Check digits. Each function takes the compact form (no separators, capitals) and says whether it fits."""

from collections.abc import Sequence

_DOUBLED = str.maketrans("0123456789", "0246813579")


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: cards, IMEI, Swedish and Canadian ids."""
    # Sums of bytes: a text of many digits has to be asked at each of them.
    total = sum(digits[-1::-2].encode()) + sum(digits[-2::-2].translate(_DOUBLED).encode())
    return (total - 48 * len(digits)) % 10 == 0


def mod97(text: str) -> bool:
    """ISO 7064 mod 97-10 as ISO 13616 uses it for IBANs: the first four characters count last."""
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def ean(digits: str) -> bool:
    """GS1 check digit of EAN-8, UPC-A, EAN-13, GTIN-14 and SSCC."""
    return sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(reversed(digits))) % 10 == 0


def isbn(number: str) -> bool:
    """ISBN-10 (ISO 2108, 1992): mod 11 with weights 10 to 1, X for ten."""
    values = [10 if digit in "Xx" else int(digit) for digit in number]
    return sum(value * weight for value, weight in zip(values, range(10, 0, -1), strict=True)) % 11 == 0


def weighted(digits: str, weights: Sequence[int], modulus: int) -> int:
    """The sum of digits times weights, modulo `modulus`; what has no weight does not count."""
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False)) % modulus


def mod11_10(digits: str) -> bool:
    """ISO 7064 mod 11,10: German tax id, Croatian OIB."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


_TIMES = tuple(
    tuple(int(c) for c in row)
    for row in (
        "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
    ).split()
)
_PERMUTE = tuple(
    tuple(int(c) for c in row)
    for row in "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258".split()
)


def verhoeff(digits: str) -> bool:
    """Verhoeff's scheme: the Indian Aadhaar number."""
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = _TIMES[check][_PERMUTE[position % 8][int(digit)]]
    return check == 0
