"""National identity, tax and social security numbers: form, date and check digits, by the rules of their issuers.

Where form and check digits leave little to chance a number needs no word beside it; where they don't, one has to say
what it is.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from orderguard.masking.recognisers.checksums import ean, luhn, mod11_10, verhoeff, weighted
from orderguard.masking.recognisers.context import labelled_impersonal, near
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_ID_WORDS = frozenset("""
    id ids idnr identity identification identifier identidad identite identita identidade identiteit ausweis
    ausweisnummer personalausweis passport reisepass passeport pasaporte passaporto passaporte paspoort paszport tax
    taxpayer steuer steuerid steueridentifikationsnummer steuernummer idno national social security ssn sin nhs nino
    insurance sozialversicherung sozialversicherungsnummer svnr svnummer ahv avs nir securite sociale insee dni nif
    nis cif documento document rut rfc curp cpf contribuinte fiscal fiscale codice bsn burgerservicenummer sofinummer
    rijksregister rijksregisternummer registre nrn pesel dowod osobisty nip personnummer fodselsnummer personnumero
    henkilotunnus hetu cpr cprnr egn cnp oib jmbg emso rodne rodnecislo aadhaar pps ppsn tckn tc kimlik kimligi
    asmens cuit cuil itin ein
    tin pan vat
    isikukood personal personnel customs zoll douane aduana dogana clo clearance verification verify legitimation 身份证
    身份证号 주민등록번호
    """.split())


class NationalId(NamedTuple):
    """One kind of number. `certain`: its form and check digits suffice; otherwise a word of `_ID_WORDS` has to stand
    near.
    """

    country: str
    form: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]
    certain: bool


def _day(day: str, month: str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _check(digits: str, weights: tuple[int, ...], modulus: int = 11) -> int:
    return weighted(digits, weights, modulus)


def germany(d: str) -> bool:
    """Steuer-IdNr.: mod 11,10; of the first ten digits one stands twice or thrice."""
    counts = [d[:10].count(digit) for digit in set(d[:10])]
    return d[0] != "0" and mod11_10(d) and max(counts) in (2, 3)


def france(t: str) -> bool:
    """NIR: sex, year, month, place, key = 97 - number mod 97; Corsica counts 2A as 19 and 2B as 18."""
    number = t[:13].replace("2A", "19", 1).replace("2B", "18", 1)
    month = int(t[3:5])
    return (
        number.isdigit()
        and (1 <= month <= 12 or 20 <= month <= 42 or month >= 50)
        and 97 - int(number) % 97 == int(t[13:])
    )


def spain(t: str) -> bool:
    """DNI and NIE: the letter is the number mod 23."""
    number = {"X": "0", "Y": "1", "Z": "2"}.get(t[0], t[0]) + t[1:-1]
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == t[-1]


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
        + (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)


def italy(t: str) -> bool:
    """Codice fiscale: odd and even places weigh differently, mod 26."""
    total = sum(_ODD[c] if i % 2 == 0 else int(c, 36) - 10 * (c.isalpha()) for i, c in enumerate(t[:15]))
    return chr(65 + total % 26) == t[15]


def netherlands(d: str) -> bool:
    """BSN: the eleven test."""
    return _check(d, (9, 8, 7, 6, 5, 4, 3, 2, -1)) == 0 and int(d) > 0


def belgium(d: str) -> bool:
    """Rijksregisternummer: 97 - number mod 97, with a 2 ahead for those born from 2000 on."""
    fits = int(d[9:]) in (97 - int(d[:9]) % 97, 97 - int("2" + d[:9]) % 97)
    return fits and int(d[2:4]) % 20 <= 12 and int(d[4:6]) <= 31


def poland(d: str) -> bool:
    """PESEL: weights 1 3 7 9; the month carries the century."""
    return _check(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10) == 0 and _day(d[4:6], str(int(d[2:4]) % 20))


def sweden(d: str) -> bool:
    """Personnummer: Luhn over the last ten digits; a coordination number adds 60 to the day."""
    return luhn(d[-10:]) and _day(str(int(d[-6:-4]) % 60), d[-8:-6])


def norway(d: str) -> bool:
    """Fødselsnummer: two check digits mod 11; a D number adds 40 to the day."""
    first = _check(d, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) == 0
    return (
        first
        and _check(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) == 0
        and _day(str(int(d[:2]) % 40), str(int(d[2:4]) % 40))
    )


def denmark(d: str) -> bool:
    """CPR: a date; its check digit has not been kept to since 2007."""
    return _day(d[:2], d[2:4])


def finland(t: str) -> bool:
    """Henkilötunnus: number mod 31."""
    return _day(t[:2], t[2:4]) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(t[:6] + t[-4:-1]) % 31] == t[-1]


def switzerland(d: str) -> bool:
    """AHV number: 756 and the check digit of an EAN."""
    return ean(d)


def austria(d: str) -> bool:
    """Sozialversicherungsnummer: weights over serial number and birth date, mod 11."""
    return (
        _check(d[:3] + d[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) == int(d[3]) and 1 <= int(d[4:6]) <= 31 and int(d[6:8]) <= 15
    )


def portugal(d: str) -> bool:
    """NIF of a person: mod 11."""
    return d[0] in "123" and -_check(d[:8], (9, 8, 7, 6, 5, 4, 3, 2)) % 11 % 10 == int(d[8])


def britain(t: str) -> bool:
    """National insurance number: letters that are never given out are left out."""
    return t[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def britain_health(d: str) -> bool:
    """NHS number: mod 11."""
    return _check(d, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) == 0


def ireland(t: str) -> bool:
    """PPS number: mod 23, a second letter weighs 9."""
    total = weighted(t[:7], (8, 7, 6, 5, 4, 3, 2), 10**6) + (9 * (ord(t[8]) - 64) if len(t) == 9 and t[8] != "W" else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == t[7]


def czechia(d: str) -> bool:
    """Rodné číslo: divisible by 11; women's months carry 50."""
    return (int(d) % 11 == 0 or int(d[:9]) % 11 == 10 and d[9] == "0") and _day(d[4:6], str(int(d[2:4]) % 50 % 20))


