"""What the service answers, over real HTTP."""

import csv
import io
import json
import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from app.edge import LARGEST_FILE
from infra.local.commands.open import open_page, way_in
from infra.local.errors import LocalCloudError
from infra.local.home import Home
from orderguard.masking import Keyring
from orderguard.version import VERSION
from tests.serving import API_KEY, MASKING_KEY, NO_TLS, ODD, USUAL, WAIT_SECONDS, Service, serving


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(models_dir, tmp_path_factory.mktemp("service") / "log", MAX_BATCH="50", LOG_LEVEL="INFO") as running:
        yield running


def test_an_order_gets_a_score_and_its_reasons(service: Service) -> None:
    answer = service.score(USUAL)
    assert answer["order_id"] == USUAL["order_id"]
    assert 0 <= answer["score"] <= 1
    assert answer["anomaly"] == (answer["score"] >= answer["threshold"])
    assert answer["score"] >= answer["guard_score"]
    assert answer["model_version"] == "first"
    shares = [reason["contribution"] for reason in answer["contributions"]]
    assert shares == sorted(shares, reverse=True) and len(shares) == 5
    assert all(reason["meaning"] for reason in answer["contributions"])


def test_an_absurd_order_is_an_anomaly(service: Service) -> None:
    usual = service.score({**USUAL, "customer": {"id": "C-absurd"}})
    odd = service.score({**ODD, "customer": {"id": "C-absurd"}})
    assert odd["anomaly"] and odd["score"] > usual["score"]


def test_an_anomaly_says_why_in_words_and_the_order_stands_beside_its_reasons(service: Service) -> None:
    customer = {"customer": {"id": "C-words", "name": "Erika Mustermann"}}
    answer = service.score({**ODD, **customer})
    assert re.search(r"CLO-0015 costs 9,999.00 EUR, [0-9]+ times its usual [0-9.]+\.", answer["reasons"][0]["text"])
    assert re.match("at the top|above all", answer["place"])
    told = service.post("/v1/explain", {**ODD, **customer}).json()
    assert told["answer"] == answer, "it is told as it was scored, and counted once"
    (line,) = told["lines"]
    assert (line["sku"], line["quantity"], line["sold_before"]) == ("CLO-0015", 40_000, True)
    assert line["price_in_words"] in answer["reasons"][0]["text"] and line["usual_price"] < 100
    seen = told["order"]
    assert seen["created_at"] == "2026-05-05T03:41:00+02:00" and seen["channel"] == "web"
    assert (seen["billing"]["country"], seen["shipping"]["country"], seen["card_country"]) == ("DE", "NG", "BR")


def test_an_order_below_the_threshold_has_its_reasons_where_it_is_explained(service: Service) -> None:
    order = {**USUAL, "customer": {"id": "C-plain"}, "items": [{**USUAL["items"][0], "quantity": 6}]}
    answer = service.score(order)
    assert not answer["anomaly"] and answer["place"] == "" and answer["reasons"] == []
    told = service.post("/v1/explain", order).json()["answer"]
    assert told["place"].endswith("as high or higher") or told["place"].startswith("at the top")
    assert told["score"] == answer["score"]
    assert bool(told["reasons"]) == any(one["contribution"] > 0 for one in told["contributions"])


def test_the_door_gives_the_key_for_a_code_once_and_a_code_to_who_has_the_key(service: Service) -> None:
    with httpx.Client(base_url=service.url, timeout=WAIT_SECONDS, verify=NO_TLS) as anyone:
        assert anyone.get("/door").json() == {"key_required": True}
        assert anyone.post("/v1/door").status_code == 401
        code = service.post("/v1/door", b"").json()["code"]
        answer = anyone.post("/door", json={"code": code})
        assert answer.json() == {"api_key": service.headers["X-API-Key"]}
        assert answer.headers["cache-control"] == "no-store"
        for wrong in ({"code": code}, {"code": 5}, {}):
            refused = anyone.post("/door", json=wrong)
            assert refused.status_code == 400 and code not in refused.text


