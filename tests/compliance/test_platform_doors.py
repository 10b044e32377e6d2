"""Promise: on the whole platform, what is sent to the service ends up nowhere: state, buckets, logs, environments.

The local cloud keeps everything in one folder, so all of it can be searched: the engine's state, the resources, the
buckets, the secrets, the logs of services and of the platform itself.
"""

import json
import os

import psutil
import pytest

from tests.compliance.canaries import ANSWERED, CANARIES, canary_order, contents, leaks, leaks_in_folder
from tests.compliance.canary_routes import ALL, CODES, IDS, ORDER_IDS, order_with
from tests.local_platform import Platform
from tests.modes import shared

QUESTION = f"Why was the order of {CANARIES['customer.name']} ({CANARIES['customer.email']}) flagged?"


@pytest.fixture(scope="module")
def used(platform: Platform) -> Platform:
    """The platform after canaries came in by every door."""
    order, code, order_id = canary_order(), CODES["base64"], ORDER_IDS["card"]
    ids = {"X-Request-ID": order_id, "traceparent": f"00-{order_id:0<32}-{order_id}-01"}
    answers = [
        platform.post("/v1/score", order),
        platform.post("/v1/score/batch", {"orders": [order, canary_order(1)]}),
        platform.post("/v1/ask", {"question": QUESTION, "order": order}),
        platform.post("/v1/score", {**order, "currency": CANARIES["customer.email"]}),
        platform.post("/v1/score", json.dumps(order)[:-1].encode()),
        platform.get(f"/v1/{CANARIES['customer.id']}?mail={CANARIES['customer.email']}"),
        platform.get(f"/v1/orders/{order_id}/similar", headers=ids),
        platform.post("/v1/similar", {"order_id": order_id}),
        platform.post("/v1/ask", {"question": QUESTION, "order": order_with([code], order_id)}),
    ]
    assert [answers[0][0], answers[2][0]] == [200, 200], answers
    assert [status for status, _ in answers[3:]] == [422, 400, 404, 410, 404, 200]
    for number, (_, answer) in enumerate(answers):
        assert leaks(f"answer {number}", json.dumps(answer).encode(), ANSWERED) == []
        assert leaks(f"answer {number}", json.dumps(answer).encode(), IDS, ALL) == [], "a caller's own ids come back"
    return platform


def test_state_buckets_resources_and_logs_hold_nothing_personal(used: Platform) -> None:
    names = {path.relative_to(used.home).parts[0] for path in contents(used.home)}
    assert {"state", "cloud"} <= names
    assert leaks_in_folder(used.home) == []
    assert leaks_in_folder(used.home, forms=ALL) == []


def test_all_that_the_platform_leaves_is_the_owners_alone(used: Platform) -> None:
    """State, sealed records, buckets, images, logs: whatever the umask was."""
    assert shared(used.home) == []
    assert used.home.stat().st_mode & 0o077 == 0


def test_process_list_and_container_environment_hold_nothing_personal(used: Platform) -> None:
    ours = processes_of(used)
    assert ours
    for words, environment in ours:
        assert leaks(words, (words + json.dumps(environment)).encode()) == []


def test_the_masking_key_is_in_no_file_in_clear_and_in_no_process_list(used: Platform) -> None:
    """It reaches the service by its environment, as on Cloud Run, from a secret that is kept encrypted."""
    ours = processes_of(used)
    secrets = {environment["MASKING_KEY"].partition(":")[2] for _, environment in ours if "MASKING_KEY" in environment}
    assert secrets
    files = {path: content for path, content in contents(used.home).items() if path.name != "masking-key"}
    for secret in secrets:
        assert [path for path, content in files.items() if secret.encode() in content] == []
        assert not [words for words, _ in ours if secret in words]


def processes_of(platform: Platform) -> list[tuple[str, dict[str, str]]]:
    """The command line and the environment of each process of this platform."""
    found = []
    for process in psutil.process_iter():
        try:
            words, environment = " ".join(process.cmdline()), process.environ()
        except psutil.Error:
            continue
        if str(platform.home) in words + json.dumps(environment) and process.pid != os.getpid():
            found.append((words, environment))
    return found
