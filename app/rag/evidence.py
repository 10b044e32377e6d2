"""Evidence: the numbered lines that an answer may rest on, and which of them answer by themselves. Nothing that a
customer wrote is among them.

The intent decides where it comes from: the order, a feature's meaning, past cases, a kind's page, or a search over the
knowledge. Where nothing supports an answer there is no evidence at all, with an order selected, too.
"""

import re
from collections.abc import Sequence

import msgspec

from app.rag import vocabulary as v
from app.rag.intent import Intent, emptiness, read_intent
from app.rag.kinds import kind_named, kinds_of, likely_kind, section_of
from app.rag.order_lines import (
    case_lines,
    first_fact,
    first_reason,
    likeness,
    lines_about,
    past_lines,
    reading,
    reasons_by,
)
from orderguard.retrieval import Case, Hit, KnowledgeIndex, Passage, Search, SimilarCase, similar_cases
from orderguard.retrieval.ranking import Ranked, Shape, answering

PASSAGES = 5
SIMILAR = 3
PAST_CASES = 3
REASONS_EXPLAINED = 3
ANSWER_LINES = 3
LEAST_SUPPORT = 0.44
"""The share of the question that must stand in a passage, its heading and its words; chosen on the development half."""
SUPPORT_OF_THE_UNKNOWN = 0.6
"""The same for a question with a word that nothing here knows, or about the future."""
NEXT_BEST = 0.92
"""A second passage answers, too, where it comes so near to the first."""
MOST_SENTENCES = 5
FEATURES_DOCUMENT = "features.md"
ORDER_DOCUMENT = "order"

_PLACEHOLDER = re.compile(r"\[[A-Z_]+\]")
"""What masking leaves behind says nothing about the subject of a question."""
_ABOUT_CASES = re.compile(
    r"\b(?:past|previous|earlier|former|similar) (?:masked )?(?:orders|cases)\b|\b(?:cases|examples) (?:of|with|like)\b"
    r"|\bseen\b.*\bbefore\b",
    re.IGNORECASE,
)
"""A question for past cases where no order is given."""
_QUESTION = re.compile(r"[^.?!]+\?")
_WHAT_IS = re.compile(r"^(?:and |so )?what(?:'?s| is| are| does| do)\b|\bmeaning\b|\bdefinition\b|\bdefine\b")


class Evidence(msgspec.Struct, frozen=True):
    """Lines of one source. `lines` are the exact lines from `first_line` on; `hit` says how a passage of the
    knowledge was found; `answers` are the places of the lines that answer the question, best first; `example` is a page
    that ships as an example of a shop's own policy.
    """

    number: int
    kind: str
    document: str
    title: str
    heading: str
    first_line: int
    lines: list[str]
    hit: Hit | None = None
    answers: list[int] = []
    example: bool = False

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


class Found(msgspec.Struct, frozen=True):
    """What was found for a question: its intent, evidence in the order of its numbers (from 1), and how like past cases
    are."""

    evidence: list[Evidence]
    similar: list[SimilarCase]
    intent: Intent


def find_evidence(search: Search, question: str, case: Case | None) -> Found:
    """Evidence for a masked question, and for the order that it is about. None where nothing supports an answer. Of
    several sentences that nothing answers together, the first question that something answers counts."""
    question = _PLACEHOLDER.sub(" ", question)
    whole = _find(search, question, case)
    if whole.evidence:
        return whole
    asked = [sentence for sentence in _QUESTION.findall(question) if sentence.strip() != question.strip()]
    found = (_find(search, sentence, case) for sentence in asked[:MOST_SENTENCES])
    return next((each for each in found if each.evidence), whole)


