"""Does a text hold personal data?

Made for configuration: labels, descriptions, environment variables. Digests, image references, UUIDs, bucket names,
URLs and versions must not be taken for it, so each detector asks for a format, a checksum or a context, never for
digits alone. A detector returns what kind of thing it saw, never the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from policies.patterns import lazy

_HUMP = lazy(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where a word begins in camelCase."""

_PERSON = (
    r"(?:customer|client|user|buyer|member|patient|employee|person|contact|shopper|recipient|payer|guest|subscriber)"
)
_PERSONAL_NAME = lazy(
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

_EMAIL = lazy(
    r"(?<![\w.+\-])(?<!//)([\w.+\-]{1,64})@((?:[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24})(?![\w\-])"
)
_MACHINE_DOMAINS = (
    ".gserviceaccount.com",
    ".serviceaccount.com",
    ".noreply.github.com",
    ".group.calendar.google.com",
    ".resource.calendar.google.com",
    ".g.us",
    ".s.whatsapp.net",
)
_EXAMPLE_DOMAIN = lazy(
    r"(?:.+\.)?(?:example\.(?:com|org|net)|example|test|invalid|localhost)" r"|(?:email|domain)\.com"
)
"""Domains that are kept for examples (RFC 2606 and RFC 6761), and two that manuals take for it."""
_STAND_IN_FAMILIES = frozenset("doe mustermann musterfrau bloggs".split())
_STAND_INS = frozenset(
    "account address admin bar baz demo dev email example first firstname foo full fullname last lastname login mail "
    "me my myself name nobody owner person sample some somebody someone surname test tester user username you your "
    "yourname".split()
)
"""What stands for any person in the address of an example."""
_ROLE_MAILBOXES = frozenset(
    "abuse admin alert alerts billing bookkeeping bot bots call ci contact data devops dpo engineering feedback "
    "git hello help hostmaster incident incidents info infra infrastructure it jobs legal mail ml mlops monitoring noc "
    "noreply notifications oncall operations ops orders pager platform postmaster press privacy reply returns "
    "root sales secops security service shop sre support sysadmin team webmaster".split()
)

_PHONE = lazy(
    r"(?<![\w.+/:\-])(?:\+|00)[1-9][0-9]{0,2}(?:[ .\-/]?\(?[0-9]{1,5}\)?){2,6}(?![\w\-])"
    r"|(?<![\w.\-(])\(?[2-9][0-9]{2}\)?[ .\-][2-9][0-9]{2}[ .\-][0-9]{4}(?![\w\-])"
    r"|(?i:\b(?:phone|tel|telephone|mobile|call|fon|handy)[ .:=]{1,3}\(?0?[0-9][0-9 ()/.\-]{6,16}[0-9])"
)
_CARD = lazy(r"(?<![\w.\-/@])[2-6](?:[ \-]?[0-9]){12,18}(?![\w\-/])")
_CARD_LENGTHS = (
    (lazy(r"4"), (13, 16, 19)),
    (lazy(r"5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720)"), (16,)),
    (lazy(r"3[47]"), (15,)),
    (lazy(r"3(?:0[0-5]|[689])"), (14, 16)),
    (lazy(r"35(?:2[89]|[3-8])"), (16,)),
    (lazy(r"6(?:011|4[4-9]|5|2)"), (16, 17, 18, 19)),
    (lazy(r"5[06-9]|6"), (13, 16, 18, 19)),
)
_IBAN = lazy(r"(?<![\w\-])[A-Za-z]{2}[0-9]{2}(?: ?[0-9A-Za-z]){11,30}(?![\w\-])")
_IBAN_LENGTH: Final[dict[str, int]] = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FO18 FR27 GB22 "
        "GE22 GI23 GR27 HR21 HU28 IE22 IL23 IS26 IT27 KW30 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MT31 NL18 NO15 "
        "PL28 PT25 QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27 TR26 UA29 VA22 XK20"
    ).split()
}
_SOCIAL_SECURITY = lazy(r"(?<![\w.\-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w.\-])")

