"""What users reported in public that others' recognisers missed or took for a person's, with values of our own.

Each case names the thread. `[[value|KIND]]` is to be found; a text without one holds nothing personal.
"""

import re
from collections.abc import Iterator

from data.privacy_corpus.samples import Label, Sample

_MARK = re.compile(r"\[\[(.+?)\|([A-Z]+)\]\]")
CASES = (
    # telephone numbers
    ("data-privacy-stack/presidio#1301", "parcelnote[[415-555-0132|PHONE]]"),
    ("data-privacy-stack/presidio#638", "call [[212-555-0187|PHONE]]"),
    ("data-privacy-stack/presidio#638", r"ddd-343-\dddd"),
    ("data-privacy-stack/presidio#2008", "Mon numéro est [[01 42 68 53 11|PHONE]]."),
    ("data-privacy-stack/presidio#2008", "Appelle-moi au [[06 12 34 56 11|PHONE]]."),
    ("microsoft/Recognizers-Text#2068", "OFFICE-[[1(516)555-0139|PHONE]]"),
    ("microsoft/Recognizers-Text#2068", "Purchasing Phone [[(914)555-0160|PHONE]] 04/21/2020 12:37:30"),
    ("microsoft/Recognizers-Text#2672", "Employee's address and ZIP code OMB No. 1545-0017"),
    (
        "daviddrysdale/python-phonenumbers#60",
        "Call me at [[(067) 555-28-961|PHONE]]  or [[0979224581|PHONE]] after 10am.",
    ),
    ("daviddrysdale/python-phonenumbers#257", "asdf [[17555550164|PHONE]] ddd"),
    ("daviddrysdale/python-phonenumbers#130", "this number doesn't seem to work: [[020 7946 0813|PHONE]]"),
    ("catamphetamine/libphonenumber-js#403", "US [[+14155550132,,9988776#,,654321|PHONE]]#"),
    (
        "catamphetamine/libphonenumber-js#252",
        "is [[+7 (800) 555-35-11|PHONE]] and not [[(213) 555-4253|PHONE]] (that's far)",
    ),
    ("catamphetamine/libphonenumber-js#252", "[[(213) 555-4253 (ext. 234)|PHONE]]"),
    ("catamphetamine/libphonenumber-js#252", "(foo) [[(213) 555-4253|PHONE]]"),
    ("catamphetamine/libphonenumber-js#213", "CA801c26f98cd16e231354125ad046e40b"),
    ("lionheart/openradar-mirror#10017", "TEST...[[415 555 0132|PHONE]]"),
    ("riul88/call-recorder-for-android#15", "call [[420601123456|PHONE]]"),
    ("ronin-rb/ronin-support#452", "[[212-555-0187 ext. 12|PHONE]] or [[212-555-0187 x 4587|PHONE]]"),
    # cards, accounts, social security numbers
    ("data-privacy-stack/presidio#47", "My credit card number is [[6011000990139424|CARD]]"),
    ("data-privacy-stack/presidio#47", "My credit card number is [[6011-0009-9013-9424|CARD]]"),
    ("data-privacy-stack/presidio#1795", "the transfer to [[DE89370400440532013000|IBAN]] failed"),
    ("data-privacy-stack/presidio#2074", "ssn [[987-65-4329|ID]]"),
    ("data-privacy-stack/presidio#349", "Kate's social security number is [[078-05-1120|ID]]."),
    ("zaproxy/zaproxy#5841", '"to_eur.mro":"2.3500000000000001E-3", "to_eur.php":"1.7680000000000001E-2"'),
    ("Nano-Collective/prompt-scrubber#131", "Order number 123456789 shipped."),
    ("Nano-Collective/prompt-scrubber#131", "Error code 402551234 returned."),
    ("Nano-Collective/prompt-scrubber#131", "qty 100 20 3000 units"),
)


def public_cases() -> Iterator[Sample]:
    """Each case as a labelled text."""
    for thread, marked in CASES:
        text, labels, position = "", [], 0
        for match in _MARK.finditer(marked):
            text += marked[position : match.start()]
            labels.append(Label(len(text), len(text) + len(match[1]), match[2]))
            text += match[1]
            position = match.end()
        yield Sample(text + marked[position:], tuple(labels), "en", thread)
