"""The desk in a running service, on real databases: what was promised is there, whatever failed meanwhile."""

import signal
import sqlite3
from pathlib import Path
from typing import Any

from bench.desk.failures import FAILURES, came_to
from bench.postgres_server import PostgresServer
from orderguard.masking import Keyring
from tests.serving import API_KEY, MASKING_KEY, ODD, USUAL, serving

HOLD_SECONDS = 0.5
KEYRING = Keyring.from_text(MASKING_KEY)


def odd(number: int, **changes: Any) -> dict[str, Any]:
    return {**ODD, "order_id": f"D-{number}", **changes}


def test_no_score_fails_and_nothing_acknowledged_is_lost_while_the_database_fails(
    models_dir: Path, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    with serving(models_dir, tmp_path / "log", wait=True, **postgres_server.settings) as service:
        service.until(lambda: service.get("/v1/alerts").status_code == 200, "the desk")
        for failure in FAILURES:
            found = came_to(failure, postgres_server, service.port, API_KEY, KEYRING, HOLD_SECONDS)
            assert found.scores > 0 and found.failed == 0, found
            assert found.alerts > 0 and found.lost_alerts == 0, found
            assert found.outcomes > 0 and found.lost_outcomes == 0, found
        away = [line["severity"] for line in service.log_lines() if line["event"] == "alerts"]
    assert away[:2] == ["WARNING", "INFO"], "said once, until it is back"
    assert postgres_server.password not in (tmp_path / "log").read_text()


def test_alerts_of_a_killed_process_are_taken_by_the_next_one(models_dir: Path, tmp_path: Path) -> None:
    """Its database was away all its life."""
    away = {"ALERTS_URL": "postgresql://nobody@127.0.0.1:1/none", "ALERTS_JOURNAL": str(tmp_path / "journal")}
    with serving(models_dir, tmp_path / "log", wait=True, **away) as service:
        assert [service.score(odd(number))["alert"] for number in range(3)] == ["kept"] * 3
        assert "alert" not in service.score({**USUAL, "order_id": "D-usual"})
        assert "alert" not in service.post("/v1/score?record=false", odd(4)).json()
        (answer,) = service.post("/v1/score/batch", [odd(5)]).json()["results"]
        assert answer["alert"] == "kept"
        refused = service.post("/v1/outcomes", {**_outcome(), "order_id": "D-1"})
        assert refused.status_code == 503 and refused.headers["Retry-After"] == "5"
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
    here = {"ALERTS_URL": f"sqlite:{tmp_path / 'alerts.db'}", "ALERTS_JOURNAL": str(tmp_path / "journal")}
    with serving(models_dir, tmp_path / "log2", wait=True, **here) as service:
        rows = service.until(lambda: service.get("/v1/alerts").json().get("alerts"), "alerts")
        assert sorted(row["order_id"] for row in rows) == ["D-0", "D-1", "D-2", "D-5"]
        service.until(lambda: not list((tmp_path / "journal").glob("*.ndjson")), "an empty journal")


def _outcome() -> dict[str, str]:
    return {"outcome": "fraud", "time": "2026-06-01T00:00:00Z", "source": "bank"}


def test_an_alert_tells_all_about_it_and_ten_thousand_are_filtered(models_dir: Path, tmp_path: Path) -> None:
    """`python -m bench page` says how fast."""
    path = tmp_path / "alerts.db"
    with serving(models_dir, tmp_path / "log", ALERTS_URL=f"sqlite:{path}") as service:
        service.score(odd(1))
        (row,) = service.until(lambda: service.get("/v1/alerts").json()["alerts"], "an alert")
        detail = service.get(f"/v1/alerts/{row['id']}").json()
        assert detail["lines"][0]["usual_price"] > 0 and detail["order"]["currency"] == "EUR"
        assert detail["answer"]["reasons"] and detail["events"][0]["what"] == "made"
        assert service.get("/v1/alerts/ord_none").status_code == 404
        with sqlite3.connect(path) as connection:
            columns = [found[1] for found in connection.execute("PRAGMA table_info(alert)")]
            others = ", ".join(column for column in columns if column not in ("id", "score"))
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
                f" INSERT INTO alert (id, score, {others}) SELECT 'x' || i, i / 20000.0, {others} FROM alert, n"
            )
        page = service.get("/v1/alerts?q=costs&reason=price&limit=100").json()
        assert (page["total"], len(page["alerts"]), page["counts"]["new"]) == (10_001, 100, 10_001)
