"""The panel's answers on questions that people ask with an order selected: `python -m bench panel`.

tests/rag/panel_questions_*.tsv have a question a line: the selected order's kind, the intent, the sources of which one
has to come first, the question. The development half was tuned on, the held-out half, in another style, was not.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.rag.evidence import find_evidence
from app.rag.guard import Guard
from app.rag.prompt import Prompt
from app.rag.providers.local import chosen_lines
from bench.mutations import inverted, mutations, passed, read_answers
from bench.panel_orders import panel_index, selected_orders
from orderguard.retrieval import Case, Search

FOLDER = Path("tests/rag")
HALVES = ("development", "held_out")
REPORT = Path("reports/bench/panel.json")
REFUSE = "refuse"
MUTATIONS = 1_000


class Question(msgspec.Struct, frozen=True):
    """A question with its order's kind; without sources it has to be refused."""

    order: str
    intent: str
    sources: list[str]
    question: str


class Outcome(msgspec.Struct, frozen=True):
    """How a question was answered."""

    question: Question
    intent: str
    first: str | None

    @property
    def right(self) -> bool:
        """Whether the right source came first, or none where there is none."""
        return self.first is None if self.question.intent == REFUSE else self.first in self.question.sources


def read_panel_questions(half: str, folder: Path = FOLDER) -> list[Question]:
    """One half of the question set."""
    lines = (folder / f"panel_questions_{half}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return [
        Question(order, intent, [] if intent == REFUSE else sources.replace("#", ".md#").split("|"), question)
        for order, intent, sources, question in rows
    ]


def ask_all(search: Search, questions: Sequence[Question]) -> list[Outcome]:
    """Every question with its selected order, answered by the local provider behind the guard."""
    orders = selected_orders()
    return [_ask(search, question, orders[question.order]) for question in questions]


def table(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """By intent: how many, how many with the right source first (or rightly refused), how many refused."""
    rows: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        row = rows.setdefault(outcome.question.intent, {"n": 0, "right": 0, "refused": 0})
        row["n"] += 1
        row["right"] += outcome.right
        row["refused"] += outcome.first is None
    return rows


def answer_of(search: Search, question: str, case: Case | None) -> tuple[str, list[str]]:
    """The local answer and its sources (`document#heading`, or the kind of a source that is no document)."""
    evidence = find_evidence(search, question, case).evidence
    guard = Guard(search, evidence)
    statements = [guard.check(f"{line} [{number}]") for number, line in chosen_lines(Prompt(question, evidence))]
    told = [statement for statement in statements if statement]
    sources = [citation for statement in told for citation in statement.citations]
    return " ".join(s.text for s in told), list(dict.fromkeys(_source(c.kind, c.document, c.heading) for c in sources))


def _ask(search: Search, question: Question, case: Case) -> Outcome:
    _, sources = answer_of(search, question.question, case)
    intent = find_evidence(search, question.question, case).intent.kind
    return Outcome(question, intent, sources[0] if sources else None)


def _source(kind: str, document: str, heading: str) -> str:
    if kind != "knowledge":
        return kind
    slug = "".join(c for c in heading.lower() if c.isalnum() or c in "_- ").replace(" ", "-")
    return f"{document}#{slug}"


def _mutations(search: Search) -> dict[str, object]:
    """Print and give what passes the guard of faithful answers and of those whose facts were turned round."""
    answers = read_answers()
    faithful = sum(passed(search, answer, answer.text) for answer in answers)
    rows, through = inverted(search, mutations(answers, MUTATIONS))
    print(f"provider answers\n  {'mutation':34}{'n':>5}{'passed':>8}")
    for kind, (count, let) in rows.items():
        print(f"  {kind:34}{count:>5}{let:>8}")
    for mutation in through:
        print(f"  passed: {mutation.text}")
    print(f"  {sum(count for count, _ in rows.values())} turned-round facts, {len(through)} passed")
    print(
        f"  {faithful} of {len(answers)} faithful answers passed in their own words; for the rest the source is quoted"
    )
    return {"kinds": rows, "passed": len(through), "faithful": faithful, "answers": len(answers)}


def main() -> None:
    """Print the tables and write them to reports/bench/panel.json."""
    search = Search(panel_index())
    report: dict[str, object] = {}
    for half in HALVES:
        outcomes = ask_all(search, read_panel_questions(half))
        rows = table(outcomes)
        report[half] = rows
        print(f"{half.replace('_', ' ')}\n  {'intent':12}{'n':>5}{'right first':>13}{'refused':>9}")
        for intent, row in rows.items():
            print(f"  {intent:12}{row['n']:>5}{row['right']:>13}{row['refused']:>9}")
        known = [outcome for outcome in outcomes if outcome.question.intent != REFUSE]
        unknown = [outcome for outcome in outcomes if outcome.question.intent == REFUSE]
        print(f"  right source first {sum(o.right for o in known) / len(known):.3f} of {len(known)}")
        print(f"  abstained {sum(o.right for o in unknown) / len(unknown):.3f} of {len(unknown)}")
    report["mutations"] = _mutations(search)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
