"""What workers are told: which orders, how they are read, what they become, and where the masking key is."""

from dataclasses import dataclass

from ml.backfill.manifest import Request
from ml.lineage import Source


@dataclass(frozen=True)
class Job:
    """A backfill as a pipeline takes it: plain values, for they are sent to workers and stand in the pipeline's graph.

    `files` are the order files by position, from 1; `key` names the masking key, and is never the key. `version` is the
    model version's folder, `parts` is how many keys each kind of history is spread over; the output is made in the
    folder `work` and put into `out`. The request's inputs are told by the workers, where nobody has read them before.
    """

    files: tuple[str, ...]
    key: str
    request: Request
    code: Source
    version: str | None
    parts: int
    work: str
    out: str