def _find(search: Search, question: str, case: Case | None) -> Found:
    intent = read_intent(search, question, with_order=case is not None)
    found: list[Evidence] = []
    similar: list[SimilarCase] = []
    if intent.kind == "out of scope":
        return Found([], [], intent)
    if case is not None:
        similar = similar_cases(case, search.index.cases, *search.index.scale, limit=SIMILAR)
    if intent.kind == "feature":
        found = _of_features(search.index, intent, case)
    elif intent.kind == "cases" or (case is None and _ABOUT_CASES.search(question)):
        found = _of_cases(search, question, case, similar)
    elif intent.kind == "score" and case is not None:
        found = [_order(case, _score_lines(case, intent))]
        found += _meanings(search.index, [name for name, _ in case.reasons[:REASONS_EXPLAINED]])
        found += [_past(place, other) for place, other in enumerate(similar, 1)]
    elif intent.kind == "advice" and intent.about_order and case is not None:
        found = _advice(search.index, intent, case)
    else:
        found = _of_knowledge(search, intent, case)
    about_order = intent.kind in ("score", "cases") or intent.about_order
    numbered = [msgspec.structs.replace(each, number=number) for number, each in enumerate(found, 1)]
    return Found(numbered, similar if about_order and numbered else [], intent)


def _order(case: Case, answers: Sequence[int] = ()) -> Evidence:
    return Evidence(0, "order", ORDER_DOCUMENT, "The order asked about", "", 1, case_lines(case), None, list(answers))


def _score_lines(case: Case, intent: Intent) -> list[int]:
    """The facts that are asked for; else the verdict and the largest reasons, with the facts where all is asked for."""
    lines = case_lines(case)
    facts = [
        place for words, text in v.FACT_LINES if words.intersection(intent.words) for place in lines_about(lines, text)
    ]
    if facts and not v.JUDGED.search(intent.text):
        return sorted(set(facts))
    first = first_reason(case)
    whole = range(first_fact(case), first) if v.WHOLE.search(intent.text) else ()
    return [*range(first_fact(case)), *whole, *range(first, min(len(lines), first + REASONS_EXPLAINED))]


def _of_features(index: KnowledgeIndex, intent: Intent, case: Case | None) -> list[Evidence]:
    """What the named features mean, what the value says that is told with them, and how it is in the order."""
    found = []
    for passage in _feature_passages(index, intent.features[:PASSAGES]):
        name = passage.heading
        told = [] if intent.value is None else [reading(name, intent.value)]
        found.append(_passage(index, passage, range(ANSWER_LINES)))
        if lines := [line for line in told if line]:
            found.append(Evidence(0, "value", "question", "The value asked about", name, 1, lines, None, [0]))
    if case is not None and found:
        found.append(_order(case, reasons_by(case, intent.features)))
    return found


def _of_cases(search: Search, question: str, case: Case | None, similar: Sequence[SimilarCase]) -> list[Evidence]:
    if case is not None:
        return [_past(place, other, [0, 1, 2, 3]) for place, other in enumerate(similar, 1)]
    past = search.cases(question, limit=PAST_CASES)
    return [
        Evidence(
            0, "case", f"case-{place}", "A past case", "", 1, past_lines(other), None, [0, 1, 2, 1 + len(other.summary)]
        )
        for place, other in enumerate(past, 1)
    ]


def _past(place: int, other: SimilarCase, answers: Sequence[int] = ()) -> Evidence:
    lines = [likeness(other), *past_lines(other.case)]
    return Evidence(0, "case", f"case-{place}", "A past case", "", 1, lines, None, list(answers))


def _advice(index: KnowledgeIndex, intent: Intent, case: Case) -> list[Evidence]:
    """What the page of the order's kind says; without a kind, the verdict, and for a flagged order how to go on."""
    kind = likely_kind(index, case)
    if kind is not None:
        headings = dict.fromkeys((intent.section, "What to do with the order", "First checks"))
        first, *others = [each for heading in headings if heading and (each := section_of(index, kind, heading))]
        return [_passage(index, first, range(4)), _order(case), *(_passage(index, each) for each in others)]
    found = [_order(case, [0])]
    if case.score >= case.threshold:
        general = [
            p for p in index.passages if (p.document, p.heading) in (("kind-unnamed.md", "When no kind fits"), _TRIAGE)
        ]
        found += [_passage(index, each, range(ANSWER_LINES)) for each in general]
    return found


_TRIAGE = ("runbook-triage.md", "The next four minutes")


