"""Telephone numbers.

One linear scan cuts the text into runs of digits with what people put between them; each run is then judged as a
whole and, if it is none, by its parts, the longest first: international by its country code, national by its
grouping, anything else by the words around it. An extension behind a number belongs to it.
"""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.checksums import ean, isbn
from orderguard.masking.recognisers.context import Meaning, expanded, meaning
from orderguard.masking.spans import Span
from orderguard.masking.view import View, fold

_NOUNS = frozenset(fold("""
    phone phones telephone tel tele tlf tlfn mobile mob cell cellphone cellular fax whatsapp signal viber telegram
    sms dial callback hotline landline contact answering office desk reach pager voicemail
    telefon telefonnummer telefonnr handy handynummer mobil mobilnummer mobilfunk rufnummer festnetz fon
    erreichbar ruckruf durchwahl
    portable gsm joindre telephonique
    telefono telefonos fono movil celular celulares
    telefone telemovel telefones
    cellulare recapito
    telefoon telefoonnummer mobiel mobieltje
    telefonu telefonem telefoniczny telefonicznie komorka komorkowy komorke kom stacjonarny
    mobilen telefonnumret mobilnumret mobilnr mobiltelefon hemtelefon
    mobilni telefonni telefonniho telefonicky pevna linka
    puhelin puh matkapuhelin kannykka mobiltelefonszam mobilszam telefonszam
    cep gsm ceptelefonu telefonum telefonumuz cebim numaram
    contacto contato contatto kontakt
    телефон телефона тел моб мобильный мобільний сотовый телефоном τηλεφωνο τηλ κινητο טלפון נייד هاتف جوال फोन मोबाइल
    電話 電話番号 携帯 手机 手機 电话 전화 휴대폰 denwa keitai dienthoai telepon
    """).split())
"""What a telephone number is called."""
_LABELS = expanded(_NOUNS)
_CALLS = frozenset(fold("""
    call calls called calling phoned reached
    anruf anrufen anrufe ruf rufen angerufen klingeln erreichen durchklingeln
    appeler appelez appel telephoner telephonez rappeler contactez
    llamar llame llamen llamame llamada llamad llamenme llameme
    ligar ligue liguem chamar chame telefonar
    chiamare chiamate chiamatemi chiama chiami telefonare
    bellen opbellen gebeld
    zadzwonic dzwonic zadzwon dzwon
    ringa ringer ringe soita soittaa
    zavolat volat volejte zavolejte
    hivjon hivja sunati suna arayin ara звонить звоните позвоните
    """).split())
_VERBS = frozenset("ring bel text ping".split())
"""Words that mean a call only right before a number."""
_NEAREST = 10

_RUN = re.compile(r"(?:\(?\+[ ]?\(?|\()?\d+(?:[ .\-/()]{1,4}\d+)*")
_GROUP = re.compile(r"\d+")
_EXTENSION = re.compile(
    r"[ ,;]{0,3}\(?(?:x|ext|extn|extension|durchwahl|dw|poste|int|interno|anexo|ramal|toestel|tst|wew|wewn|"
    r"linka|klapka|anknytning|lokal|dahili|mellek|" + fold("доб") + r")[ .:#=]{0,4}\d+\)?(?!\w)|"
    # digits that are dialled after a pause
    r"(?:,{2,3}\d{1,12}#?){1,3}",
    re.IGNORECASE,
)
_COUNTRY_CODE = re.compile(
    r"1|7|2(?:0|7|1[12368]|2\d|3\d|4\d|5[0-8]|6\d|9[01789])|3(?:[0-469]|5\d|7\d|8[0-35-79])|4(?:[013-9]|2[013])|"
    r"5(?:[1-8]|0\d|9\d)|6(?:[0-6]|7[02-9]|8\d|9[0-2])|8(?:[1246]|5[02356]|7[08]|8[0-36])|9(?:[0-58]|6\d|7[0-79]|"
    r"9[2-68])"
)
_EAN_SHAPES = {(1, 6, 6), (1, 5, 5, 1)}
_FEWEST, _FEWEST_NATIONAL, _FEWEST_ABROAD, _MOST, _MOST_ABROAD = 6, 7, 11, 15, 17
_MOST_GROUPS = 8
_SURE, _LIKELY, _SHARED = 3, 2, 1
_LARGEST_STEP, _SMALL_STEP = 10, 101
_QUANTITY, _FEWEST_IN_GROUP, _LONG_NATIONAL, _FEWEST_DISTINCT = 2, 2, 12, 3

