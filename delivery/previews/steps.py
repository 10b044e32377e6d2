"""The engine's events of a preview as steps: what would be done to which resource, and why.

Read from the engine's event log (`--event-log`, one JSON object a line: `apitype.EngineEvent` of Pulumi's SDK) rather
than from its text, which is written for eyes. Secrets come masked in it.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FORGET = "forget"
"""The stack lets go of a resource, and the cloud keeps it (`retain_on_delete`)."""
OPERATIONS = ("delete", "replace", "update", "import", "create", FORGET)
"""What can be done to a resource, the worst first."""
DESTROYING = ("delete", "replace")
UNCHANGED = "same"
STACK = "pulumi:pulumi:Stack"
_MEANT = {
    **{operation: operation for operation in OPERATIONS},
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "import-replacement": "replace",
    "read-replacement": "replace",
    "discard-replaced": "replace",
    "remove-pending-replace": "replace",
}
_SIGNATURE = "4dabf18193072939515e22adb298388d"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a value that is known only later (`pulumi.runtime.rpc.UNKNOWN`, without importing the SDK)."""
LONGEST = 60
"""Characters of a value that are shown."""
_LEAD = 12
"""Characters before the first that differs."""
_NO_PROBLEM = re.compile(r"^((preview|update|refresh) failed|.*\b[Pp]rogram exited with .*code:? \d+)$")
"""What the engine says of a run that said itself what is wrong."""

# What holds data, by its kind; the first that fits names it. Such a resource can be made again, what was in it can't.
DATA = (
    ("bucket", r"gcp:storage/bucket:"),
    ("key", r"gcp:kms/(keyRing|cryptoKey|cryptoKeyVersion|ekmConnection|autokeyConfig|keyHandle):|gcp:\w+/key:Key"),
    ("secret", r"gcp:secretmanager/(regionalSecret|secret)(Version)?:"),
    (
        "database",
        r"gcp:(alloydb|bigtable|filestore|memcache|memorystore|redis|spanner)/\w*(instance|cluster|database|table)\w*:"
        r"|gcp:sql/(database|databaseInstance|user):|gcp:(firestore|datastore)/(database|document):"
        r"|gcp:firebase\w*/\w*[dD]atabase\w*:|gcp:bigquery/(dataset|table):",
    ),
    ("disk", r"gcp:compute/\w*([dD]isk|[sS]napshot|[iI]mage):"),
    ("images", r"gcp:artifactregistry/repository:"),
    ("log bucket", r"gcp:logging/\w+BucketConfig:"),
    ("messages", r"gcp:pubsub/(subscription|topic):"),
    ("object", r"gcp:storage/bucketObject:"),
)


@dataclass(frozen=True)
class Change:
    """One property of a step: its path, its values as short texts, and whether the change replaces the resource."""

    path: str
    before: str
    after: str
    replaces: bool


@dataclass(frozen=True)
class Step:
    """What would be done to one resource. `operation` is one of OPERATIONS or UNCHANGED; `data` says what kind of data
    it holds (empty: none); `kept` that the cloud keeps the old one of a replacement.
    """

    urn: str
    type: str
    name: str
    parent: str
    operation: str
    component: bool
    changes: tuple[Change, ...] = ()
    protected: bool = False
    kept: bool = False

    @property
    def data(self) -> str:
        if re.search(r"(IAM|Iam)(AuditConfig|Binding|Member|Policy)$", self.type):
            return ""
        return next((kind for kind, pattern in DATA if re.match(pattern, self.type)), "")

    @property
    def destroys(self) -> bool:
        """Whether something that is there is gone afterwards."""
        return self.operation in DESTROYING and not self.kept and not self.component


@dataclass(frozen=True)
class Steps:
    """A whole preview: a step for each resource, the stack's outputs that change, and what the engine found wrong."""

    steps: tuple[Step, ...]
    outputs: tuple[Change, ...]
    problems: tuple[str, ...]

    def counted(self, operation: str) -> int:
        """How many resources of the cloud an operation would be done to; components are no such resources."""
        return sum(step.operation == operation and not step.component for step in self.steps)

    def destroyed(self) -> list[Step]:
        """What is gone afterwards, data first."""
        order = [kind for kind, _ in DATA]
        found = [step for step in self.steps if step.destroys]
        return sorted(
            found, key=lambda step: (order.index(step.data) if step.data else len(order), step.type, step.name)
        )


def read(events: Iterable[Mapping[str, Any]]) -> Steps:
    """The steps of a preview from the engine's events. Several events about one resource are one step."""
    found: dict[str, Step] = {}
    outputs: tuple[Change, ...] = ()
    problems: dict[str, None] = {}
    for event in events:
        if metadata := event.get("resourcePreEvent", {}).get("metadata"):
            step = _step(metadata)
            known = found.get(step.urn)
            if not step.type.startswith("pulumi:") and (known is None or _rank(step) < _rank(known)):
                found[step.urn] = step
        elif (metadata := event.get("resOutputsEvent", {}).get("metadata")) and metadata["type"] == STACK:
            outputs = tuple(_outputs(metadata))
        elif (said := event.get("diagnosticEvent")) and said["severity"] == "error":
            problems |= dict.fromkeys(_problem(said))
    return Steps(tuple(found.values()), outputs, tuple(problems))


