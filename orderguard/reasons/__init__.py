"""Reasons in words: why an order scored as it did, told from the masked order, what was known of its customer, and what
is usual in the shop. The page, the table, the API and the answers to questions all take them from here.
"""

from orderguard.reasons.beside import LineBesideUsual, lines_beside_usual
from orderguard.reasons.telling import ReasonInWords, in_words, place_in_words

__all__ = ["LineBesideUsual", "ReasonInWords", "in_words", "lines_beside_usual", "place_in_words"]