_TRUNK = re.compile(
    r"\(?0[1-9]\d{0,3}\)?[ .\-/]{1,3}\(?\d{2,9}\)?(?:[ .\-/]\(?\d{2,8}\)?){0,3}|"
    r"\(?0[1-9]\d{1,4}\)?[ /]{0,3}[1-9]\d{3,7}|0[1-9]\d{4}-\d{5}|0(?! \d{3} \d{3} \d{3}(?! ?\d))(?: \d{2,4}){3,4}|"
    r"\(?0(?! \d{3} \d{3} \d{3}(?! ?\d))[ -][1-9]\d{1,3}\)?(?:[ -]\d{2,8}){1,3}|\(?06[ -]1\)?(?:[ .-]\d{3,4}){2}"
)
"""National numbers with their trunk prefix, in groups."""
_NANP = re.compile(r"(?:1[ .-]?)?(?:\(\d{3}\) ?\d{3}[ .-]\d{4}|\(\d{3}\) ?\d{7}|[2-9]\d\d([ .-])\d{3}\1\d{4})")
_BRACKETED = re.compile(r"(?:8[ -]?)?\(\d{1,5}\)(?:[ -]?\d{2,5}){1,4}")
"""An area code in brackets: Brazil, Russia, Peru, Chile and more."""
_GROUPED = re.compile(
    # by twos
    r"[2-9]\d([ .-])\d\d(?:\1\d\d){2}|[5-9]\d\d([ .-])\d\d(?:\2\d\d){2}|[1-9]\d([ -])\d{3}\3\d\d\3\d\d|"
    # by threes
    r"[2-9]\d\d([ -])\d{3}\4\d{3}|[2-9]\d([ -])\d{3}\5\d{3}|[2-9]\d{3}([ -])\d{3}\6\d{3}|"
    # ending in four or more
    r"[1-9]\d\d[ -]\d{3}[ -]\d{4}|1[3-9]\d([ -])\d{4}\7\d{4}|[1-9]\d[ -]9?\d{4}[ -]\d{4}|[2-9]\d[ .-]\d{3}[ .-]\d{4}|"
    r"[6-9]\d{4} \d{5}|[36]\d\d[ -]\d{6,7}|5\d\d([ -])\d{3}\8\d\d\8\d\d|"
    r"8[ -]\d{3}[ -]\d{3}[ -]?\d\d[ -]?\d\d|8[ -]\d{3}[ -]\d{5}"
)
"""The groupings of countries without a trunk prefix."""
_SHORT = re.compile(
    r"[235689]\d{3}[ -](?!(?:19|20)\d\d)\d{4}|[4-9]\d\d[ -]\d{4}|[2-9][ -]\d{4}[ -]\d{4}|"
    r"0[1-9]\d?([ .-])(?:\d{3}\1?\d{3}|\d\d\1\d\d\1\d\d)|0[1-9]\d{1,2}[ /-]\d{5}"
)
"""Seven and eight digits: many other numbers look like these, so nothing may speak of such."""
_WHOLE = re.compile(
    r"0[1-9]\d{8,9}|[2-9]\d{2}[2-9]\d{6}|1[3-9]\d{9}|3[2-9]\d{8}|[67]\d{8}|[6-9]\d{9}|8?9\d{9}|[1-9][1-9]9\d{8}"
)
"""Numbers in one piece whose length and beginning are those of a national plan."""
_DATE = re.compile(
    r"(?:0?[1-9]|[12]\d|3[01])([ .\-/])(?:0?[1-9]|1[0-2])\1(?:19|20)\d\d(?!\d)|"
    r"(?:0?[1-9]|1[0-2])([ .\-/])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d(?!\d)|"
    r"(?:19|20)\d\d([ .\-/])(?:0[1-9]|1[0-2])\3(?:0[1-9]|[12]\d|3[01])(?!\d)"
)
_DECIMAL = re.compile(r"[+-]?\d{1,3}[.]\d{4,8}")
_MONEY_BEFORE = re.compile(r"(?:[€$£¥]|\b(?:eur|usd|gbp|chf|pln|czk|sek|nok|dkk|brl|rs|kr))\s?$")
_UNIT = re.compile(
    r"\s?(?:[€$£¥%°\"]|(?:mm|cm|km|kg|mg|ml|cl|kw|kwh|wh|mv|ma|ah|mah|hz|khz|mhz|ghz|rpm|psi|kpa|nm|um|eur|usd|gbp|chf|"
    r"pln|czk|sek|nok|dkk|kc|zl|kr|ft|lei|pcs|stk|st|pieces?|stuck|grit|korn|px|dpi|bytes?|kb|mb|gb|tb|sec|min|lm|"
    r"oz|lbs?|inch|yd|g|l|v|w)\b)"
)
_PART_BEFORE = re.compile(r"(?:[\d#*=<>~^]|\d[.,]|[+-])\Z")
_PART_AFTER = re.compile(r"[.,]\d|-[^\W\d]|\s?[x*=<>^]\s?\d")
_TIME_BEFORE, _TIME_AFTER = re.compile(r"\d:\Z"), re.compile(r":\d\d(?!\d)")
_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_VERSION = re.compile(r"\d+(?:\.\d+){0,8}\.\d(?:\.\d+){1,8}")
_LONGEST_WORD = 16
_LETTERS_BEFORE = re.compile(r"[^\W\d_]+$")
_WORD_BEFORE = re.compile(r"[a-z]{4}$")
_WORD_AFTER = re.compile(r"[^\W\d_]+")

