"""The service that takes webhooks: off unless it is asked for, open to everybody, and able to do next to nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.config import ConfigError
from infra.keys import SAME_AS
from tests.infra.conftest import champion_in
from tests.infra.recording import Record, stack_settings
from tests.infra.test_parts import SERVICE, declared

ON: dict[str, Any] = {
    "hooks": True,
    "domain": "shop.example.com",
    "hookShopifySecret": True,
    "hookStripeSecret": True,
    "tellShop": "mugs.myshopify.com",
    "tellShopToken": True,
}
MEMBER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Prod with webhooks on, declared once: no test changes it."""
    with champion_in(tmp_path_factory.mktemp("hooks")):
        return declared("prod", **ON)


def variables(record: Record) -> dict[str, Any]:
    (container,) = record.one(SERVICE, "hooks")["template"]["containers"]
    return {entry["name"]: entry.get("value", entry.get("valueSource")) for entry in container["envs"]}


def test_everybody_may_call_it_and_nothing_else_and_only_through_the_load_balancer(record: Record) -> None:
    opened = {name: inputs for name, inputs in record.of(MEMBER).items() if inputs["member"] == "allUsers"}
    assert {name: inputs["name"] for name, inputs in opened.items()} == {"hooks-invoker": "orderguard-prod-hooks"}
    service = record.one(SERVICE, "hooks")
    assert service["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    assert variables(record)["SERVE"] == "hooks" and "SERVE" not in json.dumps(record.one(SERVICE, "scorer"))
    assert (
        service["template"]["containers"][0]["image"]
        == record.one(SERVICE, "scorer")["template"]["containers"][0]["image"]
    )


def test_it_has_an_identity_with_the_least_rights_and_a_copy_of_its_own_of_the_masking_key(record: Record) -> None:
    mine = sorted(
        f"{inputs['role']} {name}"
        for _, name, inputs in record.resources
        if str(inputs.get("member", "")).partition("@")[0].endswith("-hooks")
    )
    assert mine == [
        "roles/artifactregistry.reader hooks-reads-registry",
        "roles/cloudsql.instanceUser hooks-logs-in-to-alerts",
        "roles/memorystore.dbConnectionUser hooks-connects-to-histories",
        "roles/secretmanager.secretAccessor hooks-reads-hook-shopify",
        "roles/secretmanager.secretAccessor hooks-reads-hook-stripe",
        "roles/secretmanager.secretAccessor hooks-reads-hooks-masking-key",
        "roles/secretmanager.secretAccessor hooks-reads-tell-shop-token",
        "roles/storage.objectViewer hooks-reads-models",
    ]
    assert SAME_AS["hooks-masking-key"] == "masking-key"


def test_secrets_reach_it_by_reference_alone(record: Record) -> None:
    values = variables(record)
    assert values["HOOK_SHOPIFY_SECRET"]["secretKeyRef"]["secret"] == "orderguard-prod-hook-shopify"
    assert "API_KEY" not in values and "HOOK_WOOCOMMERCE_SECRET" not in values
    assert values["TELL_SHOP"] == "mugs.myshopify.com"
    assert values["HISTORY_URL"].startswith("rediss://"), "the store that the scoring service has"


def test_the_load_balancer_sends_it_what_is_its_own_through_a_throttle(record: Record) -> None:
    routes = record.one("gcp:compute/uRLMap:URLMap", "edge-routes")
    (matcher,) = routes["pathMatchers"]
    assert [rule["matchRules"][0]["prefixMatch"] for rule in matcher["routeRules"]] == ["/v1/hooks/", "/"]
    assert matcher["defaultService"] == routes["defaultService"] != matcher["routeRules"][0]["service"]
    assert routes["hostRules"] == [{"hosts": ["shop.example.com"], "pathMatcher": matcher["name"]}]
    backend = record.one("gcp:compute/backendService:BackendService", "edge-hooks-backend")
    armor = record.one("gcp:compute/securityPolicy:SecurityPolicy", "edge-hooks-armor")
    assert backend["securityPolicy"] == "edge-hooks-armor-id"
    assert "throttle" in [rule["action"] for rule in armor["rules"]]


def test_it_has_a_processor_for_what_is_told_back_after_the_answer(record: Record, models: Path) -> None:
    quiet = declared("local", **{**ON, "tellShop": "", "tellShopToken": False})
    idle = [one.one(SERVICE, "hooks")["template"]["containers"][0]["resources"]["cpuIdle"] for one in (record, quiet)]
    assert idle == [False, True]


def test_the_team_hears_of_webhooks_that_fail(record: Record) -> None:
    alerts = record.of("gcp:monitoring/alertPolicy:AlertPolicy")
    mine = {name for name in alerts if name.startswith("alert-hooks-")}
    assert mine == {f"alert-hooks-{what}" for what in ("failing", "refused", "unusable", "untold")}


def test_deliveries_are_counted_by_vendor_and_outcome_from_the_log(record: Record) -> None:
    metric = record.one("gcp:logging/metric:Metric", "hook-deliveries")
    assert 'jsonPayload.event=("hook")' in metric["filter"] and "orderguard-prod-hooks" in metric["filter"]
    assert metric["labelExtractors"] == {name: f"EXTRACT(jsonPayload.{name})" for name in ("vendor", "outcome")}
    assert [label["key"] for label in metric["metricDescriptor"]["labels"]] == ["vendor", "outcome"]
    (refused,) = record.one("gcp:monitoring/alertPolicy:AlertPolicy", "alert-hooks-refused")["conditions"]
    query = refused["conditionPrometheusQueryLanguage"]["query"]
    assert "user_orderguard_prod_hook_deliveries" in query and 'outcome="refused"' in query
    assert "hook-deliveries" in record.one("gcp:monitoring/dashboard:Dashboard", "observability")["dashboardJson"]


MISTAKES = [
    ({"domain": ""}, "shops reach it through a load balancer alone"),
    ({"hookShopifySecret": False, "hookStripeSecret": False}, "secrets of shops belong together"),
    ({"hooks": False, "tellShop": "", "tellShopToken": False}, "secrets of shops belong together"),
    ({"hooks": False, "hookShopifySecret": False, "hookStripeSecret": False}, "hooks is off"),
    ({"tellShopToken": False}, "goes with orderguard:tellShopToken"),
    ({"tellUrl": "https://a.example/told"}, "goes with orderguard:tellShopToken"),
    (
        {"tellUrl": "http://a.example/told", "tellSecret": True},
        "an address that begins with https",
    ),
    ({"tellShop": "metadata.google.internal"}, "the shop's own name"),
    ({"historyStore": "off", "maxInstances": 1}, "each would see a part"),
]


@pytest.mark.parametrize(("changes", "explanation"), MISTAKES)
def test_settings_that_don_t_go_together_are_explained(changes: dict[str, object], explanation: str) -> None:
    with pytest.raises(ConfigError, match=explanation):
        stack_settings("local", **{**ON, **changes})
