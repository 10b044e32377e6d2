"""The cases that the real provider has answered, put to the local one.

A file of cases holds `checks` (`type`, `inputs`; `failures` or an `error`) and `diffs` (`type`, `old`, `new` or the
`change` against `old`; `answer`, and `deleteBeforeReplace` or `first` where it replaces). `{"$unknown": true}` stands
for a value that is known after `up`, `{"$secret": v}` for a secret, `{"$text": s}` for a text asset; the resource is
called x, and NAME stands for it in failures.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.fidelity.asker import Aborted, Asker
from infra.local.provider.values import ASSET, UNKNOWN, Asset

_KINDS = (
    ("unknown", r"Invalid or unknown key"),
    ("missing", r"Missing required (argument\. The argument|property)"),
    ("mistyped", r"strconv|Attribute must be|Expected Object Type|unexpected asset"),
    ("enum", r"to be one of \[|must be one of: \["),
    ("conflict", r"Conflicting|Invalid combination|one of `|all of `"),
    ("items", r"list items|Duplicate Set"),
    ("range", r"in the range|to be at least|to be at most"),
    ("pattern", r"regexp?|characters|must contain only|can not start|format"),
    ("output only", r"unconfigurable|Read-Only"),
)


@dataclass(frozen=True)
class Judged:
    """One case: of which kind it is, and what disagrees; nothing where all agrees."""

    kind: str
    disagrees: str = ""
    same_sentence: bool = True


def plain(value: Any) -> Any:
    """A value of a case as a program would give it."""
    if isinstance(value, Mapping):
        if set(value) == {"$unknown"}:
            return UNKNOWN
        if set(value) == {"$secret"}:
            return plain(value["$secret"])
        if set(value) == {"$text"}:
            return Asset(ASSET, {"text": value["$text"], "hash": value["$text"]})
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def judged(ask: Asker, cases: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Judged]:
    """Each case put to the provider."""
    for case in cases.get("checks", ()):
        yield _check(ask, _token(case), case)
    for case in cases.get("diffs", ()):
        yield from _diff(ask, _token(case), case)


def _token(case: Mapping[str, Any]) -> str:
    token = str(case["type"])
    return token if token.count(":") == 2 else f"gcp:{token}"


def _check(ask: Asker, token: str, case: Mapping[str, Any]) -> Judged:
    due = sorted(failure.replace("'NAME.", "'x.") for failure in case.get("failures", ()))
    error = str(case.get("error", "")).removeprefix("UNKNOWN: ")
    kind = next((name for name, says in _KINDS if re.search(says, " ".join([*due, error]))), "other")
    kind = "check: " + (kind if due or error else "accepted")
    inputs = plain(case["inputs"])
    try:
        failures, aborted = sorted(ask.check(token, inputs)[1]), ""
    except Aborted as problem:
        failures, aborted = [], str(problem)
    except Exception as crash:  # the real provider does not crash
        return Judged(kind, _shown(case, error or due, repr(crash)), same_sentence=False)
    if error or aborted:
        agrees = bool(error) == bool(aborted)
        return Judged(kind, "" if agrees else _shown(case, error or due, aborted or failures), error == aborted)
    agrees = _places(due) == _places(failures)
    return Judged(kind, "" if agrees else _shown(case, due, failures), due == failures)


def _places(failures: Sequence[str]) -> set[str]:
    """The properties that failures name, but for the last part of nested ones: where several attributes of a block are
    near, the real provider can name a neighbour there.
    """
    found = (re.search(r"Examine values at 'x\.([^\n]*)'", failure) for failure in failures)
    paths = [one[1] if one else failure for one, failure in zip(found, failures)]
    return {re.sub(r"\.[^.\[]*$", "", path) for path in paths}


def _diff(ask: Asker, token: str, case: Mapping[str, Any]) -> Iterator[Judged]:
    old = plain(case["old"])
    new = {name: plain(value) for name, value in _new(case).items() if value is not None}
    try:
        answer, first = ask.diff(token, old, new)
    except Exception as problem:  # an RPC error, or a crash, which is one too
        answer, first = f"error: {problem!r}", False
    same = answer == case["answer"]
    yield Judged(f"diff: {case['answer']}", "" if same else _shown(case, case["answer"], answer))
    goes_first = case.get("first", case.get("deleteBeforeReplace"))
    if same and answer == "replace" and goes_first is not None:
        yield Judged("delete first", "" if first == goes_first else _shown(case, goes_first, first))


def _new(case: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a diff's case ends with."""
    return dict(case["new"]) if "new" in case else {**case["old"], **case["change"]}


def _shown(case: Mapping[str, Any], due: Any, answer: Any) -> str:
    if "inputs" in case:
        what = case["inputs"]
    else:
        new = _new(case)
        what = {name: [case["old"].get(name), new.get(name)] for name in {**case["old"], **new}}
        what = {name: values for name, values in what.items() if values[0] != values[1]}
    return f"{case['type']} {json.dumps(what)[:300]}\n      real:  {due}\n      local: {answer}"