Groups = list[tuple[int, int]]
"""Where groups of digits begin and end."""


def find(view: View) -> Iterator[Span]:
    """Telephone numbers of 6 to 15 digits; what its label calls an order, article or tracking number is left alone."""
    if not view.has_number:
        return
    for run in _RUN.finditer(view.text):
        if run.end() - run.start() >= _FEWEST:
            yield from _in_run(view, run)


def _in_run(view: View, run: re.Match[str]) -> Iterator[Span]:
    """The numbers in one run of digit groups: those with a form first, then what a word claims."""
    text = view.text
    groups = _untouched(text, [match.span() for match in _GROUP.finditer(text, run.start(), run.end())])
    if _digits(groups) < _FEWEST or _is_article_number(text, groups):
        return
    if "+" in run[0][:4] and groups[0][0] < run.start() + 4:
        last = _fitting(groups, _MOST_ABROAD)
        if _is_international(text, run.start(), groups[:last]):
            yield _whole(text, run.start(), groups[last - 1][1])
            groups = groups[last:]
    for part in _without_dates(text, groups):
        yield from _in_groups(view, part)


def _in_groups(view: View, groups: Groups) -> Iterator[Span]:
    """The numbers in a run, or in what is left of one."""
    text, first = view.text, 0
    rest: Groups = []
    while first < len(groups):
        last = _end_of_shaped(view, groups, first)
        if last > first:
            start, end = _bracketed(text, groups[first][0], groups[last - 1][1])
            yield _whole(text, start, end)
            yield from _called(view, rest)
            rest, first = [], last
        else:
            rest.append(groups[first])
            first += 1
    yield from _called(view, rest)


def _without_dates(text: str, groups: Groups) -> Iterator[Groups]:
    """What is left of a run between its dates."""
    part: Groups = []
    at = 0
    while at < len(groups):
        date = _DATE.match(text, groups[at][0])
        if not date or date.end() < groups[at][1]:
            part.append(groups[at])
            at += 1
            continue
        yield part
        part = []
        while at < len(groups) and groups[at][0] < date.end():
            at += 1
    yield part


def _is_article_number(text: str, groups: Groups) -> bool:
    """Whether a run is an EAN or an ISBN as they are printed, by its groups and its check digit."""
    shape = tuple(end - start for start, end in groups)
    number = "".join(text[start:end] for start, end in groups)
    if shape in _EAN_SHAPES:
        return ean(number)
    printed = text[groups[0][0] : groups[-1][1]]
    return len(shape) == 4 and len(number) == 10 and shape[-1] == 1 and printed.count("-") == 3 and isbn(number)


