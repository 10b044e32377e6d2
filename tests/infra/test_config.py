"""A stack's settings: what Pulumi.yaml, the stacks' files, the Settings class and the docs say is the same, and
mistakes are explained.
"""

import re
import typing
from dataclasses import fields
from typing import Any

import pytest
import yaml

from infra.config import NAMESPACE, REGIONS, ConfigError, Settings, key_of
from infra.config_reading import parse
from infra.keys import GIVEN
from tests.infra.recording import ROOT, STACKS, stack_settings, stack_values

SCHEMA: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
PYTHON_TYPES = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": tuple[str, ...],
    "array of integer": tuple[int, ...],
}
OWN_FIELDS = [field.name for field in fields(Settings) if key_of(field.name).startswith(NAMESPACE)]


def test_schema_and_settings_have_the_same_keys() -> None:
    assert [f"{NAMESPACE}:{key}" for key in SCHEMA] == [key_of(name) for name in OWN_FIELDS]


def test_schema_and_settings_have_the_same_types() -> None:
    types = typing.get_type_hints(Settings)
    assert {key_of(name): types[name] for name in OWN_FIELDS} == {
        f"{NAMESPACE}:{key}": PYTHON_TYPES[_type(entry)] for key, entry in SCHEMA.items()
    }


def _type(entry: dict[str, Any]) -> str:
    numbers = entry.get("items") == {"type": "integer"}
    return f"{entry['type']} of integer" if numbers else str(entry["type"])


def test_every_key_is_described_in_the_schema_and_in_the_docs() -> None:
    page = (ROOT / "docs/technical/infrastructure.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (`.*?`|required) \| (.+?) \|$", page, re.MULTILINE)
    assert rows == [
        (key, f"`{_shown(entry['default'])}`" if "default" in entry else "required", entry["description"])
        for key, entry in SCHEMA.items()
    ]


def _shown(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default) if default != "" else '""'


@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_are_right(stack: str) -> None:
    assert stack_settings(stack).environment == stack


@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_repeat_no_default(stack: str) -> None:
    chosen = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    repeated = [key for key, value in chosen.items() if SCHEMA.get(key.partition(":")[2], {}).get("default") == value]
    assert repeated == []