# Given names that are no everyday word of engineering (no "Max", "Mark", "Grace", "Rose", "Will"): a label may well
# say max-instances.
_GIVEN_NAMES = frozenset(
    "aaron adam agnes agnieszka ahmed aisha alejandro aleksandra alessandro alexander alexandra alice alicia amandine "
    "amelie amit amy anastasia anders andreas andrew andrzej angela anika anil anita anjali anna anne annika antoine "
    "antonio arthur ashley astrid barbara beatrice benjamin bernhard bettina birgit bjoern brandon brian brigitte "
    "brittany camille carla carlos carmen carol caroline carolyn catherine charlotte chiara chloe christian christina "
    "christine christopher claire clara claudia craig cristina cynthia daniel daniela danielle david deborah deepak "
    "dennis diane dimitri dmitri dominik donald donna dorota dorothy douglas dragan eduardo edward elena eleni elias "
    "elisa elisabeth elizabeth emil emily emma enrique eric erik erika ernst eva ewa fatima federico felix fernando "
    "francesca francesco francois franz frederic freja friedrich fritz gabriel gabriela georg george gerhard giorgio "
    "giorgos giovanni giulia giuseppe goran gregory greta gustav hannah hans haruto hassan heather heike heinrich "
    "helena helga henrik hiroshi ibrahim ines ingmar ingrid irina isabel isabella ivan ivana jacob jacques jakub "
    "james jan janet janne jason javier jeffrey jelena jennifer jens jessica joanna johann johannes john jonas jorge "
    "jose joseph juan juergen julia julie julien juliette justin karen karim karin karl katarzyna katharina kathleen "
    "kathrin katrin kavita keith kenji kenneth kevin khalid kimberly klaus kristina krzysztof lakshmi larissa lars "
    "laura lauren laurent lea leila lena leon leonardo liam lily linda lisa luca lucas lucia luigi luis luisa lukas "
    "magdalena malgorzata manon manuel marco marek margaret maria marie marina mario markus marta martin martina mary "
    "mateo mateusz mathieu matteo matthew matthias megan mehdi mehmet melanie mia michael michaela michelle miguel "
    "mikael mikko mohamed mohammed monika muhammad nadia nancy natalia natalie nathalie neha nicola nicolas nicole "
    "nikolai nikos nils nina noah olga oliver olivia omar oscar pablo paolo patricia patrick paula pauline pawel "
    "pedro pekka peter petra philipp philippe pierre pilar piotr pooja priya rachel rafael rahul rajesh ralf ramesh "
    "raphael raul rebecca renate ricardo richard robert roberto roland ronald ruth ryan sabine samantha samuel sandra "
    "sanjay sara sarah sebastian sergei sergio sharon silvia simone sofia sofie sophia sophie stefan stefanie stefano "
    "stephan stephanie stephen steven suresh susan susanne sven svetlana sylvia sylvie takashi tatiana theresa thomas "
    "tiffany timothy tobias tomasz ulrich ulrike ursula uwe valentina vanessa vera veronika vesna vijay viktor "
    "vincent vladimir walter wayne werner wilhelm william wojciech wolfgang xavier yasmin youssef yuki yuko yusuf zoe "
    "zofia zoran".split()
)
_FAMILY_NAMES = frozenset(
    "abdullah acosta adams agarwal aguilar ahmad ahmed akhtar alexander ali allen almeida alonso alvarez alves "
    "andersen anderson andersson andrews arnold arslan ashraf aydin bailey baker banerjee barbosa barnes bauer "
    "baumann becker begum bell benitez bennett bergman bernard bianchi blanc blanco bonnet borges bouchard boucher "
    "boyd brandt braun brooks brown bruno bryant burns butler cabrera campbell campos cardoso carlson carlsson "
    "carpenter carter carvalho castillo castro celik chan chang chaudhary chavez chen cheng choi chowdhury "
    "christensen clark clarke cohen coleman collins colombo conti contreras cook cooper correia costa cox crawford "
    "cruz cunningham da-silva dahl dang daniels das davies davis delgado deluca demir desai dias diaz dietrich doe "
    "dogan dominguez dubois dumas duncan dupont durand edwards ellis engel eriksen eriksson esposito evans ferguson "
    "fernandes fernandez ferrara ferrari ferreira fischer fisher fleming flores fontaine ford foster fournier "
    "fowler fox frank franke freeman friedrich fuchs fuentes gallo garcia gardner garnier gauthier gibson giordano "
    "girard gomes gomez gonzales gonzalez gordon graf graham grant greco green griffin gross gruber guerin guerrero "
    "gupta gutierrez guzman haas hall hamilton hansen hansson hardy harris harrison hartmann hasan hassan hawkins "
    "hayes heinrich henderson henry hernandez herrera hoang hoffman hoffmann hofmann holmes horn horvat horvath "
    "howard huang huber hughes hunt hunter hussain huynh ibrahim iglesias ivanov ivanova jackson jacobs jaeger jain "
    "jansen janssen jansson jenkins jensen jimenez johansen johansson johnson johnston jones jordan joseph joshi "
    "jovanovic jung kaiser kaminski kang kapoor karlsson kaur kaya keller kelly kennedy khan kim kimura klein "
    "knight kobayashi koch koehler kovacs kowalczyk kowalski krause krueger kuhn kumar lambert lang lange larsen "
    "larson larsson laurent lawrence leclerc lee lefebvre legrand lehmann leone leroy lewandowski lewis liang lim "
    "lin lindberg liu long lopes lopez lorenz lozano lucas ludwig maier mancini marchand marchetti mariani marin "
    "marino marques marshall martin martinelli martinez martins mason matthews mayer mccarthy mcdonald mehta meier "
    "mendes mendez mendoza mercier merkel meyer michel miller mills mishra mitchell moeller molina monteiro "
    "montgomery moore morales moreau morel moreno moretti morgan morris morrison mueller munoz murphy murray myers "
    "nakamura navarro nel nelson neumann nguyen nielsen nikolic nilsson nowak nunes obrien oconnor oezdemir ogawa "
    "oliveira olsen olson olsson oneill ortega ortiz otto owens pace palmer papadopoulos park parker patel "
    "patterson paul payne pedersen pena peralta pereira perez perkins perrin perry persson peters petersen peterson "
    "petit petrov petrova petrovic pfeiffer pham phillips pinto popescu popov porter powell price ramirez ramos rao "
    "reddy reed reid reis ribeiro ricci richard richards richardson richter riley rinaldi rios rivera rizzo roberts "
    "robertson robin robinson roche rodrigues rodriguez roger rogers rojas romano romero rossi rousseau roussel "
    "roux roy ruiz russell russo ryan saito salazar sanchez sanders santana santiago santoro santos sasaki sato "
    "sauer schaefer schmid schmidt schmitt schneider schreiber schroeder schubert schulte schultz schulz schulze "
    "schumacher schuster schwartz schwarz scott seidel serra shah shaikh sharma shaw silva simmons simon simpson "
    "singh smirnov smit smith snyder sokolov sommer soto sousa souza spencer stein stephens stevens stevenson "
    "stewart stone suarez sullivan suzuki svensson szabo tan tanaka taylor teixeira thomas thompson thomsen torres "
    "toth tran tucker turner varga vargas vasquez vazquez vega verma vidal vieira villa vincent vogel vogt voigt "
    "volkov wagner walker wallace walsh walter wang ward washington watanabe watson watts weaver weber weiss wells "
    "werner wheeler white williams williamson willis wilson winkler winter wojcik wolf wolff wong wood woods wright "
    "wu xu yadav yamada yamaguchi yamamoto yang yildirim yildiz yilmaz yoshida young zhang zhao zhou zhu ziegler "
    "zimmermann".split()
)
"""The commonest family names of Europe, the Americas and Asia, folded."""
_ALSO_WORDS = frozenset(
    "angel april august chase dean destiny faith frank grace grant hope jack jane jean joy june lee mark max "
    "may mike miles pat paul ray rob rose sam sky ted tim tom victor victoria will".split()
)
"""Given names that are everyday words as well: they count before a known family name alone."""
_NOT_SURNAMES = frozenset(
    "account agent algorithm analytics api app apr archive auth aug backend backup batch bot broker bucket build cache "
    "chart client cloud cluster collector compute config connector console container core cron dashboard data database "
    "dataset db dec demo deploy deployment dev docker driver edge endpoint engine env export exporter feature feb file "
    "flow forest forwarder framework frontend function gateway gpu graph group host house image import index infra "
    "ingest ingress instance integration invoker job jul jun key kubernetes lake lang language layer level library "
    "limit linux list loader local log logs main manager mar mesh metrics mirror model module monitor net network "
    "node nov oct ops optimizer pipeline platform plugin pod pool portal preview primary prod production project proxy "
    "queue reader registry release repo report role router rule runner runtime sandbox scheduler schema script search "
    "secret sep server service shard shop site snapshot solver spark stack stage staging state storage store stream "
    "sync system table task team template tenant test tests tool topic tracker training user version view vm volume "
    "warehouse web webhook worker workflow workload workspace writer zone".split()
)
_WORD_ENDINGS = ("izer", "tion", "ing", "ment", "ware", "base", "ics", "ness", "ity", "ator")
"""How words of engineering end and family names hardly do."""
_NAME_PAIR = lazy(r"(?<![^\W_])([^\W\d_]{2,15})[ .,_\-]{1,2}(?:[A-Z]\. ?)?([^\W\d_](?:[^\W\d_]|['’]){1,24})(?![^\W_])")
_TITLED = lazy(r"\b(?:[Mm]r|[Mm]rs|[Mm]s|Dr|Prof|Herr|Frau|Mme|Sra?|Signora?)\.? (?:[A-Z]\. ?)?[A-Z][a-z]{2,}")
_FOLD = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "é": "e", "è": "e", "ç": "c", "á": "a", "í": "i", "ó": "o", "ł": "l", "ï": "i"}
)


