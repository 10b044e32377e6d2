"""Values beside a label that says what they are: forms, key-value lists, JSON inside text."""

import re
from collections.abc import Iterator

from orderguard.masking.spans import Span
from orderguard.masking.view import View

_LABELS = {
    "NAME": r"(?:first|last|full|given|family|sur|customer|recipient|receiver|billing|holder|cardholder|account "
    "holder|contact|user)[ _-]?names?|surname|recipient|card[ _-]?holder|"
    r"vorname|nachname|familienname|kundenname|empfanger(?:in)?|karteninhaber(?:in)?|kontoinhaber(?:in)?|prenom|nom "
    r"de famille|nom complet|destinataire|titulaire|nombre completo|apellidos?|destinatario|titular|"
    r"cognome|nome completo|intestatario|sobrenome|voornaam|achternaam|ontvanger|imie i nazwisko|nazwisko|odbiorca|"
    r"efternamn|fornamn|mottagare",
    "ADDRESS": r"(?:street|home|billing|shipping|delivery|mailing|postal)[ _-]?address|street|"
    r"address(?:[ _-]?line)?[ _-]?\d?|strasse|anschrift|adresse|lieferadresse|rechnungsadresse|direccion|domicilio|"
    r"indirizzo|endereco|morada|adres|adress",
    "PHONE": r"(?:tele)?phone(?:[ _-]?(?:no|number|nr))?|mobile(?:[ _-]?(?:no|number))?|cell(?:[ _-]?(?:no|"
    "number))?|(?:my|meine|mon|mi|mio|il mio|mijn|meu|moj) (?:number|nummer|numero|numer)(?: is| ist| est| es| e)?|"
    r"tel(?:efon)?(?:nummer|nr)?|handy(?:nummer|nr)?|mobil(?:nummer|nr)?|rufnummer|telefono|telefone|movil|"
    r"cellulare|telefoon(?:nummer)?",
    "BIRTH DATE": r"(?:date[ _-]?of[ _-]?birth|birth[ _-]?(?:date|day)|dob|geburtsdatum|date de naissance|fecha de "
    "nacimiento|data di nascita|data de nascimento|geboortedatum|data urodzenia)",
    "ID": r"password|passwort|passwd|pwd|pin[ _-]?code|cvv2?|cvc2?|api[ _-]?key|secret|access[ _-]?token",
}
_VALUES = {
    "NAME": r"[^\W\d_][\w.'-]{0,40}(?: [^\W\d_][\w.'-]{0,40}){0,3}",
    "ADDRESS": r"(?=[^\n;|]{0,80}\d)[^\n;|]{4,80}?" r"(?=\s{0,4}(?:[\n;|]|\.\s|,\s{0,4}[a-z_]{1,40}\s{0,4}[:=]|$))",
    "PHONE": r"\+?\(?\d(?:[ .\-/()]{0,3}\d){5,14}",
    "BIRTH DATE": r"\d{1,4}[./ -]\d{1,2}[./ -]\d{1,4}",
    "ID": r"(?=[^\s,;]{0,40}\d)[^\s,;\"'}]{3,40}",
}
_ANY_NAME = r"name|nom|nombre|nome|naam|namn|imie"
_PATTERNS = tuple(
    (
        kind,
        re.compile(
            rf"(?<![\w-])(?P<quote>\\?[\"']?)(?:{labels})(?P=quote)\s{{0,2}}[:=]\s{{0,2}}"
            rf"(?:\\?\"(?P<quoted>[^\"\\\n]{{1,200}})|(?P<plain>{_VALUES[kind]}))"
        ),
    )
    for kind, labels in _LABELS.items()
)
_NAME_IN_RECORD = re.compile(rf"\\?\"(?:{_ANY_NAME})\\?\"\s{{0,4}}:\s{{0,4}}\\?\"(?P<quoted>[^\"\\\n]{{1,200}})")
_NAME_IN_LIST = re.compile(
    rf"(?:^|[\n;,{{|(])[ \t]{{0,8}}(?:{_ANY_NAME}|jmeno|fn)[ \t]{{0,8}}[:=|][ \t]{{0,8}}(?P<plain>{_VALUES['NAME']})"
)
_NAME_IN_HEADER = re.compile(
    r"(?:^|\n)(?:from|to|cc|bcc|reply-to|von|an|de|para|van|aan)[ \t]{0,8}:"
    r"[ \t]{0,8}\"?(?P<plain>[^<\n\":]{2,60}?)\"?[ \t]{0,8}<"
)
_PERSON_KEYS = re.compile(r"\"\s{0,4}:(?=.)")
_PERSONAL_RECORD = frozenset("""
    customer email phone recipient surname birth street address iban buyer contact person user mail tel telefon kunde
    client cliente
    """.split())
_NOT_A_NAME = re.compile(r"\b(?:is|as|not|on|the|see|same|missing|unknown|n/a|none|null|ist|wie|siehe|fehlt)\b")


def find(view: View) -> Iterator[Span]:
    """What stands behind `first_name:`, `Telefon:`, `"street": "…"` and the like."""
    if ":" not in view.text and "=" not in view.text:
        return
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(view.folded):
            group = "quoted" if match["quoted"] is not None else "plain"
            if match[group].strip() and not (kind == "NAME" and _NOT_A_NAME.search(match[group])):
                yield Span(match.start(group), match.end(group), kind)
    if _PERSON_KEYS.search(view.text) and not view.vocabulary.isdisjoint(_PERSONAL_RECORD):
        for match in _NAME_IN_RECORD.finditer(view.folded):
            yield Span(match.start("quoted"), match.end("quoted"), "NAME")
    if not view.vocabulary.isdisjoint(_PERSONAL_RECORD):
        for match in _NAME_IN_LIST.finditer(view.folded):
            yield Span(match.start("plain"), match.end("plain"), "NAME")
    for match in _NAME_IN_HEADER.finditer(view.folded):
        yield Span(match.start("plain"), match.end("plain"), "NAME")
