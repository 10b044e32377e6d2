"""Promise: whatever is sent to the service, by whichever door, nothing personal comes out or stays anywhere.

A real process with a history file; the doors are the routes, their errors, the request line and headers, the settings
and a crash.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from infra.local.ports import free_port
from tests.compliance.canaries import ANSWERED, CANARIES, Leak, canary_order, leaks, leaks_in_folder
from tests.serving import (
    API_KEY,
    MASKING_KEY,
    REPOSITORY,
    USUAL,
    WAIT_SECONDS,
    Service,
    environment,
    serving,
)

CANARY = CANARIES["customer.email"]
NAME = CANARIES["customer.name"]
ANALYST = "Annalisa-Canarievogel"
STREAM = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def service(models_dir: Path, folder: Path) -> Iterator[Service]:
    """The service with a history file and the most talkative log, started where core dumps are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    with serving(
        models_dir,
        folder / "log",
        HISTORY_URL=f"sqlite:{folder / 'history.sqlite'}",
        ALERTS_URL=f"sqlite:{folder / 'alerts.sqlite'}",
        LOG_LEVEL="debug",
        RAG_PROVIDER="local",
    ) as running:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
        yield running


@pytest.fixture(scope="module")
def answers(service: Service) -> dict[str, httpx.Response]:
    """What came back through every door, with canaries sent in."""
    order = canary_order()
    body = json.dumps(order)
    broken = body.replace('"quantity": 1', f'"quantity": "{CANARY}"')
    desk = desk_doors(service)
    question = f"Why was the order of {NAME} ({CANARY}, card {CANARIES['payment.card_number']}) flagged?"
    return {
        **desk,
        "one": service.post("/v1/score", order),
        "one again": service.post("/v1/score", order),
        "batch": service.post("/v1/score/batch", [canary_order(1), USUAL, canary_order(2)]),
        "batch of objects": service.post("/v1/score/batch", {"orders": [order, {"order_id": CANARY}]}),
        "stream": service.post("/v1/score/stream", f"{body}\n{broken}\n{CANARY}\n".encode(), **STREAM),
        "wrong type": service.post("/v1/score", broken.encode()),
        "broken JSON": service.post("/v1/score", body[:-1].encode()),
        "not UTF-8": service.post("/v1/score", body.encode("utf-16")),
        "missing field": service.post(
            "/v1/score", {name: value for name, value in order.items() if name != "currency"}
        ),
        "unknown as key": service.post("/v1/score", {CANARY: NAME, NAME: [CANARY]}),
        "bad item in a batch": service.post("/v1/score/batch", [order, {"order_id": CANARY, "items": NAME}]),
        "nested too deeply": service.post("/v1/score", (f'{{"{CANARY}":' * 5_000 + "1" + "}" * 5_000).encode()),
        "wrong content type": service.post("/v1/score", body.encode(), **{"Content-Type": f"text/{CANARY}"}),
        "path": service.get(f"/v1/{CANARY}"),
        "query": service.get(f"/v1/model?customer={CANARY}&name={NAME}"),
        "wrong key": service.post("/v1/score", order, **{"X-API-Key": CANARY}),
        "header": service.post("/v1/score", {}, **{"User-Agent": CANARY, "X-Request-ID": CANARY, "X-Customer": NAME}),
        "trace header": service.post("/v1/score", order, traceparent=f"00-{CANARY}-00f067aa0ba902b7-01"),
        "explained": service.post("/v1/explain", order),
        "explained wrongly": service.post("/v1/explain", broken.encode()),
        "similar": service.post("/v1/similar", {"order_id": CANARIES["order_id"]}),
        "similar as it was": service.get(f"/v1/orders/{CANARIES['order_id']}/similar"),
        "question": service.post("/v1/ask", {"question": question}),
        "question with order": service.post("/v1/ask", {"question": question, "order": order}),
        "question as stream": service.post("/v1/ask", {"question": question, "order": order, "stream": True}),
        "bad question": service.post("/v1/ask", {"question": {CANARY: NAME}}),
        "chat": service.post(
            "/v1/chat/completions", {"model": "any", "messages": [{"role": "user", "content": question}]}
        ),
        "chat with a name as model": service.post("/v1/chat/completions", {"model": NAME, "messages": []}),
        "metrics": service.get("/metrics"),
        "drift": service.get("/v1/drift"),
        "model": service.get("/v1/model"),
    }


