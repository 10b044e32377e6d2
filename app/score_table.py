"""`python -m app.score_table FILE`: send orders to the running service and show what it says, as a table for people.

A small client of /v1/score/stream. The service's address is ORDERGUARD_URL, else what `make up` wrote down; without
either nothing is sent, since anybody may listen on a port. The API key comes from ORDERGUARD_API_KEY_HEADER_FILE, else
from `api-key.header` in the local cloud's home, which is LOCAL_CLOUD_HOME, else `.local`.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import gzip
import os
import shutil
import sys
import textwrap
import urllib.error
import urllib.request
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

EXAMPLE_URL = "http://127.0.0.1:8080"
LOCAL = Path(os.environ.get("LOCAL_CLOUD_HOME") or ".local")
TIMEOUT_SECONDS = 120
ANOMALIES_SHOWN = 100
USUAL_SHOWN = 3
UNUSABLE_SHOWN = 20
REASONS_SHOWN = 3
TOGETHER = 500
COUNTED = "The orders count into the customers' histories and drift."
LOOKED_AT = "The orders were only looked at: nothing of them is kept or counted (RECORD=true counts them)."


class ClientError(Exception):
    """What went wrong, and what to do, for the person at the terminal."""


class Reason(msgspec.Struct):
    """Why an order scored as it did, in words."""

    text: str


class Line(msgspec.Struct):
    """A line of the answer: a score, what it is instead of an order, or the reason why there is none."""

    order_id: str = ""
    score: float = 0.0
    threshold: float = 0.0
    anomaly: bool = False
    place: str = ""
    reasons: list[Reason] = []
    model_version: str = ""
    apart: str = ""
    index: int = 0
    error: str = ""
    field: str = ""


def service_url(environment: Mapping[str, str], local: Path = LOCAL) -> str:
    """Where the service is. Raises `ClientError` where nothing says so."""
    if url := environment.get("ORDERGUARD_URL"):
        return url.rstrip("/")
    noted = local / "url"
    if not noted.is_file():
        raise ClientError("No service is up here, so nothing was sent. Start it with `make up`, or set ORDERGUARD_URL.")
    return noted.read_text("utf-8").strip().rstrip("/")


def key_header(environment: Mapping[str, str], local: Path = LOCAL) -> dict[str, str]:
    """The API key as a header, from the file that holds it; nothing where there is no such file."""
    path = Path(environment.get("ORDERGUARD_API_KEY_HEADER_FILE", local / "api-key.header"))
    if not path.is_file():
        return {}
    name, _, value = path.read_text("utf-8").strip().partition(":")
    return {name.strip(): value.strip()}


def token_header(environment: Mapping[str, str]) -> dict[str, str]:
    """The identity token for a service that does not let everybody call; the header leaves Authorization free."""
    token = environment.get("IDENTITY_TOKEN")
    return {"X-Serverless-Authorization": f"Bearer {token}"} if token else {}


def score_all(body: bytes, url: str, header: Mapping[str, str], record: bool = False) -> list[Line]:
    """`score` for a body of any length, some orders a request: this client reads only when it has sent."""
    orders = [order for order in body.splitlines() if order.strip()]
    answers: list[Line] = []
    for start in range(0, len(orders), TOGETHER):
        part = score(b"\n".join(orders[start : start + TOGETHER]), url, header, record)
        answers += [msgspec.structs.replace(line, index=start + line.index) for line in part]
        _tell_progress(len(answers), len(orders))
    return answers


def _tell_progress(done: int, orders: int) -> None:
    """One line that is written over, at a terminal alone."""
    if sys.stderr.isatty() and orders > TOGETHER:
        print(
            f"\rscored {done:,} of {orders:,} orders", end="\n" if done >= orders else "", file=sys.stderr, flush=True
        )


def score(body: bytes, url: str, header: Mapping[str, str], record: bool = False) -> list[Line]:
    """Send NDJSON and read the answers. With `record` the orders are counted. Raises `ClientError`."""
    stream = f"{url}/v1/score/stream?record={str(record).lower()}"
    request = urllib.request.Request(stream, body, {"Content-Type": "application/x-ndjson", **header})
    if not url.startswith(("http://", "https://")):
        raise ClientError(f"{url} is not an http address: set ORDERGUARD_URL to something like {EXAMPLE_URL}")
    try:
        with _opener(url).open(request, timeout=TIMEOUT_SECONDS) as response:
            return [msgspec.json.decode(line, type=Line) for line in response]
    except urllib.error.HTTPError as error:
        raise ClientError(_refusal(error, url)) from None
    except (OSError, msgspec.MsgspecError) as error:
        reason = getattr(error, "reason", error)
        raise ClientError(
            f"No scoring service answers at {url} ({reason}). Start it with `make up`, or set ORDERGUARD_URL."
        ) from None


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Ask the environment's proxy, but not for this machine's own ports, which no proxy knows."""
    here = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))


