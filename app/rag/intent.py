"""What a question is for, read from its words before anything is searched: by classes of words (`vocabulary`), the
features' names and the form of the question. No model, no randomness: the same words always mean the same.
"""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from app.rag import vocabulary as v
from app.rag.plain_words import PLAIN_WORDS
from orderguard.retrieval import Search

Kind = Literal["score", "feature", "permission", "duration", "advice", "cases", "knowledge", "out of scope"]
Section = Literal["What to do with the order", "First checks", "Mistaken for", "After the case"]
MOST_WORDS = 80
"""Of a question that are looked at; a longer one is a text, and its first words say what it is about."""

FORMER_NAMES = {
    "price_above_usual": "price_above_range",
    "price_below_usual": "price_below_range",
    "highest_price_deviation": "price_above_range",
    "lowest_price_deviation": "price_below_range",
    "category_price_above": "new_price_above",
    "category_price_below": "new_price_below",
    "quantity_deviation": "largest_quantity",
}
"""What features were called in earlier feature sets, and which tells their fact now."""
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_NUMBER = re.compile(r"(?<![\w.])[-−+]?\d*[.,]?\d+(?![\w.]*[a-z])")


class Intent(msgspec.Struct, frozen=True):
    """What is asked: `kind`; the `features` that are named and the `value` told with them; the `section` of a kind's
    page that advice is in; `about_order` where nothing but the selected order is asked about; `words` are those that
    say what else it is about, `foreign` how many of them nothing here knows, and `text` the question as it was
    understood."""

    kind: Kind
    text: str
    words: list[str] = []
    features: list[str] = []
    value: float | None = None
    section: Section | None = None
    about_order: bool = False
    foreign: int = 0


def read_intent(search: Search, question: str, *, with_order: bool) -> Intent:
    """The intent of a masked question whose placeholders were taken out."""
    text = question.lower().replace("’", "'")
    spelling = search.spelling
    said = _WORD.findall(text)[:MOST_WORDS]
    tokens = [word if word in _KNOWN else spelling.corrected(word) for word in said]
    text = _corrected(text, said, tokens)
    words = [word.split("'")[0] for word in tokens]
    content = [word for word in words if not word.isdigit()]
    as_said = question.lower()
    if (
        not content
        or v.PRIVATE.search(text)
        or any(v.SECRET.search(t) or _is_personal_lookup(t) for t in (as_said, text))
    ):
        return Intent("out of scope", text)
    if _leaves_nothing(content, v.CASE_WORDS) and _about_cases(content) and not _asks_definition(text):
        return Intent("cases", text, about_order=True)
    if features := _named_features(search, text, content):
        return Intent("feature", text, content, features, _value(question))
    advice = bool(v.ADVICE.search(text) or v.HARMLESS.search(text) or v.LOOKS.search(text))
    forbidden = v.FORBIDDEN.search(text) is not None
    if with_order and advice and not forbidden and _leaves_nothing(content, v.ADVICE_WORDS):
        return Intent("advice", text, section=_section(text, content), about_order=True)
    if with_order and not advice and _about_verdict(text, content):
        return Intent("score", text, content, about_order=True)
    subject = [word for word in content if word not in _FUNCTION_WORDS]
    about = [word for word in subject if emptiness(word) == 1]
    foreign = [word for word in about if not search.knows(word) and not any(c.isdigit() for c in word)]
    if not about or 2 * len(foreign) >= len(about) or v.FORETELLING.search(text):
        return Intent("out of scope", text, foreign)
    if advice or any(word in v.CHECKS for word in content):
        return Intent("advice", text, subject, section=_section(text, content), foreign=len(foreign))
    kind: Kind = "duration" if v.HOW_LONG.search(text) else "permission" if v.WHO.search(text) else "knowledge"
    return Intent(kind, text, subject, foreign=len(foreign))


def _corrected(text: str, said: Sequence[str], tokens: Sequence[str]) -> str:
    for before, after in zip(said, tokens, strict=True):
        if before != after:
            text = re.sub(rf"(?<!\w){re.escape(before)}(?!\w)", after, text)
    return text


def _is_personal_lookup(text: str) -> bool:
    """Whether a person's own data are asked for. The service has none, so no answer could be true."""
    return bool(v.PERSONAL.search(text) and v.LOOKUP.search(text) and not v.NOT_A_LOOKUP.search(text))


def _named_features(search: Search, text: str, words: Sequence[str]) -> list[str]:
    """The features that a question names: as they are written, or by their words, where their meaning is asked for."""
    names = search.index.feature_names
    for former, name in FORMER_NAMES.items():
        if former not in names and (said_so := re.search(former.replace("_", "[ _]"), text)):
            text = text.replace(said_so[0], name)
            words = _WORD.findall(text)
    written = [name for name in names if "_" in name and re.search(rf"(?<!\w){name}(?!\w)", text)]
    if written:
        return written
    said = [search.stem(word) for word in words]
    asked = bool(v.MEANING.search(text)) or _NUMBER.search(text) is not None
    found = []
    for name, parts in search.feature_stems.items():
        if len(parts) == 1:
            if re.search(rf"feature \W?{name}\b|[\"'“]{name}[\"'”]", text):
                found.append(name)
        elif (_in_order(parts, said) and (asked or _leaves_nothing(words, frozenset(words[:0]), parts, search))) or (
            asked and set(parts) <= set(said) and _leaves_nothing(words, v.VERDICT, parts, search)
        ):
            found.append(name)
    if not found and asked:
        # A part of the name, as in "a price deviation": where nothing else is asked about.
        for name, parts in search.feature_stems.items():
            if len(parts) > 2 and _in_order(parts[1:], said) and _leaves_nothing(words, _UNITS, parts[1:], search):
                found.append(name)
    longest = [name for name in found if not any(name != other and name in other for other in found)]
    return longest