def test_make_open_and_up_on_a_terminal_print_a_link_that_works_once(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LocalCloudError, match="make up"):
        open_page(Home(tmp_path))
    header = tmp_path / "api-key.header"
    (tmp_path / "url").write_text(f"{service.url}\n")
    header.write_text(f"X-API-Key: {API_KEY}\n")
    assert open_page(Home(tmp_path)) == 0
    opened = capsys.readouterr().out
    on_terminal = way_in(service.url, header, terminal=True)
    for said in (opened, on_terminal):
        assert "works once, for ten minutes" in said and API_KEY not in said
        found = re.search(rf"{re.escape(service.url)}/#code=(\S+)", said)
        assert found, "the code stands behind #, which a browser sends to nobody"
        answers = [
            httpx.post(f"{service.url}/door", json={"code": found[1]}, timeout=WAIT_SECONDS, verify=NO_TLS)
            for _ in "12"
        ]
        assert [answer.status_code for answer in answers] == [200, 400]
    assert way_in(service.url, header, terminal=False) == "`make open` prints a link that lets you in"
    header.write_text("X-API-Key: another-key\n")
    with pytest.raises(LocalCloudError, match="gives no link"):
        open_page(Home(tmp_path))


EXPORTS = Path(__file__).resolve().parents[2] / "data" / "examples"


@pytest.mark.parametrize(
    ("export", "taken_for", "orders", "apart"),
    [
        ("shopify-orders.csv", "Shopify's CSV export", 2, ["refund", "cancellation"]),
        ("shopify-order.json", "orders of shopify", 1, []),
        ("magento-orders.json", "Magento", 1, ["cancellation"]),
        ("amazon-orders.txt", "Amazon", 1, ["cancellation"]),
    ],
)
def test_a_shops_export_is_turned_into_orders_that_can_be_scored(
    service: Service, export: str, taken_for: str, orders: int, apart: list[str]
) -> None:
    told = service.post("/v1/convert", (EXPORTS / export).read_bytes()).json()
    assert taken_for in told["taken_for"] and len(told["orders"]) == orders
    assert [count["what"] for count in told["apart"]] == apart
    assert all("score" in service.score(order) for order in told["orders"])


def test_a_workbook_is_read_as_the_table_that_it_was_saved_from(service: Service, tmp_path: Path) -> None:
    text = (EXPORTS / "shopify-orders.csv").read_text("utf-8")
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(text)):
        book.worksheets[0].append(row)
    book.save(tmp_path / "orders.xlsx")
    book.close()
    told = service.post("/v1/convert", (tmp_path / "orders.xlsx").read_bytes()).json()
    assert told["orders"] == service.post("/v1/convert", text.encode()).json()["orders"] and told["orders"]


def test_a_file_that_is_too_large_for_the_page_is_told_what_reads_it(service: Service) -> None:
    refused = service.post("/v1/convert", b" " * (LARGEST_FILE + 1))
    assert refused.status_code == 413 and "8 MiB" in refused.text and "make import FILE=" in refused.text


@pytest.mark.parametrize("price", [4.5, "4.50"])
def test_what_is_no_order_is_set_apart_whether_or_not_it_keeps_to_the_schema(service: Service, price: object) -> None:
    items = [{"sku": "mug", "quantity": 1, "unit_price": price}]
    order = {"order_id": "O-1", "created_at": "2026-05-04T10:00:00Z", "currency": "EUR", "items": items}
    assert service.score(order | {"status": "refunded"}) == {"order_id": "O-1", "apart": "refund"}
    assert "score" in service.score(order | {"status": "completed", "cancelled_at": None, "total": 4.5, "test": False})


def test_a_table_that_nobody_knows_is_read_by_a_mapping_that_is_shown(service: Service) -> None:
    table = "order no;order date;article;qty;unit price;remark\n1;02.03.2026 10:00;mug;2;4,50;x\n".encode("utf-16")
    told = service.post("/v1/convert", table).json()
    assert told["orders"][0]["items"] == [{"sku": "mug", "quantity": 2, "unit_price": 4.5}]
    assert "decimal_comma = true" in told["mapping"] and told["unmapped"] == ["remark"] and told["doubts"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"PK\x03\x04", b"a,b\n1,2\n", b'{"weather": "Zephyrine"}', b"\xff\xfe\x00"]
)
def test_a_file_that_is_no_export_is_told_without_repeating_it(service: Service, body: bytes) -> None:
    refused = service.post("/v1/convert", body)
    assert refused.status_code == 400 and refused.json()["detail"] and "Zephyrine" not in refused.text
    named = service.post("/v1/convert?source=Zephyrine", b"a,b\n")
    assert named.status_code == 400 and "Zephyrine" not in named.text and "shopify" in named.json()["detail"]


def test_the_examples_are_what_they_are_called(service: Service) -> None:
    examples = service.get("/openapi.json").json()["paths"]["/v1/score"]["post"]["requestBody"]["content"]
    told = [example["value"] for example in examples["application/json"]["examples"].values()]
    made = service.get("/v1/example").json()
    for usual, anomaly in (told, made.values()):
        assert [service.score(usual)["anomaly"], service.score(anomaly)["anomaly"]] == [False, True]


