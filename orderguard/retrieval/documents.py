"""Documents and their passages: a passage is what stands under one heading, and knows its lines, so that a quote can
name them."""

import re

import msgspec

_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*$")


_REMARK = re.compile(r"^<!--(?P<text>.*)-->\s*$")


class Passage(msgspec.Struct, frozen=True):
    """What stands under one heading of a document. Lines count from 1 and are inclusive; the heading itself is not
    among them. `remarks` are the words of its remark (`<!-- own: a, b; also: c -->`) by their label: they are for this
    program, and never quoted."""

    document: str
    title: str
    heading: str
    first_line: int
    last_line: int
    remarks: dict[str, list[str]] = {}

    @property
    def asked_in(self) -> list[str]:
        """Other words that people use for what the passage says."""
        return self.remarks.get("words", [])

    @property
    def id(self) -> str:
        """`night-orders.md#what-to-check`: the document and the heading as GitHub would link it."""
        slug = re.sub(r"[^\w\- ]", "", self.heading.lower()).replace(" ", "-")
        return f"{self.document}#{slug}"


class Document(msgspec.Struct, frozen=True):
    """A Markdown document, already masked, as lines without their line ends; a remark's line is empty. `example` is
    one that ships as an example of a shop's own policy, and says nothing of this product."""

    name: str
    title: str
    lines: list[str]
    example: bool = False

    def quote(self, first_line: int, last_line: int) -> str:
        """The exact text of these lines (from 1, inclusive)."""
        return "\n".join(self.lines[first_line - 1 : last_line])


def read_document(name: str, text: str, *, example: bool = False) -> tuple[Document, list[Passage]]:
    """Split Markdown into its passages. The first heading is the document's title; text before any heading belongs
    to the title."""
    lines, remarks = _without_remarks(text.splitlines())
    headings = [(number, found["text"]) for number, line in enumerate(lines, 1) if (found := _HEADING.match(line))]
    title = headings[0][1] if headings else name
    starts = headings if headings and headings[0][0] == 1 else [(0, title), *headings]
    ends = [number - 1 for number, _ in starts[1:]] + [len(lines)]
    passages = []
    for (number, heading), last in zip(starts, ends, strict=True):
        first = number + 1
        while first <= last and not lines[first - 1].strip():
            first += 1
        while last >= first and not lines[last - 1].strip():
            last -= 1
        if first <= last:
            told = {label: words for at in range(number, last + 2) for label, words in remarks.get(at, {}).items()}
            passages.append(Passage(name, title, heading, first, last, told))
    return Document(name, title, lines, example), passages


def _without_remarks(lines: list[str]) -> tuple[list[str], dict[int, dict[str, list[str]]]]:
    """The lines with remarks emptied, and the remarks by their line."""
    remarks = {}
    for number, line in enumerate(lines, 1):
        if found := _REMARK.match(line):
            parts = (part.split(":", 1) for part in found["text"].split(";") if ":" in part)
            remarks[number] = {label.strip(): words.replace(",", " ").split() for label, words in parts}
    return ["" if number in remarks else line for number, line in enumerate(lines, 1)], remarks