def _of_knowledge(search: Search, intent: Intent, case: Case | None) -> list[Evidence]:
    """Passages that answer, found by search or because the question names a kind; the order as context."""
    index = search.index
    named = kind_named(search, intent.words)
    likely = likely_kind(index, case) if case is not None else None
    found: list[Evidence] = []
    ranked = _ranked(search, intent, named or likely)
    if intent.kind == "advice" and intent.section and named is not None:
        section = section_of(index, named, intent.section)
        if section is not None and _names_little_else(search, intent, named):
            found = [_passage(index, section, range(4))]
    least = SUPPORT_OF_THE_UNKNOWN if intent.foreign or v.FUTURE.search(intent.text) else LEAST_SUPPORT
    if not found and (not ranked or ranked[0].support < least):
        return []
    for place, each in enumerate(ranked[:PASSAGES]):
        passage = each.hit.passage
        answers: Sequence[int] = ()
        if not found:
            answers = _answer_lines(search, each, intent)
        elif place == 1 and len(found) == 1 and found[0].hit is not None and _comes_near(each, ranked[0]):
            answers = [each.line - passage.first_line]
        if not any(e.document == passage.document and e.first_line == passage.first_line for e in found):
            found.append(_passage(index, passage, answers, each.hit))
    return [*found, *([_order(case)] if case is not None else [])]


def _comes_near(second: Ranked, first: Ranked) -> bool:
    return second.score >= NEXT_BEST * first.score and second.support >= first.support


def _names_little_else(search: Search, intent: Intent, kind: Passage) -> bool:
    """Whether a question for advice says hardly more than the kind's name."""
    title = set(search.terms(kind.title))
    rest = [w for w in intent.words if search.stem(w) not in title and w not in v.ADVICE_WORDS and emptiness(w) == 1]
    return len(rest) <= 1


def _ranked(search: Search, intent: Intent, kind: Passage | None) -> list[Ranked]:
    shape = shape_of(intent)
    words = {word: counts for word in intent.words if (counts := _counts(word, shape))}
    favoured = frozenset({kind.document} if kind and shape != "what is" else ())
    others = frozenset(p.document for p in kinds_of(search.index)) - favoured if kind else frozenset[str]()
    return [
        each
        for each in answering(search, intent.text, words, shape, favoured, others)
        if each.hit.passage.document != FEATURES_DOCUMENT
    ]


def shape_of(intent: Intent) -> Shape:
    """What kind of line answers: one with a time, a number, a permission, or one that says what something is."""
    forms: tuple[tuple[re.Pattern[str], Shape], ...] = (
        (v.HOW_LONG, "how long"),
        (v.HOW_MUCH, "how much"),
        (_WHAT_IS, "what is"),
        (v.WHO, "who"),
    )
    return next((shape for form, shape in forms if form.search(intent.text)), "any")


def _counts(word: str, shape: Shape) -> float:
    if (shape == "how long" and word in v.TIME_WORDS) or word in v.PERMISSION_WORDS:
        return 0.1
    return emptiness(word)


def _answer_lines(search: Search, best: Ranked, intent: Intent) -> list[int]:
    """The line that answers, then those of its passage that share a word with the question."""
    passage = best.hit.passage
    stems = {search.stem(word) for word in intent.words if emptiness(word) == 1}
    others = [
        number for number, held in search.parts(passage).lines if number != best.line and not stems.isdisjoint(held)
    ]
    return [number - passage.first_line for number in [best.line, *others][:ANSWER_LINES]]


def _meanings(index: KnowledgeIndex, names: Sequence[str]) -> list[Evidence]:
    """The passages that explain these features."""
    return [_passage(index, passage) for passage in _feature_passages(index, names)]


def _feature_passages(index: KnowledgeIndex, names: Sequence[str]) -> list[Passage]:
    by_heading = {p.heading: p for p in index.passages if p.document == FEATURES_DOCUMENT}
    return [by_heading[name] for name in names if name in by_heading]


def _passage(index: KnowledgeIndex, p: Passage, answers: Sequence[int] = (), hit: Hit | None = None) -> Evidence:
    document = index.by_name[p.document]
    numbers = [number for number in range(p.first_line, p.last_line + 1) if document.lines[number - 1].strip()]
    first = numbers[0]
    lines = document.lines[first - 1 : p.last_line]
    offset = first - p.first_line
    places = [place - offset if hit else place for place in answers]
    real = [place for place in places if 0 <= place < len(lines) and lines[place].strip()]
    example = document.example and p.remarks.get("of") != ["product"]
    return Evidence(0, "knowledge", p.document, p.title, p.heading, first, lines, hit, real, example)