def _refusal(error: urllib.error.HTTPError, url: str) -> str:
    if error.code in (401, 403) and "html" in error.headers.get("Content-Type", ""):
        return f"The service at {url} is not open to everybody: set IDENTITY_TOKEN (here: `make token` prints one)."
    if error.code == 401:
        return f"The service at {url} does not accept the API key in {LOCAL / 'api-key.header'}; `make up` rewrites it."
    try:
        problem = msgspec.json.decode(error.read(), type=dict[str, str | int])
    except msgspec.MsgspecError:
        problem = {}
    return (
        f"The service at {url} answered {error.code}: {problem.get('title', error.reason)}. {problem.get('detail', '')}"
    )


def table(lines: Sequence[Line], width: int) -> str:
    """The answers as text: anomalies first, the most anomalous on top, then a few usual orders, then unusable lines."""
    scored = sorted((line for line in lines if not line.error and not line.apart), key=lambda line: -line.score)
    apart = Counter(line.apart for line in lines if line.apart)
    anomalies = [line for line in scored if line.anomaly]
    shown = anomalies[:ANOMALIES_SHOWN]
    usual = [line for line in scored if not line.anomaly]
    unusable = [line for line in lines if line.error]
    name = max([len(line.order_id) for line in [*shown, *usual[:USUAL_SHOWN]]] + [5])
    rows = [f"{'ORDER':{name}}  SCORE  VERDICT  WHY"]
    for line in shown:
        first, *more = _why(line, max(30, width - name - 18))
        rows += [f"{line.order_id:{name}}  {line.score:5.3f}  ANOMALY  {first}".rstrip()]
        rows += [" " * (name + 18) + part for part in more]
    if len(anomalies) > len(shown):
        rows.append(f"… and {len(anomalies) - len(shown):,} more anomalies; the page shows each")
    rows += [f"{line.order_id:{name}}  {line.score:5.3f}  usual" for line in usual[:USUAL_SHOWN]]
    if len(usual) > USUAL_SHOWN:
        rows.append(f"… and {len(usual) - USUAL_SHOWN:,} more usual orders")
    for line in unusable[:UNUSABLE_SHOWN]:
        reason = f"{line.field}: {line.error}" if line.field else line.error
        rows.append(f"order {line.index + 1} can't be used: {reason}")
    if len(unusable) > UNUSABLE_SHOWN:
        rows.append(f"… and {len(unusable) - UNUSABLE_SHOWN:,} more that can't be used")
    summary = f"{len(scored):,} orders scored, {len(anomalies):,} {'anomaly' if len(anomalies) == 1 else 'anomalies'}"
    if apart:
        rows.append(
            "set apart, since they are not orders to score: "
            + ", ".join(f"{count:,} × {kind}" for kind, count in apart.most_common())
        )
        summary += f", {apart.total():,} set apart"
    if unusable:
        summary += f", {len(unusable):,} not usable"
    if scored:
        summary += f" (threshold {scored[0].threshold:.3f}, model {scored[0].model_version})"
    return "\n".join([*rows, "", summary + "."])


def _why(line: Line, width: int) -> list[str]:
    """Where an anomaly stands, and its main reasons, as lines."""
    told = [reason.text for reason in line.reasons[:REASONS_SHOWN]]
    if line.place:
        told[:1] = [f"{' '.join(told[:1])} ({line.place})".strip()]
    return [part for text in told for part in textwrap.wrap(text, width, subsequent_indent="  ")] or [""]


def main(arguments: Sequence[str]) -> int:
    """Print the table. Exit codes: 0 ok, 1 the service did not answer, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m app.score_table", description="Score a file of orders.")
    parser.add_argument("file", type=Path, help="orders, one JSON object a line; .gz is unpacked")
    parser.add_argument(
        "--record", choices=("true", "false"), default="false", help="count the orders (default: false)"
    )
    given = parser.parse_args(arguments)
    path: Path = given.file
    record = given.record == "true"
    try:
        body = path.read_bytes()
        if path.name.endswith(".gz"):
            body = gzip.decompress(body)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        print(f"{path}: an incomplete gzip file. Copy it again.", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{path}: {error.strerror}. Name a file of orders: make score ORDERS=file.ndjson", file=sys.stderr)
        return 2
    if not body.strip():
        print(f"{path} contains no orders.", file=sys.stderr)
        return 2
    try:
        url = service_url(os.environ)
        lines = score_all(body, url, {**key_header(os.environ), **token_header(os.environ)}, record)
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(lines, shutil.get_terminal_size((110, 24)).columns))
    print(COUNTED if record else LOOKED_AT)
    print(f"See each order's reasons on the page: {url}/")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