def _spanish(text: str) -> bool:
    digits = text.replace("-", "").translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits[:-1]) % 23] == text[-1]


def _singaporean(text: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(text[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"S": 0, "F": 0, "T": 4, "G": 4, "M": 3}[text[0]]
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "KLJNPQRTUWX"}.get(text[0], "XWUTRQPNMLK")
    return letters[(10 - total % 11) % 11 if text[0] == "M" else total % 11] == text[8]


def _finnish(text: str) -> bool:
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[7:10]) % 31] == text[10]


def _british_health(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    check = 11 - sum(digit * (10 - index) for index, digit in enumerate(digits[:9])) % 11
    return check % 11 == digits[9] and len(set(digits)) > 1


def _luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    doubled = (digit * (1 + index % 2) for index, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _verhoeff(text: str) -> bool:
    """The checksum of an Aadhaar number, by the dihedral group of ten elements."""
    check = 0
    for index, digit in enumerate(reversed([int(character) for character in text if character.isdigit()])):
        for _ in range(index % 8):
            digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
        if check < 5:
            check = (check + digit) % 5 if digit < 5 else 5 + (check + digit) % 5
        else:
            check = 5 + (check - digit) % 5 if digit < 5 else (check - digit) % 5
    return check == 0


def _always(_: str) -> bool:
    return True


_NATIONAL: Final[tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]] = (
    (
        lazy(r"(?<![\w.\-])9[0-9]{2}-(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])-[0-9]{4}(?![\w.\-])"),
        _always,
    ),  # US, tax
    (lazy(r"(?<![\w.\-])[0-9]{8}-?[A-HJ-NP-TV-Z](?![\w\-])"), _spanish),
    (lazy(r"(?<![\w.\-])[XYZ][0-9]{7}-?[A-HJ-NP-TV-Z](?![\w\-])"), _spanish),
    (lazy(r"(?<![\w\-])[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?![\w\-])"), _always),  # Italy
    (lazy(r"(?<![\w\-])[STFGM][0-9]{7}[A-Z](?![\w\-])"), _singaporean),
    (lazy(r"(?<![\w\-])[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z](?![\w\-])"), _always),  # India, tax
    (lazy(r"(?<![\w.\-])[2-9][0-9]{3}[ \-][0-9]{4}[ \-][0-9]{4}(?![\w\-])"), _verhoeff),
    (lazy(r"(?<![\w.\-])[0-3][0-9][01][0-9]{3}[+\-A][0-9]{3}[0-9A-FHJ-NPR-Y](?![\w\-])"), _finnish),
    (
        lazy(r"(?<![\w.\-])(?:[0-9]{2})?[0-9]{2}[01][0-9][0-3][0-9][\-+][0-9]{4}(?![\w\-])"),
        lambda t: _luhn(t[-11:]),
    ),  # Sweden
    (lazy(r"(?<![\w.\-])[0-9]{2}[01][0-9][0-3][0-9]-[1-8][0-9]{6}(?![\w\-])"), _always),  # Korea
    (lazy(r"(?<![\w.\-])[0-9]{3}[ \-][0-9]{3}[ \-][0-9]{4}(?![\w\-])"), _british_health),
    (
        lazy(r"(?<![\w\-])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![\w\-])"),
        _always,
    ),
)
"""National numbers of people by form and checksum: USA, Spain, Italy, Singapore, India, Finland, Sweden, Korea, UK."""
_TOLD = lazy(
    r"(?i)\b(?:ssn|social security(?: number)?|nhs|pesel|tfn|medicare|aadhaar|national id|passport(?: (?:no|number))?"
    r"|driver'?s? licen[cs]e(?: (?:no|number))?|tax id|steuer-?id|personalausweis|bank account(?: (?:no|number))?)"
    r"\W{1,6}(?:(?:is|no|number)\W{1,3})?(?=[A-Z0-9 \-]*[0-9]{4})[A-Z0-9][A-Z0-9 \-]{5,18}\b"
)
_BORN = lazy(
    r"(?i)\b(?:born|birth(?:day|date)?|date of birth|dob)\W{1,5}(?:on |is )?"
    r"(?:[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4})"
)


def personal_data_in(text: str) -> str | None:
    """The kind of personal data that a text seems to hold ("an e-mail address"), or None."""
    if len(text) < 6:
        return None
    for match in _EMAIL.finditer(text):
        domain = match.group(2).lower()
        if (
            is_role_mailbox(match.group(1))
            or f".{domain}".endswith(_MACHINE_DOMAINS)
            or _is_own(match.group(1), domain)
        ):
            continue
        if not (_EXAMPLE_DOMAIN.fullmatch(domain) and _is_stand_in(match.group(1).lower())):
            return "an e-mail address"
        text = text.replace(match.group(), "")  # John Doe is nobody's name there.
    for match in _IBAN.finditer(text):
        if is_iban(match.group()):
            return "an IBAN"
    for match in _CARD.finditer(text):
        if is_card_number(match.group()):
            return "a card number"
    if _SOCIAL_SECURITY.search(text):
        return "a social security number"
    if _TOLD.search(text) or any(fits(match[0]) for form, fits in _NATIONAL for match in form.finditer(text)):
        return "a person's number"
    if _BORN.search(text):
        return "a date of birth"
    for match in _PHONE.finditer(text):
        if 8 <= sum(character.isdigit() for character in match.group()) <= 17:
            return "a phone number"
    return "a person's name" if names_a_person(text) else None


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
    return _luhn(digits)


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN: a country of the registry, its length, and the checksum of ISO 13616 (mod 97)."""
    compact = text.replace(" ", "").upper()
    if _IBAN_LENGTH.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_role_mailbox(local_part: str) -> bool:
    """Whether what stands before the @ names a task (`orders-on-call`) and no person (`anna.support`)."""
    words = re.split(r"[._\-]", local_part.lower().partition("+")[0])
    return not _ROLE_MAILBOXES.isdisjoint(words) and _GIVEN_NAMES.isdisjoint(words)


def _is_own(local_part: str, domain: str) -> bool:
    """Whether an address is that of the domain itself (`pgadmin4@pgadmin.org`), or has its name blotted out."""
    plain = local_part.lower().rstrip("0123456789")
    return (plain in domain.split(".") and plain not in _GIVEN_NAMES) or (len(plain) > 2 and set(plain) == {"x"})


def _is_stand_in(local_part: str) -> bool:
    """Whether an address at a domain for examples is nobody's: a plain word that is no given name, or words that stand
    for any person (`john.doe`, `first.last`, `user-1`).
    """
    if local_part.isalpha() and local_part not in _GIVEN_NAMES:
        return True
    words = [word for word in re.split(r"[._+\-0-9]+", local_part) if word]
    return bool(words) and (words[-1] in _STAND_IN_FAMILIES or _STAND_INS.issuperset(words))


def names_a_person(text: str) -> bool:
    """Whether a given name is followed by a family name: a known one, or, where both begin with a capital, any word
    that is none of engineering.
    """
    if _TITLED.search(text):
        return True
    position = 0
    while match := _NAME_PAIR.search(text, position):
        given, family = (part.lower().translate(_FOLD).replace("’", "").replace("'", "") for part in match.groups())
        written = text[match.end(1)] in " ," and match[1].istitle() and match[2][0].isupper() and not match[2].isupper()
        known = family in _FAMILY_NAMES and (written or family not in _NOT_SURNAMES)
        if known and (given in _GIVEN_NAMES or given in _ALSO_WORDS) and given != family:
            return True
        if written and given in _GIVEN_NAMES and family not in _NOT_SURNAMES and not family.endswith(_WORD_ENDINGS):
            return True
        position = match.end(1)
    return False
