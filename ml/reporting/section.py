"""A part of card and report in words and tables."""

from typing import NamedTuple

from ml.validation.gates import Table


class Section(NamedTuple):
    """A heading with paragraphs, rows of a table of two columns, and tables of more."""

    title: str
    paragraphs: list[str]
    rows: list[tuple[str, str]]
    tables: list[Table] = []
