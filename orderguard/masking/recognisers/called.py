"""Numbers that a label calls somebody's: cards, accounts, identity, tax, insurance, passport and licence numbers.

What is called so is masked whatever its check digits say: a typing error makes it no less personal. The other
recognisers find what needs no label.
"""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.context import expanded, meaning
from orderguard.masking.spans import Span
from orderguard.masking.view import View, fold

_KINDS = {
    "CARD": """
    card cards visa mastercard maestro amex jcb unionpay creditcard kreditkarte karte kredit kreditkort betalkort kort
    carte bancaire tarjeta cartao carta kaart karta karty bankkort
    """,
    "IBAN": "iban",
    "ID": """
    account accounts acct acc konto kto compte cuenta conta conto rekening rachunek rachunku ucet ucetu
    blz bankleitzahl sort routing aba rib ccc clabe bsb ifsc transit bankkonto bankaccount
    ssn social itin ein tin nino nhs sin insurance sozialversicherung sozialversicherungs versicherung
    sozialversicherungsnummer svnr rentenversicherung krankenkasse securite sociale insee assurance
    tax taxpayer steuer idnr fiscal fiscale vat ust umsatzsteuer tva iva btw moms
    mwst partita piva nip regon cif nif nie dni rut rfc curp cpf cnpj cuit cuil codfis siret siren kvk
    aadhaar aadhar pan voter epic uan bsn burgerservice rijksregister pesel dowod personnummer fodsels cpr egn cnp oib
    jmbg emso rodne ppsn pps tckn kimlik identity identidad identite identita identiteit
    personalausweis ausweis passport reisepass passeport pasaporte passaporto passaporte paspoort paszport paszportu
    licence license licencia permis patente fuhrerschein rijbewijs prawo medicare medicaid patient mrn
    """,
}
KIND_OF = {form: kind for kind, words in _KINDS.items() for form in expanded(fold(words).split())}
"""Each word that claims a number, alone or in one with "number", and what the number then is."""
_LABELS = frozenset(KIND_OF)
_FEWEST = {"CARD": 8, "IBAN": 8, "ID": 5}
_NUMBER = re.compile(
    # an IBAN, its letters in capitals
    r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])|"
    # groups of letters and digits that hold a digit each, or stand for one: 4532****7890, XXX-XX-2409
    r"(?<![A-Za-z0-9*])(?:[A-Za-z]{1,4}-){0,2}(?:[A-Za-z]{0,20}[\d*]|X{2,4}[ -]?(?=[\dX]))[A-Za-z0-9*]{0,40}"
    r"(?:[ .\-/]{1,2}(?:[A-Za-z]{0,6}[\d*][A-Za-z0-9*]{0,20}|X{2,8}(?![A-Za-z]))){0,12}(?:[ -][A-Z](?![\w]))?"
)
_DIGIT = re.compile(r"[\d*X]")
_FEWEST_SIGNS, _FEWEST_BESIDE = 9, 3
"""Letters and digits from which on fewer digits do: ABCPE1234F."""
_HALF_A_CARD = re.compile(r"\d{4} \d{4}")
"""Left for `cards`: the rest may stand in the order's other text."""
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:(?:19|20)\d\d|\d\d)"
_DATE = re.compile(
    rf"{_DAY}[./-]{_MONTH}[./-]{_YEAR}|{_MONTH}[./-]{_DAY}[./-]{_YEAR}|(?:19|20)\d\d[./-]{_MONTH}[./-]{_DAY}"
)
_AMOUNT = re.compile(r"\d{1,7}[.,]\d\d(?!\d)|\d{1,3}(?:[., ]\d{3})+(?:[.,]\d\d)?\s?(?:[€$£]|eur|usd)", re.IGNORECASE)
_MOST_APART = 1
"""More other words between a label and a number, and the label is no longer the number's."""


def find(view: View) -> Iterator[Span]:
    """Numbers of five digits or more that the nearest word in the clause calls an account, an identity number, …"""
    if view.vocabulary.isdisjoint(_LABELS) and "a/c" not in view.folded:
        return
    for match in _NUMBER.finditer(view.text):
        if _may_be_called(view, match):
            said = meaning(view, match.start(), match.end(), _LABELS)
            if said.personal and said.apart <= _MOST_APART and _long_enough(match[0], KIND_OF[said.personal]):
                yield Span(match.start(), match.end(), KIND_OF[said.personal])


def _may_be_called(view: View, match: re.Match[str]) -> bool:
    """Not a date, an amount or half a card."""
    whole = match[0]
    return not (_DATE.fullmatch(whole) or _HALF_A_CARD.fullmatch(whole) or _AMOUNT.match(view.text, match.start()))


def _long_enough(number: str, kind: str) -> bool:
    digits = len(_DIGIT.findall(number))
    return digits >= _FEWEST[kind] or (kind == "ID" and len(number) >= _FEWEST_SIGNS and digits >= _FEWEST_BESIDE)
