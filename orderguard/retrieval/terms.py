"""Words into terms. SQLite's own FTS5 tokeniser does it (Unicode, no diacritics, Porter stems), so that the lexical
and the semantic half of the
search agree on what a term is, and nothing of the kind is written twice.
"""

import re
import sqlite3
import threading
from collections.abc import Sequence

TOKENISER = "porter unicode61 remove_diacritics 2"

STOP_WORDS = frozenset("""
    a about above after all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each few for from further get gets got had has have having he her here
    hers him his how i if in into is it its itself just let may me more most my no nor not now of off on once one only
    or other our out over own please same she should so some such tell than that the their them then there these
    they this those through to too under until up us very was we were what when where which while who whom why
    will with would you your
    """.split())

WORD = re.compile(r"[^\W_]+")
"""A word, letters and digits of any script."""


def words(text: str) -> list[str]:
    """The words of a text in lower case, without those that say nothing about its subject."""
    return [word for word in WORD.findall(text.lower()) if word not in STOP_WORDS]


class Analyser:
    """Turns text into terms. One connection of its own; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.execute(f"CREATE VIRTUAL TABLE scratch USING fts5(text, tokenize = '{TOKENISER}')")
        self._database.execute("CREATE VIRTUAL TABLE scratch_terms USING fts5vocab('scratch', 'instance')")

    def terms(self, text: str) -> list[str]:
        """The terms of a text in their order, stop words left out."""
        return self._stems(" ".join(words(text)))

    def stem(self, word: str) -> str:
        """The term of one word, also of a stop word."""
        return next(iter(self._stems(word)), word)

    def _stems(self, text: str) -> list[str]:
        with self._lock:
            self._database.execute("BEGIN")
            try:
                self._database.execute("INSERT INTO scratch VALUES (?)", (text,))
                return [term for (term,) in self._database.execute("SELECT term FROM scratch_terms ORDER BY offset")]
            finally:
                self._database.execute("ROLLBACK")


class Synonyms:
    """Groups of words or phrases that mean about the same. `related` gives what a text could also have said."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self._groups = [[" ".join(words(phrase)) for phrase in group] for group in groups]
        self._stems: dict[str, list[int]] = {}
        self._analyser = Analyser()
        self._keys = [[" ".join(self._analyser.terms(phrase)) for phrase in group] for group in groups]
        for number, keys in enumerate(self._keys):
            for key in filter(None, keys):
                self._stems.setdefault(key, []).append(number)

    def related(self, text: str) -> str:
        """The words of every group that the text touches, without those that it holds itself; empty where it touches
        none.
        """
        own = f" {' '.join(self._analyser.terms(text))} "
        touched = sorted({number for key, numbers in self._stems.items() if f" {key} " in own for number in numbers})
        found = [
            phrase
            for number in touched
            for phrase, key in zip(self._groups[number], self._keys[number], strict=True)
            if f" {key} " not in own
        ]
        return " ".join(dict.fromkeys(found))


def read_synonyms(text: str) -> list[list[str]]:
    """The groups of a synonyms file: one a line, separated by commas; a line that begins with # is a remark."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [[phrase.strip() for phrase in line.split(",")] for line in lines]
