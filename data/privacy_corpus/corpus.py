"""The whole corpus, from one seed."""

import random
from typing import NamedTuple

from data.privacy_corpus.disguises import disguises
from data.privacy_corpus.impersonal import impersonal
from data.privacy_corpus.notes import notes
from data.privacy_corpus.numbers import faker_for
from data.privacy_corpus.own_orders import OwnOrder, own_orders
from data.privacy_corpus.people import LOCALES, mimesis_of
from data.privacy_corpus.records import records
from data.privacy_corpus.samples import Sample

NOTES, RECORDS, DISGUISES, ORDERS, IMPERSONAL = 2_000, 1_000, 1_000, 1_000, 1_500


class Corpus(NamedTuple):
    """Texts with strangers' data, orders with their own, texts with none: 6,500 in all."""

    strangers: list[Sample]
    orders: list[OwnOrder]
    impersonal: list[Sample]


def corpus(seed: int) -> Corpus:
    """The corpus of a seed: the same one every time."""
    chance = random.Random(seed)
    for locales in LOCALES.values():
        for locale in locales:
            faker_for(locale).seed_instance(chance.randrange(2**31))
    for locale in ("en_CA", "de_CH", "fr_BE", "nl_BE", "es_CL", "no_NO", "ro_RO"):
        faker_for(locale).seed_instance(chance.randrange(2**31))
    who = mimesis_of(seed)
    strangers = [*notes(chance, NOTES, who), *records(chance, RECORDS, who), *disguises(chance, DISGUISES, who)]
    return Corpus(strangers, list(own_orders(chance, ORDERS, who)), list(impersonal(chance, IMPERSONAL)))
