"""A text as the recognisers see it: escapes decoded, invisible characters gone, look-alikes made one.

`ａｎｎａ%40example.com` and `anna\\u0040exam<zero-width>ple.com` both read `anna@example.com` in the view. Each position is
mapped back, so that what is found there is masked in the text as it was written.
"""

import html
import re
import unicodedata
from itertools import accumulate
from urllib.parse import unquote

_INLINE_TAGS = "b|i|u|em|strong|span|small|wbr"
_TAGS = f"{_INLINE_TAGS}|br|p|div|li|ul|ol|td|tr"
_ESCAPES = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+|&(?:#\d{1,6}|#[xX][0-9A-Fa-f]{1,5}|[a-z]{2,8});|(?:\\{1,4}u[0-9A-Fa-f]{4})+|\\{1,4}[nrt\"/]|"
    rf"(?:\\{{1,4}}x[0-9A-Fa-f]{{2}})+|(?:=[0-9A-F]{{2}}){{4,}}|(?:=[89A-F][0-9A-F]){{2,}}|</?(?:{_TAGS})\s?/?>"
)
"""Percent, HTML, JSON and quoted-printable escapes, and tags that hold nothing. A lone `=40` is a value, no escape."""
_ESCAPED = re.compile(r"[%&\\<]|=[0-9A-F]{2}=")
"""A cheap sign of an escape."""
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d(?:[^\d\n]{0,4}\d|\n\d){5}")
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE_TAGS})\s?/?>")
_HEX_PAIR = re.compile(r"[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_MOST_ESCAPES = 4
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "/": "/"}

_PAIRS = (
    "АA ВB ЕE ЅS ІI ЈJ КK МM НH ОO РP СC ТT ХX УY аa еe ѕs іi јj оo рp сc уy хx ԁd һh ӏl ΑA ΒB "
    "ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX οo νv κk αa ιi υu ıi ℓl ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk "
    "ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz ‐- ‑- ‒- –- —- −- ․. ｡. 。. ،, ٫. "
    '’\' ‘\' ʼ\' ´\' “" ”" „" «" »"'
)
LOOK_ALIKES = {pair[0]: pair[1] for pair in _PAIRS.split()}
"""Characters of other scripts, and dashes and dots of typesetting, that read like ASCII ones."""

