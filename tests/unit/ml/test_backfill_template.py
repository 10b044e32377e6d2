"""What Dataflow's flex template runs: its parameters, the key that it reads itself, and what is Dataflow's to know."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ml.backfill import key, template
from orderguard.google_token import TOKEN
from orderguard.masking import Keyring, MaskingKeyError

VERSION = "projects/p/secrets/backfill-masking-key/versions/7"
WORDS = ["--in=gs://p-raw/", "--out=gs://p-out/run-1", f"--masking_key={VERSION}"]
KEY = "k1:" + b64encode(b"a masking key of thirty-two byte").decode().rstrip("=")


class _Google(BaseHTTPRequestHandler):
    """The metadata server and Secret Manager, as a worker meets them."""

    answers: dict[str, Any] = {}

    def do_GET(self) -> None:
        may = self.path == TOKEN or self.headers["Authorization"] == "Bearer of-the-worker"
        found = self.answers.get(self.path) if may else None
        content = json.dumps(found or {"error": {"message": "Permission denied"}}).encode()
        self.send_response(200 if found else 403)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def google() -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """The variables that lead there, and what is answered by path."""
    answers = {
        TOKEN: {"access_token": "of-the-worker", "expires_in": 3600},
        f"/v1/{VERSION}:access": {"payload": {"data": b64encode(KEY.encode()).decode()}},
    }
    _Google.answers = answers
    server = HTTPServer(("127.0.0.1", 0), _Google)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    host = f"127.0.0.1:{server.server_address[1]}"
    yield {
        "GCE_METADATA_HOST": host,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": f"http://{host}/",
    }, answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_worker_reads_the_key_as_itself(google: Any) -> None:
    variables, _ = google
    assert key.keyring(VERSION, variables).fingerprint == Keyring.from_text(KEY).fingerprint


def test_a_key_that_can_not_be_read_is_told_without_a_value(google: Any) -> None:
    variables, answers = google
    answers[f"/v1/{VERSION}:access"] = {"payload": {"nothing": KEY}}
    away = {**variables, "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": "http://127.0.0.1:9"}
    for version, environment, says in (
        (VERSION, variables, "in another form"),
        (VERSION.replace("/7", "/8"), variables, "answered 403: .*Permission denied"),
        (VERSION, away, "does not answer"),
        (VERSION, {**variables, "GCE_METADATA_HOST": "127.0.0.1:9"}, "the metadata server gives no token"),
        (KEY, variables, "is named as projects/PROJECT/secrets"),
    ):
        with pytest.raises(MaskingKeyError, match=says) as told:
            key.keyring(version, environment)
        assert KEY.partition(":")[2] not in str(told.value)


def test_what_is_dataflows_own_goes_on_untouched() -> None:
    options = [
        "--runner=DataflowRunner",
        "--project=p",
        "--temp_location=gs://p-out/scratch",
        "--sdk_container_image=i",
    ]
    asked, rest = template.read([*WORDS, *options, "--model=gs://p-models/v1"])
    assert (asked.data, asked.out, asked.masking_key) == ("gs://p-raw/", "gs://p-out/run-1", VERSION)
    assert (asked.model, asked.at, asked.runner) == ("gs://p-models/v1", "", "DataflowRunner")
    assert rest == options[1:]


def test_on_one_machine_it_is_the_backfill_of_one_machine(google: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in google[0].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASKING_KEY", "")
    ran: list[list[str]] = []

    def main(words: list[str]) -> int:
        ran.append(words)
        return 0

    monkeypatch.setattr("ml.__main__.main", main)
    here = ["--in=/raw", "--out=/out", f"--masking_key={VERSION}", "--runner=DirectRunner", "--job_name=j"]
    assert template.main([*here, "--model=/models/v1", "--at=2026-01-01"]) == 0
    assert ran == [
        ["backfill", "--in", "/raw", "--out", "/out", "--at", "2026-01-01", "--models", "/models", "--model", "v1"]
    ]
    assert KEY not in str(ran)


def test_without_its_key_it_does_nothing(google: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for name, value in google[0].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASKING_KEY", "")
    google[1].clear()
    assert template.main(["--in=/raw", "--out=/out", f"--masking_key={VERSION}", "--runner=DirectRunner"]) == 2
    assert "error:" in capsys.readouterr().err