def romania(d: str) -> bool:
    """CNP: sex and century, date, county, mod 11."""
    check = _check(d[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9))
    return d[0] in "12345678" and _day(d[5:7], d[3:5]) and (1 if check == 10 else check) == int(d[12])


def bulgaria(d: str) -> bool:
    """EGN: date with the century in the month, mod 11."""
    return _check(d[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 10 == int(d[9]) and _day(d[4:6], str(int(d[2:4]) % 20))


def baltics(d: str) -> bool:
    """Estonian isikukood, Lithuanian asmens kodas: two rounds mod 11."""
    check = _check(d[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1))
    if check == 10:
        check = _check(d[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 10
    return d[0] in "123456" and check == int(d[10]) and _day(d[5:7], d[3:5])


def brazil(d: str) -> bool:
    """CPF: two check digits mod 11."""

    def digit(part: str) -> int:
        return sum(int(c) * w for c, w in zip(part, range(len(part) + 1, 1, -1), strict=True)) * 10 % 11 % 10

    return len(set(d)) > 1 and digit(d[:9]) == int(d[9]) and digit(d[:10]) == int(d[10])


def chile(t: str) -> bool:
    """RUT: mod 11 with weights 2 to 7 from the right."""
    total = sum(int(c) * w for c, w in zip(reversed(t[:-1]), (2, 3, 4, 5, 6, 7, 2, 3), strict=False))
    return "0123456789K0"[11 - total % 11 if total % 11 else 0] == t[-1]


def mexico(t: str) -> bool:
    """CURP: a date inside."""
    return _day(t[8:10], t[6:8])


def united_states(d: str) -> bool:
    """SSN and ITIN: no check digit; some areas, groups and serials are never given out."""
    return d[:3] not in ("000", "666") and d[3:5] != "00" and d[5:] != "0000"


def canada(d: str) -> bool:
    """SIN: Luhn."""
    return d[0] not in "08" and luhn(d)


def china(t: str) -> bool:
    """Resident identity number: ISO 7064 mod 11-2, with a date of birth."""
    check = "10X98765432"[_check(t[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))]
    return check == t[17] and t[6:8] in ("19", "20") and _day(t[12:14], t[10:12])


def korea(d: str) -> bool:
    """Resident registration number: mod 11 (not kept to since October 2020, so the date decides)."""
    return _day(d[4:6], d[2:4]) and d[6] in "12345678"


def turkey(d: str) -> bool:
    """T.C. kimlik no.: two check digits mod 10."""
    odd, even = sum(map(int, d[0:9:2])), sum(map(int, d[1:8:2]))
    return d[0] != "0" and (odd * 7 - even) % 10 == int(d[9]) and sum(map(int, d[:10])) % 10 == int(d[10])


def south_africa(d: str) -> bool:
    """Identity number: Luhn over a date of birth, a serial number and citizenship."""
    return luhn(d) and _day(d[4:6], d[2:4]) and d[10] in "012"


def india(d: str) -> bool:
    """Aadhaar: Verhoeff."""
    return d[0] not in "01" and verhoeff(d)


def argentina(d: str) -> bool:
    """CUIT and CUIL: weights 5432765432, mod 11."""
    return -_check(d[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 == int(d[10])


def brazil_company(d: str) -> bool:
    """CNPJ: two check digits mod 11; a sole trader's names a person."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first, second = (_check(d[:n], weights[13 - n :]) for n in (12, 13))
    return all(
        (11 - left if left > 1 else 0) == int(digit) for left, digit in zip((first, second), d[12:], strict=True)
    )


def mexico_tax(t: str) -> bool:
    """RFC of a person: a date inside."""
    return _day(t[8:10], t[6:8])


def poland_tax(d: str) -> bool:
    """NIP: mod 11."""
    return _check(d, (6, 5, 7, 2, 3, 4, 5, 6, 7, -1)) == 0


def singapore(t: str) -> bool:
    """NRIC and FIN: the letter is a weighted sum mod 11."""
    total = weighted(t[1:8], (2, 7, 6, 5, 4, 3, 2), 10**6) + 4 * (t[0] in "TG")
    return ("JZIHGFEDCBA" if t[0] in "ST" else "XWUTRQPNMLK")[total % 11] == t[8]


def hong_kong(t: str) -> bool:
    """HKID: mod 11, A for ten; a single letter in front counts as if a blank (36) stood ahead of it."""
    values = [int(c, 36) for c in t]
    return (9 * 36 * (len(t) == 8) + sum(v * w for v, w in zip(reversed(values), range(1, 10), strict=False))) % 11 == 0


def australia(d: str) -> bool:
    """ABN: mod 89 after 1 is taken from the first digit; a sole trader's names a person."""
    return (weighted(d, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19), 10**6) - 10) % 89 == 0


def _always(_: str) -> bool:
    return True


_S = r"[ .\-/]{0,2}"


_BEFORE, _AFTER = r"(?<![\w+])(?<!\d[-./])", r"(?!\w|[-./]\d)"


def _kind(country: str, form: str, valid: Callable[[str], bool], *, certain: bool) -> NationalId:
    pattern = re.compile(rf"{_BEFORE}(?:{form}){_AFTER}", re.IGNORECASE)
    return NationalId(country, form, pattern, valid, certain)


NATIONAL_IDS = (
    _kind("FR", rf"[12]{_S}\d\d{_S}\d\d{_S}(?:\d\d|2[AB]){_S}\d{{3}}{_S}\d{{3}}{_S}\d\d", france, certain=True),
    _kind(
        "IT",
        rf"[A-Z]{{3}}{_S}[A-Z]{{3}}{_S}[0-9L-NP-V]{{2}}[A-EHLMPRST][0-9L-NP-V]{{2}}{_S}[A-Z][0-9L-NP-V]{{3}}[A-Z]",
        italy,
        certain=True,
    ),
    _kind("CN", r"\d{6}[ -]?\d{8}[ -]?\d{3}[\dX]", china, certain=True),
    _kind("MX", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", mexico, certain=True),
    _kind(
        "ES",
        r"(?:\d{8}|\d{1,2}\.\d{3}\.\d{3}|[XYZ][ -]?\d{7}|[XYZ]-?\d\.?\d{3}\.?\d{3})[ -]?[A-Z]",
        spain,
        certain=True,
    ),
    _kind("FI", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", finland, certain=True),
    _kind("CH", r"756[ .-]?\d{4}[ .-]?\d{4}[ .-]?\d\d", switzerland, certain=True),
    _kind("BE", r"\d\d[.]?\d\d[.]?\d\d[ -]?\d{3}[ .-]?\d\d", belgium, certain=True),
    _kind("NO", r"\d{6} ?\d{5}", norway, certain=True),
    _kind("SE", r"(?:19|20)?\d{6}[-+]\d{4}", sweden, certain=True),
    _kind("DK", r"\d{6}-\d{4}", denmark, certain=True),
    _kind("KR", r"\d{6}-\d{7}", korea, certain=True),
    _kind("CZ", r"\d{6}/\d{3,4}", lambda d: len(d) == 9 or czechia(d), certain=True),
    _kind("BR", r"\d{3}\.\d{3}\.\d{3}-\d\d", brazil, certain=True),
    _kind("CL", r"\d{1,2}\.\d{3}\.\d{3}-[\dK]", chile, certain=True),
    _kind("US", r"\d{3}-\d\d-\d{4}", united_states, certain=True),
    _kind("GB", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d\d \d\d \d\d [A-D]", britain, certain=True),
    _kind("DE", r"\d\d \d{3} \d{3} \d{3}", germany, certain=True),
    _kind("AR", r"(?:2[0347]|3[034])-\d{8}-\d", argentina, certain=True),
    _kind("IN", r"[A-Z]{3}P[A-Z]\d{4}[A-Z]", _always, certain=True),
    _kind("MX", r"[A-Z]{4}-?\d{6}-?[A-Z\d]{2}[A\d]", mexico_tax, certain=True),
    _kind("BR", r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d", brazil_company, certain=True),
    _kind("HK", r"[A-Z]{1,2}\d{6}\([\dA]\)", hong_kong, certain=True),
    _kind("PL", r"\d{3}-\d{3}-\d\d-\d\d|\d{3}-\d\d-\d\d-\d{3}", poland_tax, certain=False),
    _kind("SG", r"[STFG]\d{7}[A-Z]", singapore, certain=False),
    _kind("AU", r"\d\d \d{3} \d{3} \d{3}", australia, certain=False),
    _kind("GB", rf"[A-Z]{{2}}{_S}\d\d{_S}\d\d{_S}\d\d{_S}[A-Z]", _always, certain=False),
    _kind("GB", rf"\d{{3}}{_S}\d{{3}}{_S}\d{{4}}", britain_health, certain=False),
    _kind("US", rf"\d{{3}}{_S}\d\d{_S}\d{{4}}", united_states, certain=False),
    _kind("DE", r"\d\d ?\d{3} ?\d{3} ?\d{3}", germany, certain=False),
    _kind("AT", r"\d{4} ?\d{6}", austria, certain=False),
    _kind("NL", r"\d{4}[. ]?\d\d[. ]?\d{3}|\d{3}[. ]\d{3}[. ]\d{3}", netherlands, certain=False),
    _kind("PT", r"\d{3} ?\d{3} ?\d{3}", portugal, certain=False),
    _kind("PL", r"\d{11}", poland, certain=False),
    _kind("SE", r"(?:19|20)?\d{10}", sweden, certain=False),
    _kind("DK", r"\d{6} ?\d{4}", denmark, certain=False),
    _kind("IE", r"\d{7} ?[A-W][A-IW]?", ireland, certain=False),
    _kind("CZ", r"\d{10}", czechia, certain=False),
    _kind("RO", r"\d{13}", romania, certain=False),
    _kind("BG", r"\d{10}", bulgaria, certain=False),
    _kind("EE", r"\d{11}", baltics, certain=False),
    _kind("HR", r"\d{11}", mod11_10, certain=False),
    _kind("BR", rf"\d{{3}}{_S}\d{{3}}{_S}\d{{3}}{_S}\d\d", brazil, certain=False),
    _kind("CL", r"\d{7,8}-?[\dK]", chile, certain=False),
    _kind("CA", r"\d{3}[ -]?\d{3}[ -]?\d{3}", canada, certain=False),
    _kind("TR", r"\d{11}", turkey, certain=False),
    _kind("ZA", r"\d{13}", south_africa, certain=False),
    _kind("IN", r"\d{4}[ -]?\d{4}[ -]?\d{4}", india, certain=False),
    _kind("IN", r"[A-Z]{3}[ABCFGHJLT][A-Z]\d{4}[A-Z]", _always, certain=False),
    _kind("AR", r"\d{11}", argentina, certain=False),
    _kind("KR", r"\d{13}", korea, certain=False),
)
_CERTAIN = tuple(kind for kind in NATIONAL_IDS if kind.certain)


def _any(kinds: tuple[NationalId, ...]) -> re.Pattern[str]:
    """Where one of `kinds` may begin: one search in place of one for each."""
    return re.compile(rf"{_BEFORE}(?=(?:{'|'.join(kind.form for kind in kinds)}){_AFTER})", re.IGNORECASE)


_ANY, _ANY_CERTAIN = _any(NATIONAL_IDS), _any(_CERTAIN)
_FEW_DIGITS = re.compile(r"\d\d[A-Za-z]\d\d[A-Za-z]\d\d|[A-Za-z]{3}\d\d[A-Za-z]|[A-Za-z]{5}\d{4}[A-Za-z]")
_COMPACT = re.compile(r"[\W_]+")


def find(view: View) -> Iterator[Span]:
    """National numbers whose check digits fit."""
    if not view.has_number and not _FEW_DIGITS.search(view.text):
        return
    helped = not view.vocabulary.isdisjoint(_ID_WORDS)
    for place in (_ANY if helped else _ANY_CERTAIN).finditer(view.text):
        for kind in NATIONAL_IDS if helped else _CERTAIN:
            match = kind.pattern.match(view.text, place.start())
            if match and kind.valid(_COMPACT.sub("", match[0]).upper()) and _stands(view, kind, *match.span()):
                yield Span(match.start(), match.end(), "ID")
                break


def _stands(view: View, kind: NationalId, start: int, end: int) -> bool:
    if labelled_impersonal(view, start):
        return False
    return kind.certain or near(view, start, end, _ID_WORDS, before=64, after=32)