def _untouched(text: str, groups: Groups) -> Groups:
    """Without the first and last group where they belong to a time, or letters run into them that are neither a word
    nor an extension.
    """
    if _TIME_BEFORE.search(text, max(0, groups[0][0] - 3), groups[0][0]):
        groups = groups[1:]
    if groups and _TIME_AFTER.match(text, groups[-1][1]):
        groups = groups[:-1]
    if not groups:
        return groups
    start, end = groups[0][0], groups[-1][1]
    if start and text[start - 1].isalpha() and not _WORD_BEFORE.search(text, max(0, start - _LONGEST_WORD), start):
        if _word_before(text, start) not in _LABELS:
            groups = groups[1:]
    if groups and end < len(text) and text[end].isalpha() and not _EXTENSION.match(text, end):
        word = _WORD_AFTER.match(text, end, end + _LONGEST_WORD)
        if not word or word[0].lower() not in _LABELS:
            groups = groups[:-1]
    return groups


def _word_before(text: str, at: int) -> str:
    word = _LETTERS_BEFORE.search(text, max(0, at - _LONGEST_WORD), at)
    return word[0].lower() if word else ""


def _digits(groups: Groups) -> int:
    return sum(end - start for start, end in groups)


def _fitting(groups: Groups, most: int) -> int:
    """How many of the first groups have no more than `most` digits together; one at least."""
    total = 0
    for index, (start, end) in enumerate(groups):
        total += end - start
        if total > most:
            return max(1, index)
    return len(groups)


def _is_international(text: str, start: int, groups: Groups) -> bool:
    """A plus and a country code, which nothing but a telephone number has; a signed decimal has one, too."""
    if start and (text[start - 1].isdigit() or text[start - 1] == "+"):
        return False
    digits = "".join(text[first:last] for first, last in groups)
    return (
        7 <= len(digits) <= _MOST_ABROAD
        and _COUNTRY_CODE.match(digits) is not None
        and not _DECIMAL.fullmatch(text, start, groups[-1][1])
    )


def _end_of_shaped(view: View, groups: Groups, first: int) -> int:
    """Up to which group a number with a form of its own begins at group `first`; `first` where none does."""
    text = view.text
    start = groups[first][0]
    opens = _opens(text, start)
    apart = first == 0 or _apart(text, groups[first - 1], groups[first])
    if not apart and not (opens and groups[first - 1][1] - groups[first - 1][0] <= _QUANTITY):
        return first
    total = 0
    lasts = []
    for last, (start_of_group, end_of_group) in enumerate(groups[first : first + _MOST_GROUPS], first + 1):
        total += end_of_group - start_of_group
        if total > _MOST:
            break
        if total >= max(_FEWEST_NATIONAL, _FEWEST_IN_GROUP * (last - first)):
            lasts.append(last)
    for last in reversed(lasts):
        number = groups[first:last]
        closes = last == len(groups) or _apart(text, number[-1], groups[last])
        if not closes and not _ends_before(text, number, groups[last : last + _MOST_GROUPS]):
            continue
        strength = _strength(text, number, alone=apart and closes)
        if strength and _stands(view, number, strength):
            return last
    return first


def _opens(text: str, start: int) -> bool:
    """Whether a group begins as national numbers do: with a trunk prefix or in brackets."""
    return text[start] == "0" or text[max(0, start - 1)] == "("


def _ends_before(text: str, number: Groups, following: Groups) -> bool:
    """Whether a number may end before a group that stands close: before another number or a quantity, in no list."""
    size = following[0][1] - following[0][0]
    if size <= _QUANTITY and number[-1][1] - number[-1][0] != size:
        return True
    return _opens(text, following[0][0]) and _digits(following) >= _FEWEST_NATIONAL