_LETTERS = {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
_LETTERS |= {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th"}


class View:
    """`text` is what is searched, `folded` the same in lower case (equally long), `words` the words of `folded` with
    their places.
    """

    __slots__ = ("text", "folded", "source", "_starts", "_ends", "_words", "_vocabulary", "_has_number")

    def __init__(self, source: str) -> None:
        self.source = source
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._words: list[tuple[str, int, int]] | None = None
        self._vocabulary: frozenset[str] | None = None
        self._has_number: bool | None = None
        self.text = source
        if _ESCAPED.search(source):
            self._decode_escapes()
        if not self.text.isascii():
            plain = self.text.translate(_PLAIN)
            if _UNEVEN.isdisjoint(self.text):
                self.text = plain
            else:
                self._replace([_PLAIN[ord(character)] for character in self.text])
        elif not self.text.isprintable():
            self._replace([_ASCII_CONTROLS.get(character, character) for character in self.text])
        self.folded = self.text.lower()

    @property
    def words(self) -> list[tuple[str, int, int]]:
        """Each word of the text in lower case without accents, with its start and end."""
        if self._words is None:
            self._words = [(match[0], match.start(), match.end()) for match in _WORD.finditer(self.folded)]
        return self._words

    @property
    def vocabulary(self) -> frozenset[str]:
        """The words of the text, each once."""
        if self._vocabulary is None:
            self._vocabulary = frozenset(word for word, _, _ in self.words)
        return self._vocabulary

    @property
    def has_number(self) -> bool:
        """Whether six digits stand close together: fewer are no telephone, card or identity number."""
        if self._has_number is None:
            self._has_number = _NUMBER.search(self.text) is not None
        return self._has_number

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters `start` to `end` of the view stand in the text as it was written."""
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]

    def _decode_escapes(self) -> None:
        for _ in range(_MOST_ESCAPES):
            pieces: list[str] = []
            widths: list[int] = []
            position = 0
            for match in _ESCAPES.finditer(self.text):
                decoded = _decoded(match[0])
                if decoded is None:
                    continue
                plain = self.text[position : match.start()]
                pieces += plain
                widths += [1] * len(plain)
                pieces.append(decoded)
                widths.append(len(match[0]))
                position = match.end()
            if not position:
                return
            pieces += self.text[position:]
            widths += [1] * (len(self.text) - position)
            self._replace(pieces, widths)

    def _replace(self, pieces: list[str], widths: list[int] | None = None) -> None:
        """Make `pieces` the view: piece i stands for the next `widths[i]` characters (1 each unless told) of the view
        until now.
        """
        joined = "".join(pieces)
        if widths is None and len(joined) == len(pieces) and all(pieces):
            self.text = joined
            return
        ends = list(accumulate(widths or [1] * len(pieces)))
        old_starts = self._starts or list(range(len(self.text)))
        old_ends = self._ends or list(range(1, len(self.text) + 1))
        starts, stops, begin = [], [], 0
        for piece, end in zip(pieces, ends, strict=True):
            starts += [old_starts[begin]] * len(piece)
            stops += [old_ends[end - 1]] * len(piece)
            begin = end
        self._starts, self._ends, self.text = starts, stops, joined


def fold(value: str) -> str:
    """`value` as it would read in a view's `folded`."""
    if _ESCAPED.search(value):
        return View(value).folded
    return value.translate(_PLAIN).lower()


def _decoded(escape: str) -> str | None:
    if escape[0] == "%":
        decoded = unquote(escape, errors="replace")
        return None if "\ufffd" in decoded else decoded
    if escape[0] == "&":
        decoded = html.unescape(escape)
        return None if decoded == escape else decoded
    if escape[0] == "<":
        return "" if _INLINE_TAG.fullmatch(escape) else " "
    if escape[0] == "=":
        return _text_of(bytes.fromhex(escape.replace("=", "")))
    if "x" in escape:
        return _text_of(bytes.fromhex("".join(_HEX_PAIR.findall(escape))))
    if escape[-1] in _CONTROL:
        return _CONTROL[escape[-1]]
    codes = [int(code, 16) for code in re.findall(r"u([0-9A-Fa-f]{4})", escape)]
    return b"".join(code.to_bytes(2, "big") for code in codes).decode("utf-16-be", "replace")


def _text_of(data: bytes) -> str | None:
    """Bytes as text, where they are text that can be printed."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


class _Table(dict[int, str]):
    """Each character's plain form, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        plain = _make_plain(chr(code))
        if len(plain) != 1:
            _UNEVEN.add(chr(code))
        if len(self) < _MOST_CHARACTERS:
            self[code] = plain
        return plain


def _make_plain(character: str) -> str:
    if character in LOOK_ALIKES:
        return LOOK_ALIKES[character]
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me") or (category == "Cc" and character not in "\t\n\r"):
        return ""
    if category.startswith("Z"):
        return "\n" if category in ("Zl", "Zp") else " "
    if category == "Nd":
        return str(unicodedata.decimal(character))
    whole = unicodedata.normalize("NFKD", character)
    if len(whole) > _LONGEST_FORM:
        return " "
    plain = "".join(_LETTERS.get(c, LOOK_ALIKES.get(c, c)) for c in whole if not unicodedata.combining(c))
    # lower case must not change the length, or `folded` would no longer fit `text`
    return plain if len(plain.lower()) == len(plain) else plain.lower()


_MOST_CHARACTERS = 20_000
_LONGEST_FORM = 4
"""A character that stands for more (`ﷺ` for 18, a whole sentence) says nothing of a person, and would make a text
longer than any text may be.
"""
_UNEVEN: set[str] = set()
"""Characters met so far whose plain form is not one character, so that places shift behind them."""
_PLAIN = _Table()
_ASCII_CONTROLS = {chr(code): "" for code in (*range(9), 11, 12, *range(14, 32), 127)}