def desk_doors(service: Service) -> dict[str, httpx.Response]:
    """What came back through the desk's doors, with canaries sent in."""
    odd = {**canary_order(), "items": [{"sku": "CLO-0015", "quantity": 40_000, "unit_price": 9_999.0}]}
    flagged = service.post("/v1/score", odd)
    (alert,) = service.until(lambda: service.get("/v1/alerts").json()["alerts"], "an alert")
    path, who = f"/v1/alerts/{alert['id']}", {"X-Analyst": ANALYST}
    note = f"Rang {NAME} at {CANARIES['customer.phone']}, {CANARY}; card {CANARIES['payment.card_number']}."
    outcome = {"order_id": CANARIES["order_id"], "customer": CANARIES["customer.id"], "outcome": "fraud"}
    table = f"order id,date,name,email\n{CANARIES['order_id']},2026-05-06,{NAME},{CANARY}\n{CANARY},{NAME},1,2\n"
    return {
        "flagged": flagged,
        "alert taken": service.post(f"{path}/take", {}, **who),
        "alert closed": service.post(f"{path}/close", {"outcome": "fraud", "note": note}, **who),
        "alert closed twice": service.post(f"{path}/close", {"outcome": "fraud", "note": note}, **{"X-Analyst": "b"}),
        "alert closed wrongly": service.post(f"{path}/close", {"outcome": CANARY, CANARY: NAME}, **who),
        "alert": service.get(path),
        "alerts": service.get(f"/v1/alerts?state=all&q={CANARIES['order_id']}"),
        "alerts filtered wrongly": service.get(f"/v1/alerts?{CANARY}={NAME}&from={CANARY}"),
        "alerts as CSV": service.get("/v1/alerts.csv?state=all"),
        "outcome": service.post("/v1/outcomes", {**outcome, "time": "2026-05-05T00:00:00Z", "source": "bank"}),
        "outcome wrongly": service.post("/v1/outcomes", [{**outcome, "time": CANARY, "source": NAME}, {CANARY: NAME}]),
        "outcomes as CSV": service.post(
            "/v1/outcomes?source=bank&means=fraud", table.encode(), **{"Content-Type": "text/csv"}
        ),
        "precision": service.get("/v1/precision?by=reason"),
    }


def test_the_doors_were_open(answers: dict[str, httpx.Response]) -> None:
    """An answer that refuses everything would keep every promise."""
    open_doors = ("one", "batch", "stream", "explained", "question", "question with order", "metrics", "model")
    desk = (
        "alert taken",
        "alert closed",
        "alert",
        "alerts",
        "alerts as CSV",
        "outcome",
        "outcomes as CSV",
        "precision",
    )
    for door in (*open_doors, *desk):
        assert answers[door].status_code == 200, (door, answers[door].text)
    assert answers["one"].json()["order_id"] == CANARIES["order_id"]
    assert answers["one"].json()["score"] == answers["one again"].json()["score"]
    assert answers["alert"].json()["note"] == "Rang [NAME] at [PHONE], [EMAIL]; card [CARD]."
    assert answers["alerts"].json()["alerts"][0]["order_id"] == CANARIES["order_id"]


def test_no_answer_holds_anything_personal(answers: dict[str, httpx.Response]) -> None:
    """An answer may name the order by the number that its sender gave it, and nothing else."""
    found = []
    for door, answer in answers.items():
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode()
        found += leaks(door, answer.content + headers, ANSWERED)
    assert found == []