MISTAKES = [
    ({"minInstance": 1}, "there is no such setting. Did you mean `orderguard:minInstances`?"),
    ({"zzz": 1}, "orderguard:zzz: there is no such setting. Pulumi.yaml lists"),
    ({"minInstances": "many"}, "orderguard:minInstances: 'many' is not a whole number"),
    ({"alerts": "yes"}, "orderguard:alerts: 'yes' is not true or false"),
    ({"invokers": "shop"}, "orderguard:invokers: 'shop' is not a list of text"),
    ({"invokers": [1]}, "orderguard:invokers: '[1]' is not a list of text"),
    ({"environment": "Production"}, "orderguard:environment: 'Production' does not fit"),
    ({"cpu": "3"}, "orderguard:cpu: '3' does not fit. Write 1, 2, 4 or 8"),
    ({"memory": "512MB"}, "orderguard:memory: '512MB' does not fit. Write an amount such as 512Mi"),
    ({"imageDigest": "latest", "trainerImageDigest": "latest"}, "orderguard:imageDigest: 'latest' does not fit"),
    ({"historyUrl": "mysql://x"}, "orderguard:historyUrl: 'mysql://x' does not fit. Write memory:"),
    ({"historyStore": "big"}, "orderguard:historyStore: 'big' is not one of off, basic, standard"),
    ({"historyStore": False}, 'Write `"off"` with quotation marks'),
    (
        {"historyStoreMemoryGb": 301},
        "orderguard:historyStoreMemoryGb: 301 is out of range. Write a number from 1 to 300",
    ),
    ({"historyUrl": "rediss://cache.example.com"}, "take historyUrl out"),
    (
        {"historyStore": "off", "historyUrl": "rediss://:pass@cache.example.com"},
        "write `orderguard:historyPassword: true`; `make secrets` asks for it",
    ),
    ({"historyPassword": True}, "the stack's own store needs neither"),
    ({"historyEngine": "memcached"}, "'memcached' is not one of "),
    ({"historyStoreMemoryGb": 59}, "the most that one node of a Valkey has"),
    ({"historyStore": "off", "historyUrl": "rediss://cache", "historyCa": "ca.pem"}, "Write certificates in PEM"),
    ({"historyStore": "off", "maxInstances": 2}, "Write `orderguard:historyStore: basic` (or standard), or"),
    ({"alertStore": "big"}, "orderguard:alertStore: 'big' is not one of off, basic, standard"),
    ({"alertStoreTier": "small"}, "orderguard:alertStoreTier: 'small' does not fit. Write a machine type of Cloud SQL"),
    ({"alertStore": "basic", "alertsUrl": "sqlite:/x"}, "or take alertsUrl out"),
    ({"alertStore": "basic", "identity": "invoker", "openInvoker": True}, "or write `orderguard:identity: typed`"),
    ({"identity": "iap"}, "orderguard:identity: iap and orderguard:iapAudience belong together"),
    ({"historyStore": "off", "historyUrl": "sqlite:/x", "maxInstances": 2}, "or `orderguard:maxInstances: 1`"),
    ({"trainingSchedule": "daily"}, "orderguard:trainingSchedule: 'daily' does not fit. Write five fields of cron"),
    ({"trainingSchedule": "0 24 * * *"}, "orderguard:trainingSchedule: '0 24 * * *' does not fit"),
    ({"trainingSchedule": "0 3 * * 1 *"}, "orderguard:trainingSchedule: '0 3 * * 1 *' does not fit"),
    ({"invokers": ["shop@p.iam.gserviceaccount.com"]}, "does not fit. Write members such as serviceAccount:shop@"),
    ({"invokers": ["allUsers"]}, "for everybody, `orderguard:openInvoker: true`"),
    ({"notificationChannels": ["team"]}, "'team' does not fit. Write projects/PROJECT/notificationChannels/ID"),
    ({"cpu": "8"}, "Cloud Run gives 512Mi to 4Gi with 1 CPU, to 8Gi with 2, 2Gi to 16Gi with 4 and 4Gi to 32Gi with 8"),
    ({"memory": "256Mi"}, "orderguard:memory does not go with orderguard:cpu"),
    ({"memory": "8Gi"}, "orderguard:memory does not go with orderguard:cpu"),
    ({"imageRegistry": "europe-west1-docker.pkg.dev/p/r"}, "holds images that nothing names"),
    ({"modelVersion": "../x"}, "orderguard:modelVersion: '../x' does not fit"),
    ({"attestor": "ours"}, "orderguard:attestor: 'ours' does not fit. Write projects/PROJECT/attestors/NAME"),
    ({"minInstances": 4, "maxInstances": 3}, "orderguard:minInstances is above orderguard:maxInstances"),
    ({"concurrency": 0}, "orderguard:concurrency: 0 is out of range. Write a number from 1 to 1000"),
    ({"errorAlertPercent": 150}, "orderguard:errorAlertPercent: 150 is out of range"),
    ({"ingress": "public"}, "orderguard:ingress: 'public' is not one of all, internal, load-balancer"),
    ({"ragProvider": "gemini"}, "orderguard:ragProvider: 'gemini' is not one of off, local, vertex, openai"),
    ({"ragProvider": "openai"}, "which needs an address and a model"),
    ({"dataLocation": "US"}, "orderguard:dataLocation does not hold gcp:region"),
    (
        {"accessLogRetentionLock": "for-ever"},
        "orderguard:accessLogRetentionLock locks the retention of access logs, and",
    ),
    ({"accessLogs": True, "accessLogRetentionLock": "true"}, "'true' is not one of off, for-ever"),
    ({"cmek": True}, "Write the region of gcp:region into `orderguard:dataLocation`"),
    ({"canarySteps": [10, 1, 100]}, "orderguard:canarySteps are the shares"),
    ({"canarySteps": [10, 50]}, "Write `orderguard:canarySteps: [1, 10, 50, 100]`"),
    ({"canarySteps": ["10", 100]}, "is not a list of whole numbers"),
    ({"canaryPercent": 10}, "Name the revision that does: `orderguard:stableRevision: …`"),
    ({"ingress": "load-balancer"}, "Write `orderguard:domain: scoring.example.com`"),
    ({"ingress": "internal", "domain": "scoring.example.com"}, "Write `orderguard:ingress: load-balancer`"),
    ({"vpcNetwork": "shared"}, "orderguard:vpcNetwork and orderguard:vpcSubnetwork belong together"),
    ({"budgetAmount": 100}, "Write `orderguard:billingAccount: 000000-AAAAAA-000000`"),
    ({"alerts": True}, "nobody would hear them"),
    ({"modelSource": "bucket"}, "Name the version: `orderguard:modelVersion: …`"),
    ({"imageDigest": "sha256:" + "0" * 64}, "come from the same build"),
]


