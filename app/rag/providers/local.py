"""The local provider: an extractive answer. It quotes the evidence's own lines and asks nobody."""

from collections.abc import AsyncIterator

from app.rag.evidence import Evidence
from app.rag.prompt import Prompt
from orderguard.retrieval.terms import words

BEST_LINES = 3
REASONS = 3
CASE_LINES = 2
WHY = frozenset({"why", "reason", "reasons", "score", "flagged", "anomaly", "unusual", "odd", "explain"})
"""Words that ask for an order's reasons."""
OTHER_PASSAGES = 2
OTHER_SHARE = 0.5
"""The share of the question's words that a line of a further passage must hold to be worth quoting."""


class LocalProvider:
    """Takes the best passage's best lines, then one line each of the next passages."""

    name = "local"

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """One line with its number after the other."""
        for number, line in chosen_lines(prompt):
            yield f"{line} [{number}]\n"


def chosen_lines(prompt: Prompt) -> list[tuple[int, str]]:
    """The evidence's number and line of everything that the answer quotes."""
    wanted = set(words(prompt.question))
    of_order = [e for e in prompt.evidence if e.kind == "order"]
    explained = [e for e in prompt.evidence if e.kind == "knowledge" and e.hit is None]
    passages = [e for e in prompt.evidence if e.kind == "knowledge" and e.hit is not None]
    why = not WHY.isdisjoint(prompt.question.lower().replace("?", " ").split())
    chosen = [(e.number, line) for e in of_order for line in _order_lines(e, why)]
    chosen += [(e.number, _statements(e)[0]) for e in explained if why and _statements(e)]
    cases = [e for e in prompt.evidence if e.kind == "case"]
    if not of_order:
        chosen += [(e.number, line) for e in cases for line in (*e.lines[:CASE_LINES], *_reasons(e)[:1])]
    if of_order and why:
        passages = []
    for place, evidence in enumerate(passages[: 1 + OTHER_PASSAGES]):
        lines = _statements(evidence)
        shared = [len(wanted & set(words(line))) for line in lines]
        ranked = sorted(range(len(lines)), key=lambda i: (-shared[i], i))
        if place == 0:
            best = sorted(ranked[:BEST_LINES])
        else:
            best = [i for i in ranked[:1] if shared[i] >= len(wanted) * OTHER_SHARE]
        chosen += [(evidence.number, lines[i]) for i in best]
    return list(dict.fromkeys(chosen))


def _statements(evidence: Evidence) -> list[str]:
    return [line for line in evidence.lines if line.strip()]


def _order_lines(evidence: Evidence, why: bool) -> list[str]:
    """The score, and the largest reasons where they are asked for."""
    return [evidence.lines[0], *(_reasons(evidence)[:REASONS] if why else ())]


def _reasons(evidence: Evidence) -> list[str]:
    return [line for line in evidence.lines if line.startswith("Reason ")]