def test_an_error_does_not_repeat_what_was_wrong(answers: dict[str, httpx.Response]) -> None:
    for door, field in (("wrong type", "items[0].quantity"), ("missing field", "currency")):
        assert 400 <= answers[door].status_code < 500
        assert field in answers[door].text
    for door, answer in answers.items():
        assert answer.status_code < 500, (door, answer.text)


@pytest.mark.usefixtures("answers")
def test_logs_hold_nothing_personal(service: Service) -> None:
    service.until(lambda: len(service.log_lines()) > 10, "log lines")
    assert leaks("log", service.log.read_bytes()) == []


@pytest.mark.usefixtures("answers")
def test_the_files_of_histories_and_alerts_hold_nothing_personal(folder: Path) -> None:
    assert (folder / "history.sqlite").exists() and (folder / "alerts.sqlite").exists()
    assert leaks_in_folder(folder) == []
    held = [path for path in folder.rglob("*") if path.is_file() and ANALYST.encode() in path.read_bytes()]
    assert held == [], "who acts stands in no log, and lies sealed in the database"


@pytest.mark.usefixtures("answers")
def test_command_line_and_environment_hold_nothing_personal(service: Service) -> None:
    process = psutil.Process(service.process.pid)
    seen: list[Leak] = []
    for one in (process, *process.children(recursive=True)):
        seen += leaks("command line", " ".join(one.cmdline()).encode())
        seen += leaks("environment", json.dumps(one.environ()).encode())
        assert MASKING_KEY not in " ".join(one.cmdline())
        assert API_KEY not in " ".join(one.cmdline())
    assert seen == []


@pytest.mark.usefixtures("answers")
def test_keys_are_in_no_log_and_no_answer(service: Service, answers: dict[str, httpx.Response]) -> None:
    everything = service.log.read_bytes() + b"".join(answer.content for answer in answers.values())
    assert MASKING_KEY.partition(":")[2].encode() not in everything
    assert API_KEY.encode() not in everything


def test_a_crash_writes_nothing_personal(models_dir: Path, tmp_path: Path) -> None:
    """A hard crash in the middle of scoring, with every diagnosis that Python offers switched on."""
    with serving(
        models_dir, tmp_path / "log", PYTHONFAULTHANDLER="1", PYTHONDEVMODE="1", HISTORY_URL="memory:"
    ) as service:
        for number in range(20):
            service.post("/v1/score", canary_order(number))
        service.process.send_signal(signal.SIGABRT)
        service.process.wait(WAIT_SECONDS)
    log = (tmp_path / "log").read_bytes()
    assert b"Fatal Python error: Aborted" in log
    assert leaks_in_folder(tmp_path) == []


def test_a_process_of_ours_may_not_write_its_memory_to_disk(service: Service) -> None:
    """A core dump would hold orders as they came in."""
    soft, _ = resource.prlimit(service.process.pid, resource.RLIMIT_CORE)
    assert soft == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"MASKING_KEY": ""},
        {"MASKING_KEY": "k1:hunter2-secret"},
        {"PII_MASKING": "off"},
        {"PII_MASKING": "hunter2-secret"},
        {"API_KEY": "", "API_KEY_REQUIRED": "hunter2-secret"},
        {"MAX_BODY_BYTES": "hunter2-secret"},
    ],
)
def test_without_masking_there_is_no_service_and_no_setting_is_repeated(
    models_dir: Path, settings: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=REPOSITORY,
        env={**environment(models_dir, free_port()), **settings},
        capture_output=True,
        text=True,
    )
    assert done.returncode not in (0, None)
    assert next(iter(settings)) in done.stdout + done.stderr or "masking key" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    secrets = [value for name, value in settings.items() if name in ("MASKING_KEY", "API_KEY") and value]
    assert not [value for value in secrets if value in done.stdout + done.stderr]


def test_the_environment_is_what_was_meant_here() -> None:
    """These tests must not pass because a developer's shell has a key."""
    assert "MASKING_KEY" not in os.environ
