"""A labelled corpus of order texts, to measure how well personal data is found.

It is generated, never committed, and shares nothing with the recognisers in orderguard/masking: values come from Faker,
mimesis, phonenumbers and python-stdnum, the wordings are this package's own, and what is labelled was put there on
purpose.

    samples.py        what a labelled text is
    people.py         people and their numbers, from Faker and mimesis
    numbers.py        cards, IBANs, national ids and telephone numbers of many countries
    notes.py          generator 1: notes as customers write them, in ten languages
    records.py        generator 2: forms, JSON, logs and chats pasted into notes
    disguises.py      generator 3: odd spellings, invisible characters, look-alikes, encodings
    own_orders.py     generator 4: whole orders whose notes repeat their own names and addresses
    impersonal.py     generator 5: nothing personal, but full of order, tracking, article and EAN numbers
    phone_formats.py  generator 6: telephone numbers of more than 60 countries, with labels and without
    hostile.py        generator 7: nothing personal, but what looks most like it: versions, measures, parcels, logs
    corpus.py         generators 1 to 5, from one seed
    scoring.py        recall, precision and F2 per kind
"""
