"""Does a text look like a credential or like personal data?

Made for configuration: labels, descriptions, environment variables. Digests, image references, UUIDs, bucket names,
URLs and versions must not be taken for either, so each detector asks for a format, a checksum or a context, never for
digits alone. A detector returns what kind of thing it saw, never the text.
"""

from __future__ import annotations

import re
from collections import Counter
from math import log2
from typing import Final

_CREDENTIAL_FORMATS: Final[dict[str, str]] = {
    "a private key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\"private_key\"\s*:",
    "a Google API key": r"\bAIza[0-9A-Za-z_\-]{35}",
    "a Google OAuth secret": r"\bGOCSPX-[0-9A-Za-z_\-]{20,}|\bya29\.[0-9A-Za-z_\-]{20,}|\b1//0[0-9A-Za-z_\-]{30,}",
    "an AWS key": r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[0-9A-Za-z]{36,}|\bgithub_pat_[0-9A-Za-z_]{50,}",
    "a GitLab token": r"\bgl(?:pat|ptt|dt|rt|cbt)-[0-9A-Za-z_\-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[0-9A-Za-z\-]{10,}|hooks\.slack\.com/(?:services|workflows)/[0-9A-Za-z_/\-]{20,}",
    "a Stripe key": r"\b(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16,}|\bwhsec_[0-9A-Za-z+/=]{24,}",
    "a SendGrid key": r"\bSG\.[0-9A-Za-z_\-]{16,}\.[0-9A-Za-z_\-]{16,}",
    "a model provider's key": r"\bsk-(?:ant-|proj-|or-)?[0-9A-Za-z_\-]{20,}|\bhf_[A-Za-z]{30,}",
    "a package registry token": r"\bnpm_[0-9A-Za-z]{36}|\bpypi-AgE[0-9A-Za-z_\-]{40,}",
    "a Pulumi token": r"\bpul-[0-9a-f]{40}\b",
    "a cloud token": r"\bdop_v1_[0-9a-f]{64}|\bdapi[0-9a-f]{32}\b|\bSK[0-9a-f]{32}\b|\bhvs\.[0-9A-Za-z_\-]{24,}",
    "a JSON web token": r"\beyJ[0-9A-Za-z_\-]{8,}\.eyJ[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{8,}",
    "a URL with a password": r"(?<![a-z0-9+.\-])[a-z][a-z0-9+.\-]{1,30}://[^/\s:@?#]{0,200}:[^/\s@?#]{1,500}@",
    "an authorization header": r"(?i:\b(?:bearer|basic) [0-9a-z+/_=.\-]{16,})",
    "a password": r"(?i:\b(?:password|passwd|pwd|passphrase|client_secret|accountkey|api_?key)\s*[=:]"
    r"\s*(?![$<{*]|\s)[^\s;&,]{6,})",
    "a masking key": r"\bk[0-9]+:[0-9A-Za-z_\-]{43}(?![0-9A-Za-z_\-])",
}
_CREDENTIAL_KINDS = tuple(_CREDENTIAL_FORMATS)
_CREDENTIAL = re.compile(
    "|".join(f"(?P<k{index}>{pattern})" for index, pattern in enumerate(_CREDENTIAL_FORMATS.values()))
)

_RANDOM_CANDIDATE = re.compile(r"(?<![0-9A-Za-z+_=\-])[0-9A-Za-z+_\-]{20,}={0,2}")
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_MINIMUM_ENTROPY = 3.7
"""Bits a character. 20 characters of random base64 have 4.0 on average; words and names stay under 3.6 or change
class rarely.
"""
_MINIMUM_RUNS = 0.38
"""Words, abbreviations and numbers for each character: 0.55 in random base64, under 0.3 in CamelCase words."""

_SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:[a-z]*secrets?|[a-z]*passwords?|[a-z]*passwd|passphrase|pwd|[a-z]*token|credentials?"
    r"|(?:[a-z]+_?)?key|(?:api|access)[_\-.]?keys|salt|pepper|hmac|dsn|(?:github|gitlab|gh|git|azure|devops)_pat"
    r"|(?:admin|auth|database|db|email|ftp|ldap|mail|mongo|mysql|pg|postgres|proxy|redis|root|smtp|sql|ssh|user)_?pass)"
    r"(?:$|[_\-.](?:v?[0-9]+|old|new|previous|current|value|data|base|base64|b64|pem)$)",
    re.IGNORECASE,
)
_NOT_SECRET_NAME = re.compile(
    r"(?:public|partition|sort|primary|foreign|cache|idempotency|dictionary|kms)[_\-.]?key(?:[_\-.]pem)?$"
    r"|(?:^|[_\-.])(?:don|hoc|jer|mon|tur|whis)key$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where a word begins in camelCase."""

_PERSON = (
    r"(?:customer|client|user|buyer|member|patient|employee|person|contact|shopper|recipient|payer|guest|subscriber)"
)
_PERSONAL_NAME = re.compile(
    rf"(?:^|[_\-.]){_PERSON}s?[_\-.]?"
    r"(?:e?_?mail|phone|mobile|tel|(?<=[_\-.])name|surname|address|street|dob|birth|iban|id_?number)"
    r"|(?:^|[_\-.])(?:first|last|full|given|family|maiden|middle)[_\-.]?name(?:$|[_\-.])"
    r"|(?:^|[_\-.])(?:shipping|billing|home|postal|street|mailing)[_\-.]?address"
    r"|(?:^|[_\-.])(?:ssn|social_?security(?:_?number)?|national_?id|passport(?:_?(?:no|number))?)(?:$|[_\-.])"
    r"|(?:^|[_\-.])(?:tax_?id|iban)(?:$|[_\-.])"
    r"|(?:^|[_\-.])(?:date_?of_?birth|birth_?(?:date|day)|dob)(?:$|[_\-.])"
    r"|(?:^|[_\-.])(?:credit_?|debit_?)?card_?(?:number|holder|no|cvc|cvv)(?:$|[_\-.])|(?:^|[_\-.])cv[cv]2?(?:$|[_\-.])"
    r"|(?:^|[_\-.])(?:mobile|phone|telephone)_?(?:number|no)(?:$|[_\-.])|^(?:e_?mail|phone|surname)(?:_?address)?$",
    re.IGNORECASE,
)

_EMAIL = re.compile(
    r"(?<![\w.+\-])(?<!//)([\w.+\-]{1,64})@((?:[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24})(?![\w\-])"
)
_MACHINE_DOMAINS = (
    "gserviceaccount.com",
    "serviceaccount.com",
    "cloudservices.gserviceaccount.com",
    "noreply.github.com",
)
_ROLE_MAILBOXES = frozenset(
    "abuse admin alert alerts billing bookkeeping bot bots call ci contact data devops dpo engineering feedback "
    "git hello help hostmaster incident incidents info infra infrastructure it jobs legal ml mlops monitoring noc "
    "noreply notifications oncall operations ops orders pager platform postmaster press privacy reply returns "
    "root sales secops security service shop sre support sysadmin team webmaster".split()
)

_PHONE = re.compile(
    r"(?<![\w.+/:\-])(?:\+|00)[1-9][0-9]{0,2}(?:[ .\-/]?\(?[0-9]{1,5}\)?){2,6}(?![\w\-])"
    r"|(?<![\w.\-(])\(?[2-9][0-9]{2}\)?[ .\-][2-9][0-9]{2}[ .\-][0-9]{4}(?![\w\-])"
    r"|(?i:\b(?:phone|tel|telephone|mobile|call|fon|handy)[ .:=]{1,3}\(?0?[0-9][0-9 ()/.\-]{6,16}[0-9])"
)
_CARD = re.compile(r"(?<![\w.\-/@])[2-6](?:[ \-]?[0-9]){12,18}(?![\w\-/])")
_CARD_LENGTHS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3(?:0[0-5]|[689])"), (14, 16)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16,)),
    (re.compile(r"6(?:011|4[4-9]|5|2)"), (16, 17, 18, 19)),
    (re.compile(r"5[06-9]|6"), (13, 16, 18, 19)),
)
_IBAN = re.compile(r"(?<![\w\-])[A-Za-z]{2}[0-9]{2}(?: ?[0-9A-Za-z]){11,30}(?![\w\-])")
_IBAN_LENGTH: Final[dict[str, int]] = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FO18 FR27 GB22 "
        "GE22 GI23 GR27 HR21 HU28 IE22 IL23 IS26 IT27 KW30 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MT31 NL18 NO15 "
        "PL28 PT25 QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27 TR26 UA29 VA22 XK20"
    ).split()
}
_SOCIAL_SECURITY = re.compile(r"(?<![\w.\-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w.\-])")

