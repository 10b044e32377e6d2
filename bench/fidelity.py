"""How far the local cloud's provider agrees with the real one: `python -m bench fidelity [FILE]`.

A file of cases holds what the real provider answered: `checks` (`type`, `inputs`; `failures` or an `error`) and `diffs`
(`type`, `old`, `new` or the `change` against `old`; `answer`, and `deleteBeforeReplace` or `first` where it replaces).
`{"$unknown": true}` stands for a value that is known after `up`, `{"$secret": v}` for a secret, `{"$text": s}` for a
text asset; the resource is called x, and NAME stands for it in failures.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from pulumi.runtime.proto import provider_pb2

from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.provider.check import REFUSED
from infra.local.provider.server import Provider
from infra.local.provider.values import UNKNOWN, Asset, properties, struct

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "tests" / "local_cloud" / "provider_answers.json"
REPORT = ROOT / "reports" / "bench" / "fidelity.json"
SHOWN = 10
_TEXT = "c44067f5952c0a294b673a41bacd8c17"  # the mark of an asset
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


class Aborted(Exception):
    """The provider answered by an RPC error."""


class _Context:
    def abort(self, code: Any, details: str) -> NoReturn:
        raise Aborted(details)


class Asker:
    """A provider asked as the engine asks it, without a cloud to hold anything."""

    def __init__(self, home: Path) -> None:
        cloud = Cloud(Home(home), "fidelity")
        self.providers = {package: Provider(package, cloud) for package in ("gcp", "docker")}
        settings = struct({"project": "a-project", "region": "europe-west1"})
        for provider in self.providers.values():
            provider.Configure(provider_pb2.ConfigureRequest(args=settings), None)

    def check(self, token: str, inputs: Any, old: Any = None) -> tuple[dict[str, Any], list[str]]:
        """The inputs as they are filled in, and the provider's own failures."""
        request = provider_pb2.CheckRequest(
            urn=f"urn:pulumi:s::p::{token}::x", olds=struct(old or {}), news=struct(inputs), randomSeed=b"seed"
        )
        answer = self.providers[token.partition(":")[0]].Check(request, _Context())  # type: ignore[arg-type]
        failures = [failure.reason for failure in answer.failures]
        return properties(answer.inputs), [one for one in failures if not one.startswith(REFUSED)]

    def diff(self, token: str, old: Any, new: Any) -> tuple[str, bool]:
        """None, update or replace; and whether the old one goes first."""
        before, _ = self.check(token, old)
        after, _ = self.check(token, new, before)
        request = provider_pb2.DiffRequest(
            urn=f"urn:pulumi:s::p::{token}::x",
            id="x",
            olds=struct(before),
            old_inputs=struct(before),
            news=struct(after),
        )
        answer = self.providers[token.partition(":")[0]].Diff(request, _Context())  # type: ignore[arg-type]
        if answer.replaces:
            return "replace", answer.deleteBeforeReplace
        return "none" if answer.changes == provider_pb2.DiffResponse.DIFF_NONE else "update", False


def plain(value: Any) -> Any:
    """A value of a case as a program would give it."""
    if isinstance(value, Mapping):
        if set(value) == {"$unknown"}:
            return UNKNOWN
        if set(value) == {"$secret"}:
            return plain(value["$secret"])
        if set(value) == {"$text"}:
            return Asset(_TEXT, {"text": value["$text"], "hash": value["$text"]})
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
    given = case["new"] if "new" in case else {**case["old"], **case["change"]}
    new = {name: plain(value) for name, value in given.items() if value is not None}
    try:
        answer, first = ask.diff(token, old, new)
    except Exception as problem:  # an RPC error, or a crash, which is one too
        answer, first = f"error: {problem!r}", False
    same = answer == case["answer"]
    yield Judged(f"diff: {case['answer']}", "" if same else _shown(case, case["answer"], answer))
    goes_first = case.get("first", case.get("deleteBeforeReplace"))
    if same and answer == "replace" and goes_first is not None:
        yield Judged("delete first", "" if first == goes_first else _shown(case, goes_first, first))


def _shown(case: Mapping[str, Any], due: Any, answer: Any) -> str:
    if "inputs" in case:
        what = case["inputs"]
    else:
        new = case["new"] if "new" in case else {**case["old"], **case["change"]}
        what = {name: [case["old"].get(name), new.get(name)] for name in {**case["old"], **new}}
        what = {name: values for name, values in what.items() if values[0] != values[1]}
    return f"{case['type']} {json.dumps(what)[:300]}\n      real:  {due}\n      local: {answer}"


def main(file: str = "") -> None:
    """Prints the agreement by kind and the first disagreements."""
    path = Path(file) if file else CASES
    cases = json.loads(path.read_bytes())
    agreed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    sentences: Counter[str] = Counter()
    wrong = defaultdict(list)
    with TemporaryDirectory() as home:
        for one in judged(Asker(Path(home)), cases):
            total[one.kind] += 1
            agreed[one.kind] += not one.disagrees
            sentences[one.kind] += one.same_sentence
            if one.disagrees:
                wrong[one.kind].append(one.disagrees)
    print(f"    {path}: {len(cases.get('checks', ()))} checks, {len(cases.get('diffs', ()))} diffs")
    print(f"    {'kind':<22}{'cases':>7}{'agree':>7}{'':>8}{'same sentences':>17}")
    for kind in sorted(total):
        share = f"{agreed[kind] / total[kind]:.1%}"
        said = f"{sentences[kind]:>17}" if kind.startswith("check") else ""
        print(f"    {kind:<22}{total[kind]:>7}{agreed[kind]:>7}{share:>8}{said}")
    for text in [text for texts in wrong.values() for text in texts][:SHOWN]:
        print(f"    differs: {text}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    table = {kind: {"cases": total[kind], "agree": agreed[kind]} for kind in sorted(total)}
    REPORT.write_text(json.dumps({"cases": path.name, "kinds": table}, indent=1) + "\n")