def _apart(text: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether what stands between two groups may separate two numbers, as " / " does, or a wide gap."""
    between = text[one[1] : other[0]]
    return len(between) >= 3 or between == "  "


def _strength(text: str, groups: Groups, *, alone: bool) -> int:
    """How much a form says: `SURE` for one that hardly anything but a telephone number has, then what others share."""
    start, end = _bracketed(text, groups[0][0], groups[-1][1])
    number = text[start:end]
    digits = _digits(groups)
    if _DATE.match(number) or number.count("/") > 1 or _is_list(text, groups):
        return 0
    if number.startswith(("00", "011")) and _FEWEST_ABROAD <= digits <= _MOST_ABROAD and (len(groups) > 1 or alone):
        code = _COUNTRY_CODE.match("".join(text[first:last] for first, last in groups), 3 - (number[1] == "0"))
        return (_SURE if len(groups) > 1 else _SHARED) if code else 0
    if len(groups) > 1:
        if _NANP.fullmatch(number) or (_TRUNK.fullmatch(number) and 9 <= digits <= 12):
            return _SURE if digits < _LONG_NATIONAL else _LIKELY if alone else 0
        if "(" in number and 8 <= digits <= 12 and (_TRUNK.fullmatch(number) or _BRACKETED.fullmatch(number)):
            return _SURE
        if not alone:
            return 0
        return _LIKELY if _GROUPED.fullmatch(number) or _SHORT.fullmatch(number) else 0
    return _SHARED if alone and _WHOLE.fullmatch(number) and len(set(number)) >= _FEWEST_DISTINCT else 0


def _is_list(text: str, groups: Groups) -> bool:
    """Whether the groups are numbers of their own that go up evenly or are round, such as sizes or positions."""
    numbers = _numbers(text, groups)
    steps = {int(after) - int(before) for before, after in zip(numbers, numbers[1:], strict=False)}
    if _counts(numbers):
        return True
    if len(groups) == 2 and len(numbers[0]) == len(numbers[1]):
        return max(steps) in range(1, _SMALL_STEP) or all(number.endswith("00") for number in numbers)
    if len(groups) == 3 and min(steps) > 0 and all(number[-1] == "0" != number[0] for number in numbers):
        return True
    if len(groups) < 3 or len({end - start for start, end in groups}) > 1:
        return False
    if len(numbers[0]) == 2 and numbers[0][0] == "0":
        return len(numbers) != 5
    return (
        len(steps) == 1
        or all(number[-1] == "0" for number in numbers)
        or all(number[0] == "0" for number in numbers)
        or (len(numbers[0]) == 2 and min(steps) > 0 and max(steps) <= _LARGEST_STEP)
    )


def _numbers(text: str, groups: Groups) -> list[str]:
    return [text[start:end] for start, end in groups]


def _counts(numbers: list[str]) -> bool:
    """Whether four numbers or more count up or down by one."""
    steps = {int(after) - int(before) for before, after in zip(numbers, numbers[1:], strict=False)}
    return len(numbers) > 3 and steps in ({1}, {-1})


def _stands(view: View, groups: Groups, strength: int) -> bool:
    """Whether nothing that stands around a number with a form of its own speaks against a telephone."""
    start, end = groups[0][0], _whole(view.text, groups[0][0], groups[-1][1]).end
    said = _said(view, start, end, shaped=strength == _SURE)
    if said.personal:
        return True
    if _QUAD.fullmatch(view.text, start, end):
        return False  # `ip_addresses` decides between a machine's address and a version
    if said.named or (strength < _SURE and said.about) or (strength < _LIKELY and said.around):
        return False
    before, after = view.folded[max(0, start - 8) : start], view.folded[end : end + 8]
    if _UNIT.match(after) or _MONEY_BEFORE.search(before) or _PART_BEFORE.search(before) or _PART_AFTER.match(after):
        return False
    return True


def _called(view: View, groups: Groups) -> Iterator[Span]:
    """A number without a form, where a word says that it is a telephone number."""
    text = view.text
    first = 0
    while first < len(groups) and (date := _DATE.match(text, groups[first][0])):
        while first < len(groups) and groups[first][0] < date.end():
            first += 1
    groups = groups[first:]
    if not groups or not _FEWEST <= _digits(groups) <= 2 * _MOST:
        return
    start, end = groups[0][0], groups[-1][1]
    if _VERSION.fullmatch(text, start, end):
        return
    said = _said(view, start, end, shaped=False)
    if said.personal in _VERBS and _counts(_numbers(text, groups)):
        return
    if said.personal and not (said.about and said.apart):
        start, end = _bracketed(text, start, end)
        yield _whole(text, start, end)


def _said(view: View, start: int, end: int, *, shaped: bool) -> Meaning:
    return meaning(view, start, end, _LABELS, verbs=_CALLS, nearest=_VERBS, shaped=shaped)


def _bracketed(text: str, start: int, end: int) -> tuple[int, int]:
    """With the brackets that the number begins or ends with."""
    if start and text[start - 1] == "(" and ")" in text[start : end + 1]:
        start -= 1
    if text[end : end + 1] == ")" and "(" in text[start:end]:
        end += 1
    return start, end


def _whole(text: str, start: int, end: int) -> Span:
    """The number with the extension that follows it."""
    extension = _EXTENSION.match(text, end)
    return Span(start, extension.end() if extension else end, "PHONE")
