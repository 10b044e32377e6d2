"""Push subscriptions: a service of the stack gets the messages, with a token of the account, until it takes them."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1  # type: ignore[attr-defined]  # it ships none

from infra.local.apis.variables import of_person
from infra.local.commands.status import _rest, collect
from infra.local.events.pushing import _pause
from infra.local.cloud import Record
from tests.local_cloud.conftest import Asker

TOPIC = "projects/a-project/topics/orders"
ACCOUNT = "pusher@a-project.iam.gserviceaccount.com"
SERVER = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Handler.asked += 1
        print(json.dumps([self.path, {name.lower(): value for name, value in self.headers.items()}, body]), flush=True)
        self.send_response(503 if Handler.asked == 1 else 204); self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments): pass

http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_messages_are_pushed_until_the_service_takes_them(
    ask: Asker, context_folder: Path, wait_until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (context_folder / "server.py").write_text(SERVER)
    built = {"imageName": "web:1", "build": {"context": str(context_folder)}}
    image = ask.create("docker:index/image:Image", built)["repoDigest"]
    service = {"name": "web", "location": "europe-west1", "deletionProtection": False}
    template = {"containers": [{"image": image}]}
    url = ask.create("gcp:cloudrunv2/service:Service", {**service, "template": template})["uri"]
    ask.create("gcp:pubsub/topic:Topic", {"name": "orders"})
    config = {"pushEndpoint": f"{url}/take", "oidcToken": {"serviceAccountEmail": ACCOUNT, "audience": url}}
    wanted = {"name": "orders", "topic": TOPIC, "pushConfig": config, "ackDeadlineSeconds": 60}
    made = ask.create("gcp:pubsub/subscription:Subscription", wanted)
    for name, value in of_person(ask.cloud).items():
        monkeypatch.setenv(name, value)
    publisher = pubsub_v1.PublisherClient()
    message = publisher.publish(TOPIC, b"an order", shop="a").result(60)

    def lines() -> list[str]:
        return [line for line in _rest(collect(ask.cloud)) if line.startswith("push to orders: fired")]

    wait_until(lambda: lines() and "answered 403" in lines()[0])  # the account may not call the service yet
    grant = {"name": "web", "location": "europe-west1", "role": "roles/run.invoker"}
    member = {**grant, "member": f"serviceAccount:{ACCOUNT}"}
    ask.create("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", member)
    wait_until(lambda: lines() and "answered 204" in lines()[0])
    (log,) = (ask.cloud.logs / "web").glob("*.log")
    first, second = [json.loads(line) for line in log.read_text().splitlines() if line.startswith('["/take"')]
    assert first[2] == second[2], "503 brought it again, and 204 was the last time"
    told = json.loads(second[2])
    assert told["subscription"] == made["id"] and told["message"]["messageId"] == message
    assert base64.b64decode(told["message"]["data"]) == b"an order" and told["message"]["attributes"] == {"shop": "a"}
    assert second[1]["authorization"].startswith("Bearer ey")
    with pubsub_v1.SubscriberClient() as subscriber, pytest.raises(Exception, match="its messages are pushed"):
        subscriber.pull(subscription=made["id"], max_messages=1, timeout=60)
    publisher.stop()
    ask.delete("gcp:pubsub/subscription:Subscription", made)
    wait_until(lambda: not lines())


def test_pauses_grow_as_the_policy_says() -> None:
    def pauses(policy: dict[str, str] | None) -> list[float]:
        record = Record("t", "s", "", "real", "", "", {"retryPolicy": policy} if policy else {}, {})
        return [_pause(record, attempts) for attempts in (1, 2, 3, 40)]

    assert pauses(None) == [0.1, 0.2, 0.4, 60.0]
    assert pauses({"minimumBackoff": "2s", "maximumBackoff": "7s"}) == [2.0, 4.0, 7.0, 7.0]
    assert pauses({"minimumBackoff": "20s"}) == [20.0, 40.0, 80.0, 600.0]
