"""A stack's load balancer at work: HTTPS on this machine, Cloud Armor, the URL map, and a service that is closed to who
comes past it.
"""

import http.client
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.edge import EVERYONE, LOWEST_PRIORITY
from infra.local import clock
from infra.local.apis.identity import identity_token, owner_headers
from infra.local.cloud import Cloud
from infra.local.commands.status import _rest, collect, summary
from infra.local.supervisor import client
from infra.local.supervisor.ingress import marked

DOMAIN = "scoring.example.com"
CALLER = "shop@a-project.iam.gserviceaccount.com"
ECHO = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        told = {name.lower(): value for name, value in self.headers.items()}
        names = "host x-forwarded-proto x-forwarded-for x-seen x-local-cloud-inside".split()
        body = "|".join([os.environ["K_REVISION"], self.path, *(told.get(name, "") for name in names)]).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


class Edge:
    """A service with two revisions behind a load balancer, on a clock that stands still."""

    def __init__(self, ask: Any, context: Path, until: Callable[..., Any]) -> None:
        self.ask, self.cloud = ask, ask.cloud
        clock.set_to(self.cloud, datetime(2026, 12, 24, tzinfo=UTC), hold=True)
        (context / "server.py").write_text(ECHO)
        image = ask.create("docker:index/image:Image", {"imageName": "web:1", "build": {"context": str(context)}})
        template = {"containers": [{"image": image["repoDigest"]}], "revision": "web-main"}
        tagged = [
            {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "web-main", "percent": 100},
            {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "tag": "canary"},
        ]
        place = {"name": "web", "location": "europe-west1"}
        service = {
            **place,
            "deletionProtection": False,
            "ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
            "customAudiences": [f"https://{DOMAIN}"],
            "template": template,
        }
        made = ask.create("gcp:cloudrunv2/service:Service", service)
        self.own_port = int(str(made["uri"]).rpartition(":")[2])
        container = {"image": image["repoDigest"], "envs": [{"name": "NEW", "value": "1"}]}
        deployed = {"do": "deploy", "name": "web", "port": 0, "traffics": tagged, "place": {"project": "a-project"}}
        new = {"containers": [container], "revision": "web-new"}
        assert client.request(self.cloud, {**deployed, "template": new})["ok"]
        member = {"role": "roles/run.invoker", "member": f"serviceAccount:{CALLER}"}
        ask.create("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", {**place, **member})
        self._declare()
        self.balancer = until(lambda: client.request(self.cloud, {"do": "status"})["balancers"])[0]
        self.port = int(self.balancer["url"].rpartition(":")[2])
        self.trust = ssl.create_default_context(cafile=self.balancer["authority"])

    def _make(self, kind: str, name: str, inputs: dict[str, Any]) -> str:
        return str(self.ask.create(f"gcp:compute/{kind}", {"name": name, **inputs}, name)["id"])

    def _declare(self) -> None:
        by_key = {"enforceOnKey": "HTTP_HEADER", "enforceOnKeyName": "x-api-key"}
        rules = [
            {
                "priority": 100,
                "action": "deny(403)",
                "match": {"expr": {"expression": "request.path.contains('jndi') || evaluatePreconfiguredWaf('cve')"}},
            },
            {"priority": 200, "action": "deny(502)", "preview": True, "match": EVERYONE},
            {
                "priority": 900,
                "action": "throttle",
                "match": {"expr": {"expression": "has(request.headers['x-api-key'])"}},
                "rateLimitOptions": {
                    "conformAction": "allow",
                    "exceedAction": "deny(429)",
                    **by_key,
                    "rateLimitThreshold": {"count": 5, "intervalSec": 60},
                },
            },
            {
                "priority": LOWEST_PRIORITY,
                "action": "allow",
                "match": EVERYONE,
                "headerAction": {"requestHeadersToAdds": [{"headerName": "X-Seen", "headerValue": "yes"}]},
            },
        ]
        policy = self._make("securityPolicy:SecurityPolicy", "armor", {"type": "CLOUD_ARMOR", "rules": rules})

        def backend(name: str, run: dict[str, Any], **more: Any) -> str:
            group = {"region": "europe-west1", "networkEndpointType": "SERVERLESS", "cloudRun": run}
            made = self._make("regionNetworkEndpointGroup:RegionNetworkEndpointGroup", name, group)
            inputs = {"protocol": "HTTPS", "loadBalancingScheme": "EXTERNAL_MANAGED", "backends": [{"group": made}]}
            return self._make("backendService:BackendService", name, {**inputs, **more})

        main = backend("main", {"service": "web"}, securityPolicy=policy, iap={"enabled": True})
        canary = backend("canary", {"service": "web", "tag": "canary"})
        nowhere = backend("nowhere", {"service": "gone"})
        header = {"headerName": "X-Revision", "exactMatch": "canary"}
        routes = {
            "defaultService": main,
            "hostRules": [{"hosts": [DOMAIN], "pathMatcher": "all"}],
            "pathMatchers": [
                {
                    "name": "all",
                    "defaultService": main,
                    "routeRules": [
                        {"priority": 1, "matchRules": [{"prefixMatch": "/gone"}], "service": nowhere},
                        {
                            "priority": 2,
                            "matchRules": [{"fullPathMatch": "/old"}],
                            "urlRedirect": {"pathRedirect": "/new", "stripQuery": False},
                        },
                        {
                            "priority": 3,
                            "matchRules": [{"prefixMatch": "/", "headerMatches": [header]}],
                            "service": canary,
                            "routeAction": {"urlRewrite": {"hostRewrite": "inside.example"}},
                        },
                    ],
                }
            ],
        }
        url_map = self._make("uRLMap:URLMap", "routes", routes)
        managed = {"managed": {"domains": [DOMAIN]}}
        certificate = self._make("managedSslCertificate:ManagedSslCertificate", "certificate", managed)
        proxy = {"urlMap": url_map, "sslCertificates": [certificate]}
        target = self._make("targetHttpsProxy:TargetHttpsProxy", "proxy", proxy)
        front = {"target": target, "portRange": "443", "loadBalancingScheme": "EXTERNAL_MANAGED"}
        self._make("globalForwardingRule:GlobalForwardingRule", "https", front)

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {identity_token(self.cloud, CALLER, f'https://{DOMAIN}')}"}

    def get(self, path: str = "/", host: str = DOMAIN, source: str = "", **headers: str) -> tuple[int, str, str]:
        """Status, body and the address that the answer leads to."""
        connection = _Named(host, self.port, context=self.trust, source_address=(source, 0) if source else None)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers={**self.token, **named})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers.get("Location", "")
        finally:
            connection.close()

    def past(self, headers: dict[str, str]) -> int:
        """The status of a request to the service's own URL."""
        connection = http.client.HTTPConnection("127.0.0.1", self.own_port, timeout=60)
        try:
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


