"""What a service or a job may ask Google on this machine: a token of its own identity, and Cloud KMS to sign with a
key.

A small server answers while it runs, in the forms of the metadata server and of KMS. A key is used by whoever the
stack's bindings allow to, and the token opens the stack's PostgreSQL and Valkey where they allow that.
"""

import json
import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.local import iam
from infra.local.cloud import Cloud
from infra.local.provider.resource import Refused
from infra.local.services import kms
from orderguard.google_token import TOKEN

SIGN = ":asymmetricSign"
SQL_USER = "gcp:sql/user:User"
VALKEY = "gcp:memorystore/instance:Instance"
OPENED_BY_TOKENS = frozenset({SQL_USER, VALKEY})
"""Where a service shows its token: where there is none of these, it is given none."""


@contextmanager
def answering(cloud: Cloud, account: str) -> Iterator[dict[str, str]]:
    """Answer until the end of the block; the variables that lead a program there, and nobody else on the machine:
    every address has a secret in it. `account` is the service account of the service or the job.
    """
    server = _Server(cloud, account)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    host = f"127.0.0.1:{server.server_address[1]}{server.secret}"
    try:
        yield {"GCE_METADATA_HOST": host, "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS": f"http://{host}/"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, cloud: Cloud, account: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cloud, self.account = cloud, account
        self.secret = f"/{secrets.token_urlsafe()}"
        self.tokens: set[str] = set()

    def allows(self, permission: str, resource: str, project: str = "") -> bool:
        """Whether the stack's bindings let the account do something now."""
        member = f"serviceAccount:{self.account}"
        return iam.policies(self.cloud).allows(member, permission, resource, f"project:{project}")

    def token(self) -> str:
        """One that opens the stack's stores, where the account may log in to them."""
        project = self.account.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
        may_log_in = any(self.allows(login, f"project:{project}") for login in (iam.SQL_LOGIN, iam.VALKEY_CONNECT))
        token = iam.store_token(self.cloud) if may_log_in else secrets.token_urlsafe()
        self.tokens.add(token)
        return token


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.path == f"{self.server.secret}{TOKEN}" and self.headers["Metadata-Flavor"] == "Google":
            token = self.server.token()
            return self._answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})
        return self._refuse(404, "not found")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        if str(self.headers["Authorization"]).removeprefix("Bearer ") not in self.server.tokens:
            return self._refuse(401, "Request had invalid authentication credentials.")
        beginning = f"{self.server.secret}/v1/"
        if not self.path.startswith(beginning) or not self.path.endswith(SIGN):
            return self._refuse(404, "not found")
        version = self.path.removeprefix(beginning).removesuffix(SIGN)
        key = version.partition("/cryptoKeyVersions/")[0]
        if not self.server.allows(iam.KEY_SIGN, f"key:{key.rpartition('/')[2]}"):
            return self._refuse(
                403, f"Permission '{iam.KEY_SIGN}' denied on resource '{version}' (or it may not exist)."
            )
        try:
            signature = kms.sign(self.server.cloud, version, b64decode(body["digest"]["sha256"]))
        except Refused as refusal:
            return self._refuse(404, str(refusal))
        return self._answer(200, {"name": version, "signature": b64encode(signature).decode()})

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, {"error": {"code": status, "message": message}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return None