def _in_order(parts: Sequence[str], said: Sequence[str]) -> bool:
    size = len(parts)
    return any(list(said[at : at + size]) == list(parts) for at in range(len(said) - size + 1))


def _leaves_nothing(
    words: Sequence[str], allowed: frozenset[str], stems: Sequence[str] = (), search: Search | None = None
) -> bool:
    """Whether a question has no word but empty ones and these."""
    return all(
        word in allowed or word in _EMPTY or (search is not None and search.stem(word) in stems) or word.isdigit()
        for word in words
    )


def _about_cases(words: Sequence[str]) -> bool:
    like = any(word in v.LIKENESS for word in words)
    past = any(word in v.PAST for word in words)
    told = any(word in {"precedent", "precedents"} for word in words)
    seen = any(word in {"seen", "had", "have", "ever"} for word in words) and past
    archive = any(word in {"archive"} for word in words)
    return (
        told
        or archive
        or (like and past)
        or (seen and past and _has(words, "before", "earlier", "ever"))
        or (like and _has(words, "find", "show", "list", "other"))
    )


def _has(words: Sequence[str], *wanted: str) -> bool:
    return any(word in wanted for word in words)


def _about_verdict(text: str, words: Sequence[str]) -> bool:
    """Whether nothing is asked about but the selected order's score and what it holds."""
    if not _leaves_nothing(words, v.VERDICT | v.FACTS) or _asks_definition(text) or v.FUTURE.search(text):
        return False
    if "threshold" in words and not v.POINTING.intersection(words):
        return False
    return any(word in v.VERDICT or word in v.FACTS or word in v.POINTING for word in words)


def _asks_definition(text: str) -> bool:
    """Whether a term is asked about rather than the order: "What is a reason?", "how is likeness computed"."""
    if v.KINDS.search(text):
        return True
    if re.search(r"\b(?:this|it|its|here|order|main|biggest|so|most)\b", text):
        return False
    return bool(
        re.search(
            r"\bwhat(?:'?s| is| are| does| do)\b (?:an? |the |is )?(?:similarity|likeness|threshold|reasons?|anomal\w+"
            r"|score mean|contributions?)\b",
            text,
        )
        or re.search(
            r"\bhow (?:is|are|do you)\b.*\b(?:computed|calculated|measured|compared|determined)\b|\bdefin"
            r"|\bwhat does\b.*\bmean\b|\bfrom which score\b",
            text,
        )
    )


def _section(text: str, words: Sequence[str]) -> Section:
    if v.HARMLESS.search(text):
        return "Mistaken for"
    if v.AFTERWARDS.search(text):
        return "After the case"
    if any(word in v.CHECKS for word in words) or v.LOOKS.search(text):
        return "First checks"
    return "What to do with the order"


def _value(question: str) -> float | None:
    """The number that is told with a feature's name."""
    bare = re.sub(
        r"[^\W\d]\w*",
        lambda found: " " if "_" in found[0] or any(c.isdigit() for c in found[0]) else found[0],
        question,
    )
    bare = re.sub(r"\b\d+ ?[hd]\b", " ", bare)
    found = _NUMBER.search(bare)
    if found is None:
        return None
    return float(found[0].replace("−", "-").replace(",", "."))


def emptiness(word: str) -> float:
    """What a word counts for what a question is about: 1, less for everyday words, little for those that point."""
    if word in _FUNCTION_WORDS or word.isdigit():
        return 0.0
    return 0.1 if word in v.REFERENCE else 0.3 if word in _EMPTY else 1.0


_UNITS = frozenset("spread spreads share shares ratio ratios power powers deviation".split())
_FUNCTION_WORDS = frozenset("""
    a about above after all also am an and any are as at be because been before being below between both but by can
    could did do does doing during each for from had has have having he her him his how i if in into is it its just
    let may me more most my no nor not now of off on only or other our out over own please same she should so some
    such than that the their them then there these they this those through to too under until up us very was we were
    what when where which while who whom why will with would you your must shall ought cannot can't don't doesn't
    isn't won't s t m re ve ll d am im ive whats thats doesnt dont isnt hows whos
    """.split())
_KNOWN = frozenset(PLAIN_WORDS | _FUNCTION_WORDS | v.REFERENCE | v.VERDICT | v.FACTS | v.CASE_WORDS | v.ADVICE_WORDS)
_CONTENT_IN_PLAIN = frozenset("""
    time day days week weeks month months year years hour hours minute minutes ago deadline limit limits number
    numbers amount value total percent level size word line term life keep keeps kept last lasts change changes
    changed wait waits waiting decide write writing ask asked stop stops start starts call calls name named names
    night question questions read writes permit permitted allowed allow work works answer answers learn compare
    interpret count new old large important unit units drive drives drove driving place reason reasons
    """.split())
_EMPTY = frozenset((PLAIN_WORDS - _CONTENT_IN_PLAIN) | _FUNCTION_WORDS | v.REFERENCE)
"""Words that say nothing about the subject of a question."""
