"""One stack's preview, as every output is made of it; and its form for machines."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from delivery.previews.steps import FORGET, OPERATIONS, UNCHANGED, Step, Steps
from policies.output.folding import summary
from policies.report import Document

FORMAT = 1
"""The version of the form for machines."""
_DONE = {FORGET: f"{FORGET} (kept in the cloud)"}
LOCAL = "local cloud"
GOOGLE_CLOUD = "Google Cloud"


@dataclass(frozen=True)
class Preview:
    """`against` says what the program is compared with. `said` is the policies' report, None where they were not asked;
    `failure` holds the engine's words where it refused; `notes` say what the reader has to know beside.
    """

    stack: str
    cloud: str
    against: str
    steps: Steps
    said: Document | None
    failure: str | None
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> str:
        """One line: how many of what, the worst first."""
        counts = [(_DONE.get(operation, operation), self.steps.counted(operation)) for operation in OPERATIONS]
        told = ", ".join(f"{number} to {done}" for done, number in counts if number)
        return f"{told or '0 changes'}; {self.steps.counted(UNCHANGED)} unchanged"

    @property
    def policies(self) -> str:
        """One line: what the policies say."""
        return "not asked" if self.said is None else summary(self.said)

    def refusals(self) -> Iterator[str]:
        """Why the engine refused, but for the policies' violations, which have a place of their own."""
        if not self.failure:
            return
        if self.steps.problems:
            yield from self.steps.problems
        elif self.said is None or not self.said["summary"]["mandatory"]:
            yield from self.failure.splitlines()[-20:]


def told_of(step: Step) -> str:
    """What is to be known of something that is destroyed, in a few words."""
    why = ", ".join(change.path for change in step.changes if change.replaces)
    parts = [
        "nothing opens what it encrypts" if step.data == "key" else "what is in it is lost" if step.data else "",
        f"because of {why}" if why else "",
        "protected: `up` refuses it" if step.protected else "",
    ]
    return "; ".join(part for part in parts if part)


def document(preview: Preview) -> dict[str, Any]:
    """Plain data that JSON can hold: what changes, resource by resource, and what the policies say."""
    return {
        "format": FORMAT,
        "stack": preview.stack,
        "cloud": preview.cloud,
        "against": preview.against,
        "counts": {operation: preview.steps.counted(operation) for operation in (*OPERATIONS, UNCHANGED)},
        "destroyed": [_machine(step) for step in preview.steps.destroyed()],
        "changed": [
            _machine(step) for step in preview.steps.steps if step.operation != UNCHANGED and not step.component
        ],
        "outputs": [asdict(change) for change in preview.steps.outputs],
        "policies": preview.said,
        "refused": list(preview.refusals()) if preview.failure else None,
        "notes": list(preview.notes),
    }


def as_json(preview: Preview) -> str:
    return json.dumps(document(preview), indent=2, ensure_ascii=False) + "\n"


def _machine(step: Step) -> dict[str, Any]:
    return {
        **{name: value for name, value in asdict(step).items() if name != "component"},
        "changes": [asdict(change) for change in step.changes],
        "data": step.data,
        "destroys": step.destroys,
    }
