"""Outcomes on their way to training: from a stack's desk into its bucket of histories, as one file."""

import tempfile
from pathlib import Path

from delivery.asking import address_of, fetch_bytes, headers_for
from delivery.commands import REPOSITORY, follow
from delivery.errors import DeliveryError
from delivery.stack import Stack, on_google_cloud
from infra.local.cloud import Cloud
from infra.local.home import home_from
from orderguard.outcomes import OUTCOMES_FILE, Outcomes, read_outcomes, write_outcomes

ROUTE = "/v1/outcomes.ndjson"


def export(stack: Stack) -> str:
    """Write the stack's outcomes into its bucket of histories, and into this machine's folder of histories, which
    `make train` reads; what to say of it.

    Raises `DeliveryError` where no service answers, or one that keeps no outcomes.
    """
    outputs = stack.outputs()
    url = address_of(stack, outputs)
    if not url:
        raise DeliveryError(f"No stack {stack.name} is up, so there is no desk to export from: make up")
    headers = headers_for(stack, outputs, url)
    if key := stack.environment.get("API_KEY"):
        headers.setdefault("X-API-Key", key.partition(",")[0])
    status, content = fetch_bytes(url, ROUTE, headers)
    if status != 200:
        ways = {
            401: "Name the key in API_KEY.",
            404: "Its desk is off: set `orderguard:alerts` (docs/technical/desk.md).",
            503: "Its database is away: run this again.",
        }
        raise DeliveryError(
            f"The service at {url} gave no outcomes: {status or 'no connection'}. {ways.get(status, '')}"
        )
    bucket = str(outputs.get("histories_bucket", ""))
    with tempfile.TemporaryDirectory(prefix="orderguard-") as folder:
        path = Path(folder) / OUTCOMES_FILE
        path.write_bytes(content)
        found = read_outcomes(path)
        if on_google_cloud(stack.environment):
            follow(["gcloud", "storage", "cp", str(path), f"gs://{bucket}/{OUTCOMES_FILE}"])
    own = REPOSITORY / (stack.environment.get("HISTORIES") or ".local/histories")
    places = [own] if on_google_cloud(stack.environment) else [own, _bucket(stack, bucket)]
    for place in places:
        write_outcomes(place, found.lines)
    return "\n".join(_told(found, stack, own / OUTCOMES_FILE, bucket))


def _bucket(stack: Stack, bucket: str) -> Path:
    return Cloud(home_from(stack.environment), stack.name).bucket(bucket)


def _told(found: Outcomes, stack: Stack, path: Path, bucket: str) -> list[str]:
    lines = [f"{len(found.lines):,} outcomes of {len(found.newest()):,} orders: {path} and bucket {bucket}"]
    if found.unusable:
        lines.append(f"{len(found.unusable):,} lines can't be used and were left out")
    lines += [f"SHA-256 {found.sha256}; it stands in the manifest of what is trained with it"]
    return [*lines, "next: make train, whose card tells what the alerts turned out to be; make backtest RULES=…"]