def test_an_explanation_leaves_no_trace_and_takes_the_history_that_is_brought(service: Service) -> None:
    order = {**USUAL, "customer": {"id": "C-trace"}, "created_at": "2026-05-04T16:00:00Z"}
    earlier = {**order, "order_id": "T-0", "created_at": "2026-05-04T15:00:00Z"}
    assert service.post("/v1/explain", {**order, "history": [earlier]}).json()["answer"]["history"] == "used"
    service.post("/v1/explain", earlier)
    assert service.score(order)["history"] == "absent"
    broken = service.post("/v1/explain", {"order_id": 5})
    assert broken.status_code == 422 and broken.json()["errors"][0]["field"]


def test_only_the_required_fields_are_enough(service: Service) -> None:
    minimal = {name: USUAL[name] for name in ("order_id", "created_at", "currency")}
    items = [{"sku": "S", "quantity": 1, "unit_price": 5}]
    assert service.score({**minimal, "customer": {"id": "C-minimal"}, "items": items})["history"] == "absent"


def test_the_same_order_twice_gets_the_same_answer(service: Service) -> None:
    customer = {"customer": {"id": "C-twice"}}
    assert service.score({**USUAL, **customer}) == service.score({**USUAL, **customer})
    service.score({**USUAL, **customer, "order_id": "T-next", "created_at": "2026-05-05T10:00:00Z"})
    assert service.score({**USUAL, **customer})["history"] == "absent"


def test_a_file_sent_again_gets_the_same_scores(service: Service) -> None:
    moments = [f"2026-05-04T14:{minute:02}:00Z" for minute in range(12)]
    orders = [
        {**USUAL, "order_id": f"T-f{i}", "created_at": at, "customer": {"id": f"C-file-{i % 2}"}}
        for i, at in enumerate(moments)
    ]
    first = service.post("/v1/score/batch", orders).json()["results"]
    again = service.post("/v1/score/batch", orders).json()["results"]
    assert [result["score"] for result in again] == [result["score"] for result in first]


def test_a_second_order_of_a_customer_is_scored_with_the_first(service: Service) -> None:
    first = {**USUAL, "customer": {"id": "C-history"}, "order_id": "T-h1"}
    assert service.score(first)["history"] == "absent"
    assert service.score({**first, "order_id": "T-h2", "created_at": "2026-05-05T14:00:00+02:00"})["history"] == "used"


