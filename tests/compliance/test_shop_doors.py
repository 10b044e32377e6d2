"""Promise: what a shop's platform sends or exports leaves nothing personal in errors, logs, metrics, what is told back,
the history, the quarantine or names of files; and the orders that are made of an export go to who brought it alone.
"""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from bench.hooks.fuzz import environment_of
from bench.hooks.inside import running
from bench.hooks.vendor import MAKERS, VENDORS, Delivery
from data.importing.command import main as imported
from tests.compliance.canaries import CANARIES, canary_order, leaks, leaks_in_folder
from tests.compliance.canary_routes import FILE_NAMES
from tests.http_server import listening
from tests.serving import API_KEY, MASKING_KEY, environment

CANARY, NAME = CANARIES["customer.email"], CANARIES["customer.name"]
PERSON = {"first_name": NAME, "last_name": NAME, "address1": CANARIES["billing_address.street"], "phone": "+4366055550"}
VENDORS_FIELDS: dict[str, dict[str, Any]] = {
    "shopify": {
        "email": CANARY,
        "note": f"{NAME}, {CANARIES['payment.iban']}",
        "customer": {"id": CANARIES["customer.id"], "email": CANARY},
        "billing_address": PERSON,
        "browser_ip": CANARIES["device.ip"],
    },
    "woocommerce": {
        "billing": {**PERSON, "email": CANARY, "country": CANARY},
        "customer_note": f"{NAME}, {CANARIES['payment.card_number']}",
        "customer_user_agent": CANARIES["device.user_agent"],
    },
    "stripe": {
        "customer": CANARIES["customer.id"],
        "billing_details": {"name": NAME, "email": CANARY, "phone": CANARIES["customer.phone"]},
        "description": CANARIES["stranger"],
    },
}


class Told:
    """Somebody who is told of anomalies, and keeps what came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.bodies.append(str(self.headers).encode() + body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    with listening(made.server):
        yield made


def deliveries() -> Iterator[tuple[Delivery, dict[str, str]]]:
    """Of each vendor an anomaly, the same again, an order that is unusable, what is none, no JSON, and what nobody has
    signed.
    """
    for place, vendor in enumerate(VENDORS):
        make, fields = MAKERS[vendor], VENDORS_FIELDS[vendor]
        number = 55_010 + 10 * place
        odd = make(number, price="99999.00", **fields)
        unusable = make(number + 1, **fields, currency=CANARY)
        unknown = make(number + 2, topic=f"of/{CANARY}", **fields)
        broken = Delivery(vendor, odd.body[:-9], {**odd.headers, "X-Shopify-Webhook-Id": CANARY})
        yield from ((one, one.signed()) for one in (odd, odd, unusable, unknown, broken))
        yield odd, odd.signed(CANARY)
        yield odd, {**odd.headers, "Stripe-Signature": NAME.replace(" ", "_"), "X-Shopify-Hmac-Sha256": "x"}


def test_webhooks_leave_nothing_personal_in_answers_logs_history_or_what_is_told(
    models_dir: Path, tmp_path: Path, told: Told
) -> None:
    settings = {
        **environment_of(str(models_dir), MASKING_KEY),
        "LOG_LEVEL": "DEBUG",
        "HISTORY_URL": f"sqlite:{tmp_path / 'histories'}",
        "TELL_URL": f"http://127.0.0.1:{told.server.server_port}/told",
        "TELL_SECRET": "a-secret-of-the-address",
    }

    async def scenario() -> tuple[list[bytes], str]:
        async with running(settings) as service:
            answers = [await service.ask("POST", one.path, one.body, headers) for one, headers in deliveries()]
            assert {answer.status for answer in answers} == {200, 401}
        return [answer.body for answer in answers], service.log

    answers, log = asyncio.run(scenario())
    outcomes = [json.loads(answer).get("outcome") for answer in answers]
    assert {"scored", "duplicate", "unusable", None} <= set(outcomes), "the doors were open"
    assert outcomes.count("scored") == len(VENDORS)
    assert told.bodies and '"outcome":"told"' in log
    found = leaks("answers", b"\n".join(answers)) + leaks("log", log.encode())
    assert found + leaks("told", b"\n".join(told.bodies)) + leaks_in_folder(tmp_path) == []


HEAD = ("order no", "order date", "e-mail", "customer name", "article", "qty", "unit price", "remark")
ROW = ("1", "2026-05-04 10:00", CANARY, NAME, "mug", "1", "4.50", CANARIES["stranger"])
BAD = (CANARY, CANARY, CANARY, NAME, NAME, CANARY, NAME, CANARY)


def table(*rows: tuple[str, ...]) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def workbook(*rows: tuple[str, ...]) -> bytes:
    """Rows as a workbook."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(file)
    book.close()
    return file.getvalue()


def test_an_export_comes_back_to_who_brought_it_and_stays_nowhere(models_dir: Path, tmp_path: Path) -> None:
    good = [
        table(HEAD, ROW, BAD),
        workbook(HEAD, ROW, BAD),
        json.dumps([canary_order(), {"order_id": CANARY}]).encode(),
    ]
    refused = [table(BAD, ROW), table(("name", "mail"), (NAME, CANARY)), workbook(("name", "mail"), (NAME, CANARY))]
    refused += [json.dumps({"weather": CANARY}).encode(), f'{{"{CANARY}"'.encode(), b"PK\x03\x04" + CANARY.encode()]
    key = {"X-API-Key": API_KEY, "Content-Type": "application/octet-stream"}

    async def scenario() -> str:
        settings = environment(models_dir, 0, LOG_LEVEL="DEBUG", HISTORY_URL=f"sqlite:{tmp_path / 'histories'}")
        async with running(settings) as service:
            for body in good:
                told = json.loads((await service.ask("POST", "/v1/convert", body, key)).body)
                assert told.pop("orders") and told["unusable"], "what is left is of the file, and of nobody in it"
                assert leaks("converted", json.dumps(told, ensure_ascii=False).encode()) == []
            asked = [*((body, "") for body in refused), (good[0], f"source={CANARY}")]
            for body, query in asked:
                answer = await service.ask("POST", "/v1/convert", body, key, query)
                assert answer.status == 400 and leaks("refused", answer.body) == [], body
            assert leaks("metrics", (await service.ask("GET", "/metrics", headers=key)).body) == []
        return service.log

    assert leaks("log", asyncio.run(scenario()).encode()) == []
    assert leaks_in_folder(tmp_path) == []


@pytest.mark.parametrize("body", [table(HEAD, ROW, BAD), workbook(HEAD, ROW, BAD)], ids=["CSV", "Excel"])
def test_the_importer_says_and_keeps_nothing_personal_beside_the_orders(
    body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The orders themselves are the user's own file in another form, and lie where raw orders do."""
    monkeypatch.chdir(tmp_path)
    name = FILE_NAMES["e-mail"]
    Path(name).write_bytes(body)
    assert imported([name]) == 0
    assert imported([name, "--mapping", "data/importing/proposed.toml"]) == 0
    assert imported([name, "--source", NAME]) == 2
    said = capsys.readouterr()
    assert "quarantined: 1 order" in said.out and leaks("printed", (said.out + said.err).encode()) == []
    assert name not in said.out + said.err
    Path(name).unlink()
    (orders,) = Path("data/raw").glob("import-*.ndjson")
    assert CANARY in orders.read_text()
    orders.write_bytes(b"")
    assert leaks_in_folder(tmp_path) == [] and name not in " ".join(map(str, tmp_path.rglob("*")))