@pytest.mark.parametrize(("changes", "message"), MISTAKES, ids=[message[:50] for _, message in MISTAKES])
def test_a_mistake_is_explained(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        stack_settings("local", **changes)


@pytest.mark.parametrize(
    "changes", [{"maxInstances": 1}, {"historyUrl": "off"}, {"historyUrl": "rediss://cache.example.com"}]
)
def test_a_stack_without_a_store_of_its_own_keeps_histories_whole(changes: dict[str, object]) -> None:
    assert not stack_settings("local", historyStore="off", **changes).has_history_store


@pytest.mark.parametrize(
    "schedule", ["0 3 * * 1", "*/15 0-6,12 1,15 * mon-fri", "5 4 31 DEC 0", "59 23 * 1-6/2 *", "00 03 01 01 7"]
)
def test_a_schedule_of_cron_is_taken(schedule: str) -> None:
    assert stack_settings("local", trainingSchedule=schedule).training_schedule == schedule


@pytest.mark.parametrize(
    ("cpu", "memory"), [("1", "512Mi"), ("1", "4Gi"), ("2", "8192Mi"), ("4", "2Gi"), ("8", "4Gi"), ("8", "32Gi")]
)
def test_memory_that_goes_with_the_cpus_is_taken(cpu: str, memory: str) -> None:
    assert stack_settings("local", cpu=cpu, memory=memory).memory == memory


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"deletionProtection": False}, "Write `orderguard:deletionProtection: true`"),
        ({"openInvoker": True}, "Name the callers instead"),
    ],
)
def test_prod_refuses_what_is_unsafe(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        stack_settings("prod", **changes)


@pytest.mark.parametrize("key", ["gcp:project", "gcp:region", "orderguard:environment"])
def test_a_missing_value_is_named(key: str) -> None:
    values = stack_values("local")
    del values[key]
    with pytest.raises(ConfigError, match=f"{key} is missing. Write it into the stack's file"):
        parse(values)


def test_a_region_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="gcp:region: 'europe-west99' is not one of"):
        parse(stack_values("local") | {"gcp:region": "europe-west99"})


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        stack_settings("local", minInstance=1, minInstances=9, maxInstances=3, cpu="3", dataLocation="US")
    assert str(caught.value).count("\n  - ") == 4


def test_a_secret_setting_is_never_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        stack_settings("local", ragApiKey="s3cret-value", ragProvider="openai", cpu="3")
    assert "s3cret-value" not in str(caught.value)


@pytest.mark.parametrize("address", ["rediss://:s3cret-value@cache", "redis//:s3cret-value@cache"])
def test_a_password_in_an_address_is_never_repeated(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stack_settings("local", historyStore="off", historyUrl=address, cpu="3")
    assert "s3cret-value" not in str(caught.value)


@pytest.mark.parametrize("key", [f"{NAMESPACE}:{key}" for key in GIVEN.values()])
def test_a_value_of_a_secret_among_the_settings_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigError, match=f"Write `{key}: true`; `make secrets` asks for the value") as caught:
        parse(stack_values("local") | {key: "s3cret-value"})
    assert "s3cret-value" not in str(caught.value)


@pytest.mark.parametrize(("key", "secret"), [("maskingKeyRotation", "masking-key"), ("apiKeyRotation", "api-key")])
def test_a_rotation_by_number_is_refused_with_the_way_that_there_is_now(key: str, secret: str) -> None:
    with pytest.raises(ConfigError, match=f"`make secrets ROTATE={secret}` rotates"):
        stack_settings("local", **{key: 2})


@pytest.mark.parametrize(("region", "place"), [("europe-west2", "London"), ("europe-west6", "Zurich")])
def test_the_eu_holds_no_region_outside_the_european_union(region: str, place: str) -> None:
    london = stack_values("local") | {"gcp:region": region}
    with pytest.raises(ConfigError, match=rf"orderguard:dataLocation does not hold gcp:region.*{region}, {place}"):
        parse(london | {"orderguard:dataLocation": "EU"})
    assert parse(london | {"orderguard:dataLocation": region}).region == region


def test_every_other_region_of_europe_is_in_the_eu() -> None:
    for region in REGIONS:
        if region.startswith("europe-") and region not in ("europe-west2", "europe-west6"):
            assert parse(stack_values("local") | {"gcp:region": region}).data_location == "EU"