# Given names that are no everyday word of engineering (no "Max", "Mark", "Grace", "Rose", "Will"): a label may well
# say max-instances.
_GIVEN_NAMES = frozenset(
    "aaron adam agnieszka ahmed aisha alejandro alessandro alexander alexandra alice alicia aleksandra amelie "
    "anastasia andreas andrew angela anika anita anna anne annika antoine antonio arthur barbara beatrice "
    "benjamin bernhard bettina birgit brigitte camille carla carlos caroline catherine charlotte chiara christian "
    "christina christine christopher claire claudia clara cristina daniel daniela danielle david deborah dennis "
    "dimitri dmitri dominik donald dorothy eduardo edward elena elisabeth elizabeth emily emma enrique erika "
    "ernst eva fatima federico felix fernando francesca francesco francois franz frederic friedrich fritz gabriel "
    "gabriela georg george gerhard giovanni giulia giuseppe gustav hannah hans heike heinrich helena helga henrik "
    "hiroshi ibrahim ines ingrid irina isabel isabella ivan jacob jacques james jan jennifer jessica joanna "
    "johann johannes john jonas jose joseph juan julia julie juliette juergen karen karin karl katarzyna "
    "katharina kathrin katrin kenneth kevin klaus kristina larissa laura laurent lea leonardo lena leon linda "
    "lisa luca lucas lucia luis luisa lukas magdalena manuel marco margaret maria marie marina mario markus marta "
    "martin martina mary mateo matteo matthew matthias mehmet melanie mia michael michaela michelle miguel "
    "mohamed mohammed monika muhammad nadia natalia natalie nathalie nicola nicolas nicole nikolai nina olga "
    "oliver olivia omar oscar pablo paolo patricia patrick paula pauline pedro peter petra philipp philippe "
    "pierre piotr priya rachel rafael ralf raphael rebecca renate ricardo richard robert roberto roland ronald "
    "ruth sabine samantha samuel sandra sara sarah sebastian sergei sharon silvia simone sofia sophia sophie "
    "stefan stefanie stephan stephanie stephen steven susan susanne svetlana sylvia tatiana theresa thomas "
    "timothy tobias ulrich ulrike ursula uwe valentina vanessa vera veronika viktor vincent vladimir walter "
    "werner wilhelm william wolfgang xavier yuki yusuf zoe".split()
)
_NOT_SURNAMES = frozenset(
    "account agent api app bot bucket build cache cloud cluster config container core data database db demo "
    "deploy dev env gateway house image infra instance job key lang language level library list local log main "
    "model module network node ops pipeline platform pod pool primary prod production project queue registry "
    "release repo role rule runner runtime sandbox schema script secret server service site stack staging state "
    "storage store system task team test tool topic user version web worker zone".split()
)
_NAME_PAIR = re.compile(r"(?<![^\W_])([^\W\d_]{2,15})[ .,_\-]{1,2}([^\W\d_](?:[^\W\d_]|['’]){2,24})(?![^\W_])")
_FOLD = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "é": "e", "è": "e", "ç": "c", "á": "a", "í": "i", "ó": "o", "ł": "l", "ï": "i"}
)