def changed_by_refresh(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a refresh would change in the state, since the cloud holds it otherwise: a line for each resource."""
    found = []
    for event in events:
        metadata = event.get("resOutputsEvent", {}).get("metadata")
        if metadata and metadata["op"] in ("update", "delete") and not metadata["type"].startswith("pulumi:"):
            step = _step(metadata)
            paths = ", ".join(change.path for change in step.changes)
            told = f"differs in {paths or 'its outputs'}" if step.operation == "update" else "is gone"
            found.append(f"{step.type} {step.name} {told}")
    return sorted(found)


def _rank(step: Step) -> tuple[int, bool]:
    """What wins of several events: the worst operation, told with its reasons."""
    place = OPERATIONS.index(step.operation) if step.operation in OPERATIONS else len(OPERATIONS)
    return place, not step.changes


def _step(metadata: Mapping[str, Any]) -> Step:
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    state = new or old
    operation = _MEANT.get(metadata["op"], UNCHANGED)
    if operation == "delete" and old.get("retainOnDelete"):
        operation = FORGET
    return Step(
        urn=metadata["urn"],
        type=metadata["type"],
        name=metadata["urn"].rpartition("::")[2],
        parent=state.get("parent", ""),
        operation=operation,
        component=not state.get("custom", False),
        changes=tuple(_changes(metadata, old, new)) if operation in ("update", "replace") else (),
        protected=bool(old.get("protect")),
        kept=bool(old.get("retainOnDelete")),
    )


def _changes(metadata: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """By the provider's own account of the difference, else by the names of properties that it gives."""
    detailed = metadata.get("detailedDiff") or {}
    named = [*(metadata.get("keys") or ()), *(metadata.get("diffs") or ())]
    replacing = set(metadata.get("keys") or ())
    for path in detailed or dict.fromkeys(named):
        difference = detailed.get(path, {})
        before = old.get("inputs", {}) if difference.get("inputDiff", True) else old.get("outputs", {})
        yield Change(
            path,
            *both(_at(before, path), _at(new.get("inputs", {}), path)),
            "replace" in difference.get("diffKind", "") or (not detailed and path in replacing),
        )


def _outputs(metadata: Mapping[str, Any]) -> Iterator[Change]:
    old, new = ((metadata.get(side) or {}).get("outputs") or {} for side in ("old", "new"))
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield Change(name, *both(old.get(name), new.get(name)), False)


def _problem(said: Mapping[str, Any]) -> Iterator[str]:
    text = said["message"].strip()
    if not text or _NO_PROBLEM.match(text):
        return
    urn = said.get("urn", "")
    name = urn.rpartition("::")[2]
    about = f"{name}: " if urn and STACK not in urn and name not in text.partition("\n")[0] else ""
    yield about + text


def _at(values: Any, path: str) -> Any:
    """The value at the engine's property path (`template.containers[0].image`, `labels["a.b"]`)."""
    for key, quoted, index in re.findall(r"([^.\[\]\"]+)(?=[.\[]|$)|\[\"([^\"]*)\"\]|\[(\d+)\]", path):
        if index:
            values = values[int(index)] if isinstance(values, list) and int(index) < len(values) else None
        else:
            values = values.get(quoted or key) if isinstance(values, Mapping) else None
    return values


def both(before: Any, after: Any) -> tuple[str, str]:
    """A property's two values in a few characters; long ones that begin the same, from shortly before they differ."""
    texts = (shown(before, None), shown(after, None))
    alike = len(os.path.commonprefix(texts))
    begin = alike - _LEAD if max(map(len, texts)) > LONGEST and alike > 2 * _LEAD else 0
    opened = ('"…' if text.startswith('"') else "…" for text in texts)
    first, second = (shortened(f"{o}{text[begin:]}" if begin else text, LONGEST) for o, text in zip(opened, texts))
    return first, second


def shown(value: Any, longest: int | None = LONGEST) -> str:
    """A property's value in a few characters; what is secret or not known yet is named as such."""
    if value is None:
        return "–"
    if isinstance(value, Mapping) and _SIGNATURE in value:
        return "(secret)" if "ciphertext" in value else "(content)"
    if value == UNKNOWN:
        return "(known after up)"
    return shortened(_plain(value, longest), longest)


def shortened(text: str, longest: int | None) -> str:
    """A text without what is over `longest` characters."""
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"


def _plain(value: Any, longest: int | None) -> str:
    if isinstance(value, Mapping):
        told = {key: shown(one, longest) for key, one in value.items() if not key.startswith("__")}
        return f"{{{', '.join(f'{key}: {one}' for key, one in told.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(shown(one, longest) for one in value)}]"
    if isinstance(value, str):
        return f'"{" ".join(value.split())}"'
    return str(value).lower() if isinstance(value, bool) else str(value)
