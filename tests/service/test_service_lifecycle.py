"""Starting, changing models, draining, being killed."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import msgspec
import pytest

from delivery.probes import answers, unexpected
from infra.local.ports import free_port
from orderguard.example_orders import EXPECTED, ExpectedScores, example_file, read_orders
from orderguard.model_version import CHAMPION
from tests.serving import NO_TLS, REPOSITORY, USUAL, WAIT_SECONDS, Service, environment, serving, train


@pytest.fixture
def models(models_dir: Path, tmp_path: Path) -> Path:
    """A copy of the models, to be changed."""
    return shutil.copytree(models_dir, tmp_path / "models")


@pytest.fixture(scope="session")
def second_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("second")
    return train(folder / "models", folder / "raw", seed=11, version="second", orders=1_200) / "second"


class Load:
    """Clients that go on scoring in the background and keep what was not answered with 200."""

    def __init__(self, service: Service, clients: int = 4) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(service,)) for _ in range(clients)]

    def _run(self, service: Service) -> None:
        with httpx.Client(headers=service.headers, base_url=service.url, timeout=WAIT_SECONDS, verify=NO_TLS) as client:
            while not self._stop.wait(0.005):
                try:
                    answer = client.post("/v1/score", json=USUAL)
                    if answer.status_code != 200:
                        self.failures.append(answer.text)
                    self.answered += 1
                except httpx.ConnectError:
                    return  # the service has stopped listening: whoever balances the load goes elsewhere
                except httpx.TransportError as error:
                    self.failures.append(repr(error))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_without_a_model_it_is_healthy_and_not_ready(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with serving(tmp_path / "models", tmp_path / "log", wait=False) as service:
        service.until(lambda: is_up(service), "an answer")
        service.until(lambda: "no champion" in service.get("/readyz").json()["reason"], "the reason")
        assert service.get("/readyz").status_code == 503
        refused = service.post("/v1/score", USUAL)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "no champion" in refused.json()["detail"]


def is_up(service: Service) -> bool:
    try:
        return service.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_new_champion_takes_over_under_load_without_a_failed_request(
    models: Path, second_version: Path, tmp_path: Path
) -> None:
    with serving(models, tmp_path / "log") as service, Load(service) as load:
        service.until(lambda: load.answered > 20, "load")
        shutil.copytree(second_version, models / "second")
        (models / CHAMPION).write_text("second")
        service.until(lambda: service.score(USUAL)["model_version"] == "second", "the change")
        before = load.answered
        service.until(lambda: load.answered > before + 20, "load after the change")
    assert load.failures == []


def test_what_a_version_recorded_of_the_example_orders_tells_whether_it_is_served(
    models: Path, second_version: Path, tmp_path: Path
) -> None:
    """As a deployment asks a canary: the service whose store knows nobody says what training recorded."""
    orders = read_orders(example_file(REPOSITORY))
    with serving(models, tmp_path / "log", MODEL_VERSION="first") as service:
        found = answers(orders, service.url, service.headers)
    said, wrong = unexpected(orders, found, recorded(models / "first"))
    assert said.startswith("40 as the version recorded") and not wrong
    assert "40 of 40 scores are not those" in unexpected(orders, found, recorded(second_version))[1]


def recorded(version: Path) -> dict[str, float]:
    return msgspec.json.decode((version / EXPECTED).read_bytes(), type=ExpectedScores).scores


def test_a_damaged_version_is_refused_while_the_old_one_goes_on(
    models: Path, second_version: Path, tmp_path: Path
) -> None:
    shutil.copytree(second_version, models / "second")
    damaged = models / "second" / "model.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    with serving(models, tmp_path / "log") as service, Load(service) as load:
        (models / CHAMPION).write_text("second")
        refused = service.until(lambda: service.get("/v1/model").json()["refused"], "the refusal")
        assert "SHA-256" in refused["second"]
        assert service.score(USUAL)["model_version"] == "first"
        assert service.get("/readyz").status_code == 200
        assert "orderguard_model_refused_total 1.0" in service.get("/metrics").text
    assert load.failures == []


def test_a_damaged_version_at_the_start_is_never_ready(models: Path, tmp_path: Path) -> None:
    (models / "first" / "catalogue.json").write_text("{}")
    with serving(models, tmp_path / "log", wait=False, MODEL_VERSION="first") as service:
        service.until(lambda: is_up(service), "an answer")
        service.until(lambda: "refused" in (service.get("/readyz").json()["reason"] or ""), "the refusal")
        assert "catalogue.json" in service.get("/readyz").json()["reason"]
        assert service.get("/readyz").status_code == 503


def test_sighup_tries_a_refused_version_again(models: Path, second_version: Path, tmp_path: Path) -> None:
    (models / CHAMPION).write_text("second")
    with serving(models, tmp_path / "log", wait=False) as service:
        service.until(lambda: is_up(service), "an answer")
        service.until(lambda: "second" in (service.get("/readyz").json()["reason"] or ""), "the refusal")
        shutil.copytree(second_version, models / "second")
        service.process.send_signal(signal.SIGHUP)
        service.until(service.is_ready, "readiness")
        assert service.score(USUAL)["model_version"] == "second"


def test_a_challenger_is_compared_and_changes_no_answer(models: Path, second_version: Path, tmp_path: Path) -> None:
    shutil.copytree(second_version, models / "second")
    with serving(models, tmp_path / "plain") as service:
        alone = service.score(USUAL)
    with serving(models, tmp_path / "log", SHADOW_MODEL_VERSION="second") as service, Load(service) as load:
        service.until(lambda: service.get("/v1/model").json()["shadow_version"], "the challenger")
        assert {**service.score(USUAL), "history": "absent"} == alone
        service.until(lambda: "orderguard_shadow_total" in service.get("/metrics").text, "a comparison")
        assert 'outcome="failed"' not in service.get("/metrics").text
    assert load.failures == []


def test_a_challenger_that_is_damaged_is_named_and_does_no_harm(models: Path, tmp_path: Path) -> None:
    with serving(models, tmp_path / "log", SHADOW_MODEL_VERSION="third") as service:
        service.until(lambda: service.get("/v1/model").json()["refused"], "the refusal")
        assert service.score(USUAL)["model_version"] == "first"


def test_sighup_tries_a_refused_challenger_again(models: Path, second_version: Path, tmp_path: Path) -> None:
    with serving(models, tmp_path / "log", SHADOW_MODEL_VERSION="second") as service:
        service.until(lambda: service.get("/v1/model").json()["refused"], "the refusal")
        shutil.copytree(second_version, models / "second")
        service.process.send_signal(signal.SIGHUP)
        service.until(lambda: service.get("/v1/model").json()["shadow_version"] == "second", "the challenger")
        assert service.get("/v1/model").json()["refused"] == {}


def test_sigterm_drains_without_a_failed_request(models_dir: Path, tmp_path: Path) -> None:
    with serving(models_dir, tmp_path / "log") as service, Load(service) as load:
        service.until(lambda: load.answered > 50, "load")
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(WAIT_SECONDS)
    assert load.failures == []


def test_what_was_acknowledged_survives_a_kill(models_dir: Path, tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path / 'state' / 'history.sqlite'}"
    customers = [f"C-{number}" for number in range(30)]
    with serving(models_dir, tmp_path / "log", HISTORY_URL=store) as service:
        for customer in customers:
            service.score({**USUAL, "customer": {"id": customer}})
        service.process.kill()
        service.process.wait()
    with serving(models_dir, tmp_path / "log2", HISTORY_URL=store) as service:
        later = {**USUAL, "order_id": "T-later", "created_at": "2026-05-09T10:00:00Z"}
        states = [service.score({**later, "customer": {"id": customer}})["history"] for customer in customers]
    assert set(states) == {"used"}
    assert (tmp_path / "state" / "history.sqlite").stat().st_mode & 0o077 == 0
    assert all(customer.encode() not in (tmp_path / "state" / "history.sqlite").read_bytes() for customer in customers)


def test_a_store_that_is_away_is_said_so(models_dir: Path, tmp_path: Path) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    with serving(models_dir, tmp_path / "log", HISTORY_URL=nobody) as service:
        assert service.score(USUAL)["history"] == "unavailable"
        assert 'orderguard_history_total{state="unavailable"} 1.0' in service.get("/metrics").text


REFUSED = {
    "PII_MASKING must be `enforced`": {"PII_MASKING": "off"},
    "MASKING_KEY": {"MASKING_KEY": "k1:short"},
    "API_KEY is missing": {"API_KEY": ""},
    "PORT must be a whole number": {"PORT": "eighty"},
}


@pytest.mark.parametrize("explanation", REFUSED)
def test_it_refuses_to_start_on_a_wrong_setting(explanation: str, models_dir: Path) -> None:
    told = {**environment(models_dir, free_port()), **REFUSED[explanation]}
    ended = subprocess.run([sys.executable, "-m", "app"], cwd=REPOSITORY, env=told, capture_output=True)
    assert ended.returncode == 2
    assert explanation in ended.stderr.decode() and "Traceback" not in ended.stderr.decode()
    assert "short" not in ended.stderr.decode()


def test_everything_it_logs_is_json(models_dir: Path, tmp_path: Path) -> None:
    with serving(models_dir, tmp_path / "log") as service:
        service.score(USUAL)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {"severity", "time", "message", "event"} <= set.intersection(*(set(line) for line in lines))