def credential_in(text: str) -> str | None:
    """The kind of credential that a text seems to hold ("an AWS key"), or None."""
    if len(text) < 8:
        return None
    match = _CREDENTIAL.search(text)
    if match is not None and match.lastgroup is not None:
        return _CREDENTIAL_KINDS[int(match.lastgroup[1:])]
    for candidate in _RANDOM_CANDIDATE.finditer(text):
        if _looks_random(candidate.group().rstrip("=")):
            return "a random secret (high entropy)"
    return None


def personal_data_in(text: str) -> str | None:
    """The kind of personal data that a text seems to hold ("an e-mail address"), or None."""
    if len(text) < 6:
        return None
    for match in _EMAIL.finditer(text):
        if not is_role_mailbox(match.group(1)) and not match.group(2).lower().endswith(_MACHINE_DOMAINS):
            return "an e-mail address"
    for match in _IBAN.finditer(text):
        if is_iban(match.group()):
            return "an IBAN"
    for match in _CARD.finditer(text):
        if is_card_number(match.group()):
            return "a card number"
    if _SOCIAL_SECURITY.search(text):
        return "a social security number"
    for match in _PHONE.finditer(text):
        if 8 <= sum(character.isdigit() for character in match.group()) <= 17:
            return "a phone number"
    return "a person's name" if names_a_person(text) else None


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret (`API_KEY`, `DB_PASSWORD`), rather than something about one
    (`API_KEY_REQUIRED`).
    """
    words = _HUMP.sub("_", name)
    return _SECRET_NAME.search(words) is not None and _NOT_SECRET_NAME.search(words) is None


def is_personal_name(name: str) -> bool:
    """Whether a variable or label of this name holds personal data (`CUSTOMER_EMAIL`, `first_name`)."""
    return _PERSONAL_NAME.search(_HUMP.sub("_", name)) is not None


def is_card_number(text: str) -> bool:
    """Whether the digits are a card number: an issuer's prefix, one of that issuer's lengths, and the checksum of
    ISO/IEC 7812 (Luhn).
    """
    digits = "".join(character for character in text if character.isdigit())
    if (
        not any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _CARD_LENGTHS)
        or len(set(digits)) < 2
    ):
        return False
    doubled = (int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN: a country of the registry, its length, and the checksum of ISO 13616 (mod 97)."""
    compact = text.replace(" ", "").upper()
    if _IBAN_LENGTH.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def _looks_random(token: str) -> bool:
    if not (any(c.isupper() for c in token) and any(c.islower() for c in token) and any(c.isdigit() for c in token)):
        return False
    if len(_RUN.findall(token)) < _MINIMUM_RUNS * len(token):
        return False
    counts = Counter(token)
    return -sum(count / len(token) * log2(count / len(token)) for count in counts.values()) >= _MINIMUM_ENTROPY


def is_role_mailbox(local_part: str) -> bool:
    """Whether what stands before the @ names a task (`orders-on-call`) and no person (`anna.support`)."""
    words = re.split(r"[._\-]", local_part.lower().partition("+")[0])
    return not _ROLE_MAILBOXES.isdisjoint(words) and _GIVEN_NAMES.isdisjoint(words)


def names_a_person(text: str) -> bool:
    """Whether a given name is followed by what can be a family name, both with capitals or both without."""
    position = 0
    while match := _NAME_PAIR.search(text, position):
        given, family = (part.lower().translate(_FOLD) for part in match.groups())
        capitals = match.group(1)[0].isupper() == match.group(2)[0].isupper()
        if capitals and given in _GIVEN_NAMES and family not in _NOT_SURNAMES:
            return True
        position = match.end(1)
    return False
