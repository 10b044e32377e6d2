"""Numbers with right checksums: cards, bank accounts, national numbers."""

import string
from collections.abc import Callable
from random import Random

DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def filled(shape: str, random: Random) -> str:
    """Fill a shape: `#` becomes a digit, `@` a capital letter."""
    return "".join(
        random.choice(string.digits) if mark == "#" else random.choice(string.ascii_uppercase) if mark == "@" else mark
        for mark in shape
    )


def luhn_digit(digits: str) -> str:
    """The digit that makes `digits` + it pass the Luhn check."""
    doubled = [int(digit) * 2 if index % 2 == 0 else int(digit) for index, digit in enumerate(reversed(digits))]
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def card_number(random: Random) -> str:
    """A card number of a common brand, plain or in groups of four."""
    shape = random.choice(
        ("4##############", "4##############", "51#############", "53#############", "37############")
    )
    digits = filled(shape, random)
    digits += luhn_digit(digits)
    if random.random() < 0.4:
        return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))
    return digits


def iban(shape: str, random: Random) -> str:
    """An international bank account number (ISO 13616) in `shape`, with its two check digits right (mod 97)."""
    country = shape[:2]
    account = filled(shape[4:], random)
    as_number = int("".join(str(int(mark, 36)) for mark in account + country + "00"))
    plain = f"{country}{98 - as_number % 97:02d}{account}"
    if random.random() < 0.5:
        return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))
    return plain


def weighted_digit(digits: str, weights: tuple[int, ...], modulus: int) -> int:
    """The weighted sum of digits, modulo `modulus`."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % modulus


def pesel(random: Random) -> str:
    """A Polish PESEL number."""
    digits = f"{random.randrange(50, 100)}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}" + filled(
        "####", random
    )
    return digits + str(-weighted_digit(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), 10) % 10)


def dni(random: Random) -> str:
    """A Spanish DNI number."""
    number = random.randrange(10_000_000, 99_999_999)
    return f"{number}{DNI_LETTERS[number % 23]}"


def nir(random: Random) -> str:
    """A French social security number with its key."""
    digits = f"{random.choice('12')}{random.randrange(50, 100)}{random.randrange(1, 13):02d}" + filled(
        "75######", random
    )
    return f"{digits}{97 - int(digits) % 97:02d}"


def bsn(random: Random) -> str:
    """A Dutch citizen service number (the eleven-proof)."""
    while True:
        digits = filled("1#######", random)
        check = weighted_digit(digits, (9, 8, 7, 6, 5, 4, 3, 2), 11)
        if check < 10:
            return digits + str(check)


def cpf(random: Random) -> str:
    """A Brazilian CPF number."""
    digits = filled("#########", random)
    for length in (9, 10):
        total = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(digits))
        digits += str(total * 10 % 11 % 10)
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


def personnummer(random: Random) -> str:
    """A Swedish personal identity number."""
    digits = f"{random.randrange(50, 100)}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}" + filled(
        "###", random
    )
    return f"{digits[:6]}-{digits[6:]}{luhn_digit(digits)}"


NATIONAL_IDS: dict[str, Callable[[Random], str]] = {
    "tax-de": lambda random: filled("2# ### ### ###", random),
    "nir-fr": nir,
    "nino-gb": lambda random: filled("AB ## ## ## ", random) + random.choice("ABCD"),
    "ssn-us": lambda random: filled("2##-4#-1###", random),
    "dni-es": dni,
    "bsn-nl": bsn,
    "pesel-pl": pesel,
    "personnummer-se": personnummer,
    "cpf-br": cpf,
}
