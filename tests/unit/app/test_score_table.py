"""The table of `make score`."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.score_table import TOGETHER, UNUSABLE_SHOWN, ClientError, Line, Reason, key_header, main, service_url, table
from tests.http_server import listening

ANSWER = (
    b'{"order_id":"N-1","score":0.91,"threshold":0.6,"anomaly":true,"model_version":"v1","place":"at the'
    b' top 0.2 % of orders","reasons":[{"text":"40,000 of MUG-01, 40,000 times the usual 1."}]}\n'
    b'{"order_id":"N-2","score":0.3,"threshold":0.6,"anomaly":false,"model_version":"v1","reasons":[]}\n'
    b'{"index":2,"error":"required field is missing","field":"currency"}\n'
    b'{"order_id":"N-4","apart":"test order"}\n'
)


received: list[bytes] = []
"""The bodies that the service got."""
asked: list[str] = []
"""The paths that it was asked for."""


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    with listening(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.ndjson").write_text("{}\n")
    return tmp_path / "orders.ndjson"


Said = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


def test_a_person_can_read_who_is_odd_and_why(orders: Path, monkeypatch: Patch, capsys: Said) -> None:
    with answering(200, ANSWER) as url:
        monkeypatch.setenv("ORDERGUARD_URL", url)
        assert main([str(orders)]) == 0
    shown = capsys.readouterr().out
    why = "40,000 of MUG-01, 40,000 times the usual 1. (at the top 0.2 % of orders)"
    assert f"N-1    0.910  ANOMALY  {why}\n" in shown
    assert "order 3 can't be used: currency: required field is missing" in shown
    assert "set apart, since they are not orders to score: 1 × test order\n" in shown and "N-4" not in shown
    assert "2 orders scored, 1 anomaly, 1 set apart, 1 not usable (threshold 0.600, model v1)." in shown


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"{}", "does not accept the API key"),
        (503, b'{"title":"The service is not ready","detail":"loading","status":503}', "not ready. loading"),
        (500, b"oops", "answered 500"),
    ],
)
def test_a_refusal_is_explained(
    status: int, body: bytes, said: str, orders: Path, monkeypatch: Patch, capsys: Said
) -> None:
    with answering(status, body) as url:
        monkeypatch.setenv("ORDERGUARD_URL", url)
        assert main([str(orders)]) == 1
    assert said in capsys.readouterr().err


def test_without_a_service_it_says_what_to_do(orders: Path, monkeypatch: Patch, capsys: Said) -> None:
    monkeypatch.setenv("ORDERGUARD_URL", "http://127.0.0.1:9")
    assert main([str(orders)]) == 1
    assert "Start it with `make up`" in capsys.readouterr().err


def test_a_long_file_goes_in_parts_and_keeps_its_numbers(orders: Path, monkeypatch: Patch, capsys: Said) -> None:
    orders.write_text("{}\n" * (TOGETHER + 1))
    with answering(200, ANSWER) as url:
        monkeypatch.setenv("ORDERGUARD_URL", url)
        assert main([str(orders)]) == 0
    shown = capsys.readouterr().out
    assert "order 3 can't be used" in shown and f"order {TOGETHER + 3} can't be used" in shown


def test_a_compressed_file_is_unpacked_and_a_broken_one_named(orders: Path, monkeypatch: Patch, capsys: Said) -> None:
    packed = orders.with_name("orders.ndjson.gz")
    packed.write_bytes(gzip.compress(b"{}\n{}\n"))
    with answering(200, ANSWER) as url:
        monkeypatch.setenv("ORDERGUARD_URL", url)
        assert main([str(packed)]) == 0
    assert "2 orders scored" in capsys.readouterr().out
    assert received[-1] == b"{}\n{}"
    packed.write_bytes(packed.read_bytes()[:-9])
    assert main([str(packed)]) == 2
    assert f"{packed}: an incomplete gzip file" in capsys.readouterr().err
    packed.write_bytes(b"{}\n")
    assert main([str(packed)]) == 2
    assert f"{packed}: an incomplete gzip file" in capsys.readouterr().err


def test_no_proxy_is_asked_for_a_service_on_this_machine(orders: Path, monkeypatch: Patch, capsys: Said) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with answering(200, ANSWER) as url:
        monkeypatch.setenv("ORDERGUARD_URL", url)
        assert main([str(orders)]) == 0
    assert "2 orders scored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ([], "/v1/score/stream?record=false", "nothing of them is kept or counted"),
        (["--record", "true"], "/v1/score/stream?record=true", "count into the customers' histories"),
    ],
)
def test_orders_are_looked_at_unless_they_are_to_count(
    given: list[str], path: str, said: str, orders: Path, monkeypatch: Patch, capsys: Said
) -> None:
    with answering(200, ANSWER) as url:
        monkeypatch.setenv("ORDERGUARD_URL", url)
        assert main([*given, str(orders)]) == 0
    assert asked[-1] == path and said in capsys.readouterr().out


def test_a_file_that_is_not_there_is_explained(capsys: Said) -> None:
    assert main(["nowhere.ndjson"]) == 2
    assert "make score ORDERS=" in capsys.readouterr().err


def test_address_and_key_come_from_what_make_up_wrote(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="nothing was sent. Start it with `make up`"):
        service_url({}, tmp_path)
    (tmp_path / "url").write_text("http://127.0.0.1:9000\n")
    (tmp_path / "api-key.header").write_text("X-API-Key: abc\n")
    assert service_url({}, tmp_path) == "http://127.0.0.1:9000"
    assert service_url({"ORDERGUARD_URL": "http://x/"}, tmp_path) == "http://x"
    assert key_header({}, tmp_path) == {"X-API-Key": "abc"}


def test_anomalies_come_first_and_usual_orders_are_only_counted() -> None:
    reason = Reason("40,000 of MUG-01, 40,000 times the usual 1.")
    lines = [Line(order_id=f"U-{i}", score=i / 100) for i in range(9)]
    lines.append(Line(order_id="odd", score=0.9, anomaly=True, reasons=[reason]))
    rows = table(lines, 100).splitlines()
    assert rows[1].startswith("odd")
    assert "… and 6 more usual orders" in rows


def test_lines_that_are_no_orders_are_told_without_a_field_and_many_are_counted() -> None:
    lines = [Line(index=index, error="not valid JSON") for index in range(UNUSABLE_SHOWN + 5)]
    shown = table(lines, 100)
    assert "order 1 can't be used: not valid JSON\n" in shown
    assert f"order {UNUSABLE_SHOWN + 1} " not in shown
    assert "… and 5 more that can't be used" in shown