class _Named(http.client.HTTPSConnection):
    """A connection to this machine under another name, as with curl's --resolve."""

    def connect(self) -> None:
        name, self.host = self.host, "127.0.0.1"
        http.client.HTTPConnection.connect(self)
        self.host = name
        self.sock = self._context.wrap_socket(self.sock, server_hostname=name)  # type: ignore[attr-defined]


@pytest.fixture
def edge(ask: Any, context_folder: Path, wait_until: Callable[..., Any]) -> Edge:
    return Edge(ask, context_folder, wait_until)


def test_a_load_balancer_does_what_its_stack_declares(edge: Edge, wait_until: Callable[..., Any]) -> None:
    status, body, _ = edge.get("/v1/x?y=1")
    assert status == 200, body
    assert body.split("|") == ["web-main", "/v1/x?y=1", f"{DOMAIN}:{edge.port}", "https", "127.0.0.1", "yes", ""]
    assert edge.get(X_Revision="canary")[1].split("|")[:3] == ["web-new", "/", "inside.example"]
    assert edge.get("/gone")[:2] == (502, "no healthy upstream: nowhere: there is no service gone\n")
    assert edge.get("/old?y=1")[::2] == (301, f"https://{DOMAIN}:{edge.port}/new?y=1")
    assert edge.get("/jndi")[0] == 403
    assert edge.get(Authorization="")[0] == 403, "Cloud Run still asks who calls"
    assert edge.get(host="127.0.0.1")[0] == 200, "any other host goes to the map's own service"

    by_key = [edge.get(X_API_Key="a")[0] for _ in range(7)]
    assert by_key == [200] * 5 + [429] * 2
    assert edge.get(X_API_Key="b", source="127.0.0.9")[0] == 200, "another key counts for itself"
    clock.advance(edge.cloud, timedelta(seconds=60), hold=True)
    assert [edge.get(X_API_Key="a")[0] for _ in range(6)] == [200] * 5 + [429]

    found = {**collect(edge.cloud)}
    told = "\n".join(_rest(found))
    assert "armor (main) 900 throttle: 14 matched, 3 refused" in told
    assert "armor (main) 100 deny(403), evaluatePreconfiguredWaf is declared only" in told.replace(
        ": 1 matched, 1 refused", ""
    )
    assert "Identity-Aware Proxy before main is declared only" in told
    asked = "\n".join(summary(found, {"web": (True, "ready")}, up="up", more="more"))
    assert f"--resolve {DOMAIN}:{edge.port}:127.0.0.1 https://{DOMAIN}:{edge.port}/" in asked

    own = {"Authorization": f"Bearer {identity_token(edge.cloud, CALLER, f'http://127.0.0.1:{edge.own_port}')}"}
    url = f"http://127.0.0.1:{edge.own_port}"
    assert (edge.past({}), edge.past(own)) == (404, 404), "who comes past the balancer is outside"
    assert edge.past(owner_headers(edge.cloud, url)) == 200
    assert edge.past({**own, **marked(edge.cloud, url)}) == 200, "the stack's own schedules are inside"
    assert edge.past({**own, **{name: "x" for name in marked(edge.cloud, url)}}) == 404
    assert marked(edge.cloud, "http://127.0.0.1:1") == {}, "nobody else gets to know the mark"

    _body_and_bad_requests(edge)
    _starts_again(edge, wait_until)


def _body_and_bad_requests(edge: Edge) -> None:
    connection = _Named(DOMAIN, edge.port, context=edge.trust)
    for size in (0, 70_000, 600_000):  # one connection, kept
        connection.request("POST", "/", body=b"x" * size, headers=edge.token)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read())) == (200, size)
    connection.putrequest("GET", "http://elsewhere/", skip_host=False)
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def _starts_again(edge: Edge, wait_until: Callable[..., Any]) -> None:
    client.stop(edge.cloud)
    client.ensure(edge.cloud)
    again = wait_until(lambda: client.request(edge.cloud, {"do": "status"})["balancers"])[0]
    assert again["url"] == edge.balancer["url"]
    wait_until(lambda: edge.get()[0] == 200)  # by the certificate that it had
    for path in (Cloud(edge.cloud.home, edge.cloud.stack).run / "balancers").iterdir():
        path.unlink()
    wait_until(lambda: not client.request(edge.cloud, {"do": "status"})["balancers"])
    own = {"Authorization": f"Bearer {identity_token(edge.cloud, CALLER, f'http://127.0.0.1:{edge.own_port}')}"}
    assert edge.past(own) == 200, "without a balancer nobody could reach it"
