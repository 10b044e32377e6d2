"""The load balancer's rules: expressions, rates, bans and previews of Cloud Armor; hosts, paths and redirects."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.edge import EVERYONE, LOWEST_PRIORITY, _canary_rule, _rules
from infra.local.balancer.armor import Policy
from infra.local.balancer.expressions import NoExpression, compiled
from infra.local.balancer.limits import Counter, Threshold, limit_of
from infra.local.balancer.request import Request
from infra.local.balancer.url_map import Target, choose

BACKEND, CANARY, HOOKS = (f"projects/p/global/backendServices/{name}" for name in ("main", "canary", "hooks"))


def asked(path: str = "/", address: str = "127.0.0.1", host: str = "scoring.example.com", **headers: str) -> Request:
    path, _, query = path.partition("?")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(address, "GET", host, path, query, given)


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("has(request.headers['x-api-key'])", True),
        ('has( request.headers["x-other"] )', False),
        ("!has(request.headers['x-other']) && request.path.startsWith('/v1/')", True),
        ("request.headers['x-api-key'].lower() == 'key'", True),
        ("request.headers['x-other'] == 'a'", False),
        ("request.headers['x-other'] == 'a' || request.method == 'GET'", True),
        ("inIpRange(origin.ip, '127.0.0.0/8')", True),
        ("inIpRange(origin.ip, '10.0.0.0/8') || inIpRange(origin.ip, 'nothing')", False),
        ("request.query.urlDecode().contains('a b')", True),
        ("request.path.matches('^/v[0-9]+/')", True),
        ("evaluatePreconfiguredWaf('sqli-v33-stable', {'sensitivity': 1}) || origin.region_code == 'DE'", False),
        ("!evaluatePreconfiguredExpr('xss-stable')", True),
        ("token.recaptcha_action.score > 0.5", False),
    ],
)
def test_an_expression_holds_or_not(expression: str, holds: bool) -> None:
    request = asked("/v1/score?q=a%20b", x_api_key="KEY")
    assert compiled(expression)(request) is holds


@pytest.mark.parametrize("expression", ["request.", "nothing(1)", "has(request.headers['a'", "request.path ==="])
def test_what_is_no_expression_is_told_and_matches_nothing(expression: str) -> None:
    with pytest.raises(NoExpression):
        compiled(expression)
    policy = Policy("armor", [{"priority": 7, "action": "deny(403)", "match": {"expr": {"expression": expression}}}])
    assert policy.decide(asked(), 0).status is None
    assert any(line.startswith("armor, rule 7: ") for line in policy.told())


def throttle(count: int, **more: Any) -> dict[str, Any]:
    options = {"exceedAction": "deny(429)", "rateLimitThreshold": {"count": count, "intervalSec": 60}, **more}
    return {"priority": 1000, "action": "throttle", "match": EVERYONE, "rateLimitOptions": options}


def test_our_own_rules_count_by_key_before_address_exactly() -> None:
    limits = [
        {
            **throttle(5, enforceOnKey="HTTP_HEADER", enforceOnKeyName="x-api-key"),
            "priority": 900,
            "match": {"expr": {"expression": "has(request.headers['x-api-key'])"}},
        },
        throttle(3, enforceOnKey="IP"),
    ]
    policy = Policy("armor", _rules(limits))
    by_key = [policy.decide(asked(x_api_key="a"), now).status for now in range(7)]
    assert by_key == [None] * 5 + [429] * 2
    assert policy.decide(asked(x_api_key="b"), 7).status is None, "another key counts for itself"
    by_address = [policy.decide(asked(), now).status for now in range(5)]
    assert by_address == [None] * 3 + [429] * 2
    assert policy.decide(asked(address="127.0.0.2"), 5).status is None
    assert policy.decide(asked(x_api_key="a"), 60).status is None, "the first of its requests is a minute ago"
    assert policy.decide(asked(x_api_key="a"), 60.5).status == 429
    told = list(policy.told())
    assert told[0] == "armor 100 deny(403): 0 matched, evaluatePreconfiguredWaf is declared only"
    assert told[1] == "armor 900 throttle: 10 matched, 3 refused"
    assert told[-1].startswith(f"armor {LOWEST_PRIORITY} allow")


@given(
    st.integers(1, 5),
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 9)), max_size=60),
)
def test_no_client_gets_more_than_its_number_in_any_interval(
    count: int, seconds: int, requests: list[tuple[str, float]]
) -> None:
    counter = Counter(limit_of({"rateLimitThreshold": {"count": count, "intervalSec": seconds}}))
    passed: dict[str, list[float]] = {}
    now = 0.0
    for client, pause in requests:
        now += pause
        recent = [time for time in passed.get(client, []) if time > now - seconds]
        conforms = counter.conforms((client,), now)
        assert conforms == (len(recent) < count), "as many as it may, and not one less"
        if conforms:
            passed.setdefault(client, []).append(now)


def test_a_client_that_exceeds_its_rate_is_banned_for_as_long_as_is_said() -> None:
    ban = {"enforceOnKey": "IP", "banDurationSec": 300, "banThreshold": {"count": 2, "intervalSec": 60}}
    policy = Policy("armor", [{**throttle(1, **ban), "action": "rate_based_ban"}])
    statuses = [policy.decide(asked(), now).status for now in (0, 1, 2, 61, 62, 63, 64)]
    assert statuses == [None, 429, 429, None, 429, 429, 429], "two may exceed it in a minute, the third is banned"
    assert [policy.decide(asked(), now).status for now in (130, 364, 365)] == [429, None, 429]
    at_once = Counter(limit_of({"rateLimitThreshold": {"count": 1, "intervalSec": 1}, "banDurationSec": 10}))
    assert [at_once.conforms(("a",), now) for now in (0, 0.5, 5, 10.6)] == [True, False, False, True]


@pytest.mark.parametrize(
    ("options", "one", "other", "apart"),
    [
        ({"enforceOnKey": "ALL"}, asked(), asked(address="127.0.0.2"), False),
        ({}, asked(), asked(address="127.0.0.2"), False),
        ({"enforceOnKey": "IP"}, asked(), asked(address="127.0.0.2"), True),
        (
            {"enforceOnKey": "XFF_IP"},
            asked(x_forwarded_for="1.1.1.1, 2.2.2.2"),
            asked(x_forwarded_for="1.1.1.1"),
            False,
        ),
        ({"enforceOnKey": "XFF_IP"}, asked(x_forwarded_for="none"), asked(), False),
        ({"enforceOnKey": "HTTP_PATH"}, asked("/a?b"), asked("/b"), True),
        ({"enforceOnKey": "HTTP_PATH"}, asked("/" + "a" * 200), asked("/" + "a" * 300), False),
        (
            {"enforceOnKey": "HTTP_COOKIE", "enforceOnKeyName": "id"},
            asked(cookie="a=1; id=2"),
            asked(cookie="id=3"),
            True,
        ),
        ({"enforceOnKey": "HTTP_HEADER", "enforceOnKeyName": "X-Key"}, asked(x_key="1"), asked(x_key="2"), True),
        ({"enforceOnKey": "HTTP_HEADER", "enforceOnKeyName": "X-Key"}, asked(), asked(address="127.0.0.2"), False),
        ({"enforceOnKey": "SNI"}, asked(host="a.example"), asked(host="b.example"), True),
        ({"enforceOnKey": "REGION_CODE"}, asked(), asked(address="127.0.0.2"), False),
    ],
)
def test_what_tells_clients_apart(options: dict[str, Any], one: Request, other: Request, apart: bool) -> None:
    policy = Policy("armor", [throttle(1, **options)])
    assert policy.decide(one, 0).status is None
    assert (policy.decide(other, 0).status is None) is apart


def test_several_things_tell_clients_apart_together() -> None:
    keys = [{"enforceOnKeyType": "IP"}, {"enforceOnKeyType": "HTTP_HEADER", "enforceOnKeyName": "x-key"}]
    policy = Policy("armor", [throttle(1, enforceOnKeyConfigs=keys)])
    clients = [asked(x_key="1"), asked(x_key="2"), asked("/", "127.0.0.2", x_key="1"), asked(x_key="1")]
    assert [policy.decide(one, 0).status for one in clients] == [None, None, None, 429]


def test_rules_decide_in_their_order_and_those_in_preview_are_counted_alone() -> None:
    def match(*ranges: str) -> dict[str, Any]:
        return {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": list(ranges)}}

    policy = Policy(
        "armor",
        [
            {"priority": LOWEST_PRIORITY, "action": "deny(404)", "match": match("*")},
            {"priority": 1, "action": "deny(502)", "preview": True, "match": match("*")},
            {"priority": 2, "action": "deny", "match": match("127.0.0.2", "10.0.0.0/8")},
            {
                "priority": 3,
                "action": "redirect",
                "match": match("127.0.0.3/32"),
                "redirectOptions": {"type": "EXTERNAL_302", "target": "https://example.com/sorry"},
            },
            {
                "priority": 4,
                "action": "allow",
                "match": match("127.0.0.1/32"),
                "headerAction": {"requestHeadersToAdds": [{"headerName": "X-Seen", "headerValue": "yes"}]},
            },
        ],
    )
    verdicts = [policy.decide(asked(address=f"127.0.0.{end}"), 0) for end in (1, 2, 3, 4)]
    assert [(one.status, one.location) for one in verdicts] == [
        (None, ""),
        (403, ""),
        (302, "https://example.com/sorry"),
        (404, ""),
    ]
    assert verdicts[0].added == (("X-Seen", "yes"),)
    assert list(policy.told())[0] == "armor 1 deny(502) (preview): 4 matched, 4 refused"


def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.balancer.limits._MOST_CLIENTS", 2)
    counter = Counter(limit_of({"rateLimitThreshold": {"count": 1, "intervalSec": 60}}))
    assert [counter.conforms((name,), 0) for name in "abca"] == [True] * 4
    assert counter.limit.threshold == Threshold(1, 60.0)


MAP = {
    "defaultService": BACKEND,
    "hostRules": [
        {"hosts": ["scoring.example.com"], "pathMatcher": "revisions"},
        {"hosts": ["*.example.com", "shop.test"], "pathMatcher": "paths"},
        {"hosts": ["old.example.com"], "pathMatcher": "moved"},
    ],
    "pathMatchers": [
        {
            "name": "revisions",
            "defaultService": BACKEND,
            "routeRules": [
                {"priority": 1, "matchRules": [{"prefixMatch": "/v1/hooks/"}], "service": HOOKS},
                {**_canary_rule(type("Canary", (), {"id": CANARY}))},  # type: ignore[arg-type]
                {
                    "priority": 3,
                    "matchRules": [
                        {
                            "pathTemplateMatch": "/a/{who}/**",
                            "queryParameterMatches": [{"name": "q", "presentMatch": True}],
                        }
                    ],
                    "routeAction": {"weightedBackendServices": [{"backendService": HOOKS, "weight": 1}]},
                },
                {
                    "priority": 4,
                    "matchRules": [{"fullPathMatch": "/Old", "ignoreCase": True}],
                    "urlRedirect": {"pathRedirect": "/new", "redirectResponseCode": "FOUND", "stripQuery": True},
                },
                {
                    "priority": 5,
                    "matchRules": [
                        {
                            "regexMatch": "/r[0-9]+",
                            "headerMatches": [{"headerName": "X-N", "rangeMatch": {"rangeStart": 1, "rangeEnd": 9}}],
                        }
                    ],
                    "service": HOOKS,
                },
            ],
        },
        {
            "name": "paths",
            "defaultService": BACKEND,
            "pathRules": [
                {
                    "paths": ["/api/*"],
                    "service": CANARY,
                    "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/", "hostRewrite": "in.test"}},
                },
                {"paths": ["/api/hooks/*", "/exact"], "service": HOOKS},
            ],
        },
        {
            "name": "moved",
            "defaultUrlRedirect": {"hostRedirect": "scoring.example.com", "httpsRedirect": True, "stripQuery": False},
        },
    ],
}


@pytest.mark.parametrize(
    ("request_", "backend"),
    [
        (asked("/v1/score"), BACKEND),
        (asked("/v1/hooks/shopify"), HOOKS),
        (asked("/v1/score", x_orderguard_revision="canary"), CANARY),
        (asked("/v1/score", x_orderguard_revision="other"), BACKEND),
        (asked("/a/b/c/d?q="), HOOKS),
        (asked("/a/b/c/d"), BACKEND),
        (asked("/r12", x_n="8"), HOOKS),
        (asked("/r12", x_n="9"), BACKEND),
        (asked("/r12", x_n="²"), BACKEND),
        (asked("/x", host="scoring.example.com:8443"), BACKEND),
        (asked("/api/x", host="a.example.com"), CANARY),
        (asked("/api", host="a.b.example.com"), CANARY),
        (asked("/api/hooks/x", host="shop.test"), HOOKS),
        (asked("/exact", host="shop.test"), HOOKS),
        (asked("/exact/not", host="shop.test"), BACKEND),
        (asked("/", host="nowhere.test"), BACKEND),
    ],
)
def test_a_request_goes_where_the_url_map_says(request_: Request, backend: str) -> None:
    assert choose(MAP, request_, lambda weighted: weighted[0][0]).backend == backend


def test_paths_and_hosts_are_rewritten_and_requests_sent_elsewhere() -> None:
    def at(path: str, host: str) -> Target:
        return choose(MAP, asked(path, host=host), lambda weighted: weighted[0][0])

    rewritten = at("/api/v1", "a.example.com")
    assert (rewritten.path, rewritten.host) == ("/v1", "in.test")
    moved = at("/x?y=1", "old.example.com")
    assert (moved.status, moved.location) == (301, "https://scoring.example.com/x?y=1")
    found = at("/OLD?y=1", "scoring.example.com")
    assert (found.status, found.location) == (302, "https://scoring.example.com/new")
    assert choose({"hostRules": []}, asked(), lambda weighted: "").status == 404