def test_a_caller_may_bring_the_history(service: Service) -> None:
    earlier = {**USUAL, "order_id": "T-b1", "created_at": "2026-05-01T10:00:00Z"}
    brought = service.score({**USUAL, "customer": {**USUAL["customer"]}, "history": [earlier]})
    assert brought["history"] == "used"
    refused = service.post("/v1/score", {**USUAL, "history": [{**earlier, "customer": {"id": "somebody else"}}]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "history[0].customer.id"


def test_a_batch_keeps_its_order_and_names_what_it_could_not_use(service: Service) -> None:
    batch = {"customer": {"id": "C-batch"}}
    orders = [{**USUAL, **batch}, {**USUAL, **batch, "currency": "gold"}, {**ODD, **batch}]
    answer = service.post("/v1/score/batch", orders).json()
    assert (answer["orders"], answer["anomalies"], answer["invalid"]) == (3, 1, 1)
    assert [result.get("order_id") for result in answer["results"]] == ["T-1", None, "T-2"]
    assert answer["results"][1]["field"] == "currency" and answer["results"][1]["index"] == 1
    assert "gold" not in json.dumps(answer["results"][1])


def test_one_by_one_in_a_batch_and_in_a_stream_give_the_same_scores(service: Service) -> None:
    orders = [{**USUAL, "order_id": f"T-{i}", "customer": {"id": f"C-same-{i}"}} for i in range(40)]
    for place, order in enumerate(orders):
        order["items"] = [{**USUAL["items"][0], "quantity": 1 + place % 7}]
    batch = [result["score"] for result in service.post("/v1/score/batch", orders).json()["results"]]
    lines = b"\n".join(json.dumps(order).encode() for order in orders)
    stream = service.post("/v1/score/stream", lines, **NDJSON).text.splitlines()
    assert [json.loads(line)["score"] for line in stream] == pytest.approx(batch, abs=1e-12)
    assert [service.score(order)["score"] for order in orders] == pytest.approx(batch, abs=1e-12)


NDJSON = {"Content-Type": "application/x-ndjson"}


def test_a_stream_answers_a_bad_line_in_its_place(service: Service) -> None:
    lines = [json.dumps(USUAL), "", '{"order_id": 5}', "not json", json.dumps(ODD)]
    answer = service.post("/v1/score/stream", "\r\n".join(lines).encode(), **NDJSON)
    assert answer.headers["content-type"] == "application/x-ndjson"
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [result.get("order_id") for result in results] == ["T-1", None, None, "T-2"]
    assert (results[1]["field"], results[1]["index"]) == ("items", 1)
    assert results[2]["error"] == "not valid JSON"


WRONG: list[tuple[str, dict[str, Any], bytes, int, str]] = [
    ("broken JSON", {}, b'{"order_id": "4111111111111111"', 400, "invalid-json"),
    ("too deep", {}, b"[" * 50_000, 422, "invalid-order"),
    ("deep in an unknown field", {}, b'{"x":' + b"[" * 50_000, 400, "invalid-json"),
    ("a missing field", {}, b'{"order_id": "A"}', 422, "invalid-order"),
    ("another type", {}, json.dumps({**USUAL, "currency": 5}).encode(), 422, "invalid-order"),
    ("no media type", {"Content-Type": ""}, b"{}", 415, "unsupported-media-type"),
    ("compressed", {"Content-Encoding": "gzip"}, b"{}", 415, "unsupported-media-type"),
    ("an answer in XML", {"Accept": "application/xml"}, b"{}", 406, "not-acceptable"),
    ("no key", {"X-API-Key": ""}, b"{}", 401, "unauthorized"),
    ("a wrong key", {"X-API-Key": "a-key-for-tests-0123456780"}, b"{}", 401, "unauthorized"),
    ("too large", {}, b" " * 3_000_000, 413, "too-large"),
]


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_request_gets_a_problem_document(
    service: Service, headers: dict[str, str], body: bytes, status: int, kind: str
) -> None:
    answer = service.post("/v1/score", body, **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (status, f"/docs#problem-{kind}")
    assert problem["instance"].endswith(answer.headers["x-request-id"])
    assert "4111111111111111" not in answer.text


def test_a_problem_names_the_field_and_repeats_no_value(service: Service) -> None:
    bad = {**USUAL, "customer": {"id": "C-1", "email": "erika@example.org"}, "created_at": "Erika Mustermann"}
    problem = service.post("/v1/score", bad)
    assert problem.json()["errors"] == [{"field": "created_at", "reason": problem.json()["errors"][0]["reason"]}]
    assert "erika" not in problem.text.lower()


def test_other_methods_and_paths_are_told_so(service: Service) -> None:
    assert service.get("/v1/score").status_code == 405
    assert service.get("/v1/score").headers["allow"] == "POST"
    assert service.post("/healthz", {}).status_code == 405
    assert service.get("/v1/nothing").status_code == 404
    assert service.get("/v1/nothing").json()["type"] == "/docs#problem-not-found"


def test_what_can_be_read_can_be_asked_for_by_head(service: Service) -> None:
    for path in ("/", "/healthz", "/ready", "/metrics", "/v1/model", "/static/page.js"):
        answer = httpx.head(f"{service.url}{path}", headers=service.headers)
        assert (answer.status_code, answer.content) == (200, b""), path
        assert int(answer.headers["content-length"]) > 10, path
    assert service.post("/healthz", {}).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/healthz/", "/docs/", "/v1/model/", "/v1/score/", "/static"])
def test_nobody_is_sent_to_where_the_host_header_says(service: Service, path: str) -> None:
    answer = httpx.get(f"{service.url}{path}", headers={**service.headers, "Host": "elsewhere.example"}, verify=NO_TLS)
    assert answer.status_code == 404 and "location" not in answer.headers


def test_the_key_is_asked_for_before_a_large_body_is_read(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        client.sendall(b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_a_route_is_counted_by_its_name_even_without_a_key(service: Service) -> None:
    assert service.post("/v1/score/batch", b"[]", **{"X-API-Key": "wrong"}).status_code == 401
    counted = 'orderguard_requests_total{method="POST",route="/v1/score/batch",status="401"} 1.0'
    assert counted in service.get("/metrics").text


def test_the_log_tells_how_large_the_answer_of_a_stream_was(service: Service) -> None:
    request_id = "0af76519-16cd-43dd-8448-eb211c803199"
    answer = service.post("/v1/score/stream", json.dumps(USUAL).encode(), **NDJSON, **{"X-Request-ID": request_id})
    line = service.until(
        lambda: [x for x in service.log_lines() if x.get("request_id") == request_id and x["event"] == "request"], "it"
    )[0]
    assert line["httpRequest"]["responseSize"] == str(len(answer.content))


def test_a_batch_has_a_limit(service: Service) -> None:
    assert service.post("/v1/score/batch", [USUAL] * 51).status_code == 413
    assert service.post("/v1/score/batch", USUAL).status_code == 422


def test_id_and_trace_are_carried_through(service: Service) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"X-Request-ID": "checkout-17", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = service.post("/v1/score", USUAL, **sent)
    assert answer.headers["x-request-id"] == "checkout-17"
    version, carried, span, flags = answer.headers["traceparent"].split("-")
    assert (version, carried, flags) == ("00", trace, "01") and span != "b7ad6b7169203331"
    line = service.until(lambda: [x for x in service.log_lines() if trace in str(x)], "the log line")[0]
    assert line["logging.googleapis.com/trace"].endswith(trace)
    assert re.fullmatch("[0-9a-f]{32}", line["request_id"]), "an id that is not opaque might be a name: a fresh one"
    assert "checkout-17" not in service.log.read_text("utf-8")


CARD = "4111111111111111"
KEYRING = Keyring.from_text(MASKING_KEY)
HIDDEN_IDS = {
    "a card number": CARD,
    "a card number filled up": CARD.ljust(32, "0"),
    "a card number in the form of a UUID": "41111111-1111-4111-8111-111111111111",
    "a card number in the form of a ULID": f"01ARZ3NDEK{CARD}",
}


@pytest.mark.parametrize("request_id", HIDDEN_IDS.values(), ids=HIDDEN_IDS.keys())
def test_a_number_in_the_place_of_an_id_or_a_trace_is_answered_and_not_logged(
    service: Service, request_id: str
) -> None:
    trace = CARD.zfill(32)
    sent = {"X-Request-ID": request_id, "traceparent": f"00-{trace}-{CARD}-01"}
    for path, body in (("/v1/score", USUAL), ("/v1/score/batch", [USUAL]), ("/v1/score", {}), ("/v1/ask", {})):
        answer = service.post(path, body, **sent)
        assert answer.headers["x-request-id"] == request_id
        restarted = answer.headers["traceparent"].split("-")[1]
        service.until(lambda trace=restarted: trace in service.log.read_text("utf-8"), "the log line")
    log = service.log.read_text("utf-8")
    assert request_id not in log and CARD not in log


def test_a_claimed_length_that_nobody_checked_is_not_logged(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), WAIT_SECONDS) as client:
        length = f"Content-Length: {CARD}\r\nContent-Type: application/json\r\n".encode()
        client.sendall(b"POST /v1/score/batch HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 401 ")
    before = len([x for x in service.log_lines() if x["event"] == "request"])
    service.get("/v1/model")
    service.until(lambda: len([x for x in service.log_lines() if x["event"] == "request"]) > before, "a later line")
    assert CARD not in service.log.read_text("utf-8")


def test_every_answer_has_security_headers(service: Service) -> None:
    for path in ("/", "/docs", "/healthz", "/v1/model", "/v1/nothing", "/static/page.js"):
        headers = service.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "unsafe-inline" not in headers["content-security-policy"], path
        assert "server" not in headers, path


def test_a_score_is_logged_as_cloud_logging_expects(service: Service) -> None:
    answer = service.score({**USUAL, "order_id": "T-logged"})
    found = [line for line in service.until(service.log_lines, "a log") if line["event"] == "score"]
    line = service.until(lambda: [x for x in service.log_lines() if x.get("score") == answer["score"]] or found, "it")[
        -1
    ]
    assert line["severity"] == "INFO" and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
    assert line["order_token"].startswith("ord_k1_")
    assert line["httpRequest"]["requestUrl"] == "/v1/score" and line["httpRequest"]["status"] == 200
    assert line["latency_ms"] > 0


def test_no_personal_data_reaches_log_or_metrics(service: Service) -> None:
    planted = ["Erika Mustermann", "erika.mustermann", "C-77", "T-1", "4111111111111111", "checkout-17"]
    service.post("/v1/score", {**USUAL, "payment": {"card_number": "4111111111111111"}})
    service.post("/v1/score/" + planted[4], b"x")
    service.get("/v1/score?email=erika.mustermann@example.org")
    service.score(USUAL)
    seen = service.get("/metrics").text + service.log.read_text()
    assert [value for value in planted if f'"{value}"' in seen or (len(value) > 6 and value in seen)] == []


def test_the_model_tells_its_lineage(service: Service) -> None:
    model = service.get("/v1/model").json()
    (file,) = model["data"]
    assert model["version"] == "first" and file["orders"] > 0
    assert (file["position"], file["token"]) == (1, KEYRING.token("file", "sample-7.ndjson"))
    assert model["files"]["model.onnx"] and model["metrics"] and model["refused"] == {}
    assert len(model["score_distribution"]["counts"]) == len(model["score_distribution"]["edges"]) + 1


def test_features_have_names_and_meanings(service: Service) -> None:
    features = service.get("/v1/features").json()["features"]
    assert len(features) > 10 and all(feature["name"] and feature["meaning"] for feature in features)


def test_drift_is_watched_for_every_feature_and_the_score(service: Service) -> None:
    service.score(USUAL)
    drift = service.get("/v1/drift").json()
    assert drift["rows"] > 0 and not drift["drifted"]
    names = {feature["name"] for feature in service.get("/v1/features").json()["features"]}
    assert {variable["name"] for variable in drift["variables"]} == names | {"score"}
    assert {"device", "billing_address", "channel"} <= {variable["name"] for variable in drift["presence"]}
    assert {variable["kind"] for variable in drift["variables"]} <= {"none", "expected"}


def test_metrics_count_requests_and_orders(service: Service) -> None:
    service.score(USUAL)
    text = service.get("/metrics").text
    assert 'orderguard_requests_total{method="POST",route="/v1/score",status="200"}' in text
    assert 'orderguard_model_info{version="first"} 1.0' in text
    assert re.search(r'orderguard_orders_scored_total\{route="/v1/score"\} \d', text)


def test_health_and_readiness_need_no_key(service: Service) -> None:
    bare = Service(service.process, service.port, service.log, {})
    assert bare.get("/healthz").json() == {"status": "ok"}
    assert bare.get("/readyz").json() == {
        "ready": True,
        "model_version": "first",
        "reason": None,
        "revision": None,
    }
    assert bare.get("/v1/model").status_code == 401


def test_the_documentation_works_offline(service: Service) -> None:
    page = service.get("/docs").text
    assert "http://" not in page and "https://" not in page and "<script" not in page
    for path in ("/v1/score", "/v1/score/batch", "/v1/score/stream", "/v1/drift", "/readyz"):
        assert path in page
    assert 'id="problem-invalid-order"' in page


def test_the_examples_of_the_document_are_scored(service: Service) -> None:
    document = service.get("/openapi.json").json()
    assert document["info"]["version"] == VERSION
    for path in ("/v1/score", "/v1/score/batch"):
        examples = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]
        for example in examples.values():
            assert service.post(path, example["value"]).status_code == 200


def test_the_document_tells_of_what_is_streamed(service: Service) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    for path, media_type in (
        ("/v1/score/stream", "application/x-ndjson"),
        ("/v1/ask", "text/event-stream"),
        ("/v1/chat/completions", "text/event-stream"),
    ):
        assert media_type in paths[path]["post"]["responses"]["200"]["content"]
    body = {"question": "How long may an order be on hold?", "stream": True}
    assert service.post("/v1/ask", body).headers["content-type"].startswith("text/event-stream")


def test_a_full_disk_costs_log_lines_and_nothing_else(service: Service) -> None:
    """The limit on a file's size does to the log what a full disk does."""
    soft, hard = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (service.log.stat().st_size + 100, hard))
    try:
        for number in range(20):
            assert service.score({**USUAL, "order_id": f"T-full-{number}"})["order_id"] == f"T-full-{number}"

        def lost() -> int:
            found = re.search(r"^orderguard_log_lines_lost_total (\d+)", service.get("/metrics").text, re.MULTILINE)
            return int(found[1]) if found else 0

        service.until(lambda: lost() >= 19, "the loss of all lines but the one whose start was written")
    finally:
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def gaps() -> list[dict[str, Any]]:
        return [line for line in service.log_lines() if line["event"] == "gap"]

    service.until(gaps, "the line about the gap, with no request to bring it")
    assert gaps()[0]["severity"] == "WARNING" and gaps()[0]["lost"] >= 19
    service.score({**USUAL, "order_id": "T-after"})
    service.until(lambda: service.log_lines()[-1]["event"] == "score", "the next line")
