"""What previews open: a copy of the state that holds no secret, on a backend of its own."""

import json
import os
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from delivery import state_copy, tokens
from delivery.stack import Stack
from infra.local import pulumi
from infra.local.home import Home
from tests.http_server import listening
from tests.infra.former_state import bring_up
from tests.infra.recording import ROOT

KEY = "a-key-that-nobody-may-see"
CLOUD = {"PULUMI_BACKEND_URL": "gs://p-pulumi-state"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The state of prod as who deploys exports it, with a key in each of its secrets."""
    home = Home(tmp_path_factory.mktemp("home"))
    bring_up(home, "prod")
    done = pulumi.run(["stack", "export", "--show-secrets"], home=home, stack="prod")
    text = re.sub(r'"plaintext": .*', lambda found: found[0].replace("recorded", KEY), done.stdout)
    assert text.count(KEY) > 8 and "serverCaCerts" in text
    return text


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """Cloud Storage, as far as a copy goes: name → content."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = unquote(self.path.rpartition("name=")[2])
            objects[name] = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200, b"{}")

        def do_GET(self) -> None:
            name = unquote(self.path.partition("/o/")[2].partition("?")[0])
            self._answer(200 if name in objects else 404, objects.get(name, b""))

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status if self.headers["Authorization"] == "Bearer token" else 403)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with listening(server):
        monkeypatch.setattr(state_copy, "STORAGE", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setattr(tokens, "access_token", lambda: "token")
        yield objects


def test_a_copy_holds_no_text_of_a_secret_and_all_else(exported: str) -> None:
    copy = state_copy.cleared(json.loads(exported))
    assert KEY not in json.dumps(copy) and "ciphertext" not in json.dumps(copy)
    before = {one["urn"]: one for one in json.loads(exported)["deployment"]["resources"]}
    after = {one["urn"]: one for one in copy["deployment"]["resources"]}
    assert set(before) == set(after)
    buckets = [urn for urn in before if ":Bucket::" in urn]
    assert buckets and all(before[urn] == after[urn] for urn in buckets)
    assert "secrets_providers" not in copy["deployment"]


def test_what_was_exported_sealed_is_cleared_too() -> None:
    sealed = {state_copy._SIGNATURE: state_copy._SECRET, "ciphertext": "v1:abc"}
    copy = state_copy.cleared({"version": 3, "deployment": {"resources": [{"inputs": {"secretData": sealed}}]}})
    assert "v1:abc" not in json.dumps(copy) and state_copy.WORD in json.dumps(copy)


def test_a_preview_opens_the_copy_and_finds_the_stack_without_its_keys(
    exported: str, storage: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Stack, "exported", lambda self: exported)
        assert state_copy.leave(Stack("prod", CLOUD)) == "gs://p-pulumi-state/previews/orderguard/prod.json"
    settings = tmp_path / "Pulumi.prod.yaml"
    text = (ROOT / "Pulumi.prod.yaml").read_text()
    sealed = "  orderguard:ragApiKey:\n    secure: v1:x\n"
    settings.write_text(f"secretsprovider: gcpkms://a-key\nencryptedkey: x\n{text}{sealed}")
    stack = Stack("prod", {**os.environ, **CLOUD}, settings)
    with state_copy.opened(stack) as copy:
        assert copy.outputs()["models_bucket"] == "orderguard-prod-prod-models"
        assert KEY not in copy.exported()
        assert copy.environment["PULUMI_BACKEND_URL"].startswith("file:///")
        assert copy.command(["config", "get", "orderguard:ragApiKey"], copy.file.parent).strip() == state_copy.WORD
        assert "gcpkms" not in copy.file.read_text()
    storage.clear()
    with state_copy.opened(stack) as empty:
        assert empty.outputs() == {}, "before the first deployment there is nothing to compare with"
