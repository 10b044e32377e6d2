"""Outcomes on their way: from a file to a stack's desk, and from there into its bucket of histories, for training."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from delivery.asking import address_of, caller_headers, fetch_bytes
from delivery.commands import REPOSITORY, follow
from delivery.errors import DeliveryError, UsageError
from delivery.stack import Stack, on_google_cloud
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.services import secretmanager
from orderguard.masking import Keyring, MaskingKeyError
from orderguard.outcomes import OUTCOMES_FILE, Outcomes, read_outcomes, write_outcomes

ROUTE = "/v1/outcomes.ndjson"
TYPES = {".csv": "text/csv", ".tsv": "text/tab-separated-values", ".ndjson": "application/x-ndjson"}
ASKED = ("SOURCE", "MEANS", "ORDER", "OUTCOME", "TIME")
SHOWN = 20


def bring(stack: Stack) -> str:
    """Hand a file of outcomes, such as a bank's table of chargebacks, to the stack's desk; what became of it.

    Raises `DeliveryError` where the file or the desk is not there, or the desk can't read it.
    """
    path = Path(stack.environment.get("FILE", ""))
    if path.suffix.lower() not in (*TYPES, ".json") or not path.is_file():
        raise UsageError("Which file? Name a .csv, .tsv, .ndjson or .json: make import-outcomes FILE=chargebacks.csv")
    url, headers = _desk(stack)
    headers["Content-Type"] = TYPES.get(path.suffix.lower(), "application/json")
    asked = {name.lower(): value for name in ASKED if (value := stack.environment.get(name))}
    status, content = fetch_bytes(url, f"/v1/outcomes?{urlencode(asked)}", headers, path.read_bytes())
    answer = json.loads(content or b"{}") if content[:1] == b"{" else {}
    if status != 200:
        reasons = [f"{one['field']}: {one['reason']}" for one in answer.get("errors", [])]
        raise DeliveryError("\n".join([_refused(url, status), str(answer.get("detail", "")), *reasons]).strip())
    unusable = answer["unusable"]
    lines = [f"{answer['received']:,} outcomes read, {answer['new']:,} new, {answer['known']:,} known already"]
    lines += [f"taken for: {answer['taken_for']}"] if answer.get("taken_for") else []
    lines += [f"{len(unusable):,} can't be used:"] if unusable else []
    lines += [f"  number {one['index'] + 1}: {one['field']} {one['reason']}" for one in unusable[:SHOWN]]
    return "\n".join([*lines, "next: make export-outcomes, then make train: its card tells the precision"])


def export(stack: Stack) -> str:
    """Write the stack's outcomes into its bucket of histories, and into this machine's folder of histories, which
    `make train` reads; what to say of it.

    Raises `DeliveryError` where no service answers, or one that keeps no outcomes.
    """
    url, headers = _desk(stack)
    status, content = fetch_bytes(url, ROUTE, headers)
    if status != 200:
        raise DeliveryError(_refused(url, status))
    outputs = stack.outputs()
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
    lines = _told(found, stack, own / OUTCOMES_FILE, bucket)
    if not on_google_cloud(stack.environment) and (secret := outputs.get("masking_key_secret")):
        key = secretmanager.value(Cloud(home_from(stack.environment), stack.name), str(secret), "latest")
        lines.insert(1, _under(key, stack.environment))
    return "\n".join(lines)


def _under(key: str, environment: Mapping[str, str]) -> str:
    """Whether `make train` on this machine has the key that the stack masks with."""
    theirs = Keyring.from_text(key).fingerprint
    try:
        own = Keyring.from_environment(environment).fingerprint
    except MaskingKeyError:
        own = ""
    if own == theirs:
        return f"under the key {theirs}, which `make train` has on this machine, too"
    return (
        f"under the stack's key {theirs}; `make train` here has {own or 'none'}, so they join no order that it reads;"
        " the card's precision is told all the same. A stack that `make up` makes anew has this machine's key"
    )


def _desk(stack: Stack) -> tuple[str, dict[str, str]]:
    """Where the stack's desk is, and what lets a request in."""
    outputs = stack.outputs()
    url = address_of(stack, outputs)
    if not url:
        raise DeliveryError(f"No stack {stack.name} is up, so there is no desk: make up")
    return url, caller_headers(stack, outputs, url)


def _refused(url: str, status: int) -> str:
    ways = {
        401: "Name the key in API_KEY.",
        404: "Its desk is off: docs/technical/desk.md says how to switch it on.",
        503: "Its database is away: run this again.",
    }
    return f"The service at {url} answered {status or 'nothing'}. {ways.get(status, '')}".strip()


def _bucket(stack: Stack, bucket: str) -> Path:
    return Cloud(home_from(stack.environment), stack.name).bucket(bucket)


def _told(found: Outcomes, stack: Stack, path: Path, bucket: str) -> list[str]:
    lines = [f"{len(found.lines):,} outcomes of {len(found.newest()):,} orders: {path} and bucket {bucket}"]
    if found.unusable:
        lines.append(f"{len(found.unusable):,} lines can't be used and were left out")
    lines += [f"SHA-256 {found.sha256}; it is in the manifest of every version trained with it"]
    return [*lines, "next: make train, whose card says what the alerts turned out to be; make backtest RULES=…"]
