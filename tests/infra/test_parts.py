"""What single parts promise, on top of what the inventories and the rights say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra import image
from infra.__main__ import platform
from infra.config import ConfigError
from infra.project import project_number
from infra.keys import DRAWN, GIVEN, OF_OWN_STORE, SAME_AS
from ml.registry import _ASIDE as ASIDE
from infra.local.executions import LIST, RUN
from infra.local.workflows import Call, Function, execute, match_regex
from orderguard.model_version import MANIFEST, model_sha256
from tests.infra.conftest import VERSION, write_version
from tests.infra.recording import DIGEST, NEWEST, PROJECT_NUMBER, ROOT, Record, declare, stack_settings

SERVICE = "gcp:cloudrunv2/service:Service"
JOB = "gcp:cloudrunv2/job:Job"
# How Pulumi marks a value as a secret on the wire (sdk/go/common/resource/sig).
SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270"
SECRET_VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
OUTSIDE: dict[str, Any] = {
    **{"ragProvider": "openai", "ragBaseUrl": "https://llm.example.com/v1", "ragModel": "m"},
    **{"hooks": True, "tellShop": "mugs.myshopify.com", "tellUrl": "https://a.example/told"},
    **{setting: True for secret, setting in GIVEN.items() if secret not in OF_OWN_STORE},
}
"""A stack with every secret whose value is made outside the program."""


def declared(stack: str = "local", **changes: object) -> Record:
    settings = stack_settings(stack, **changes)
    return declare(lambda: platform(settings))


def container(record: Record) -> dict[str, Any]:
    (found,) = record.one(SERVICE, "scorer")["template"]["containers"]
    assert isinstance(found, dict)
    return found


def environment(record: Record) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueSource")) for entry in container(record)["envs"]}


def sealed_value(record: Record, version: str) -> str:
    """A secret version's value. Fails where the program hands it to the engine in clear."""
    sealed = record.one(SECRET_VERSION, version)["secretData"]
    assert isinstance(sealed, dict) and SECRET_MARK in sealed.values(), "not marked as a secret"
    return str(sealed["value"])


def test_the_service_masks_and_is_told_its_model(models: Path) -> None:
    values = environment(declared())
    assert values["PII_MASKING"] == "enforced"
    assert values["MODEL_DIR"] == "/mnt/models"
    assert values["MODEL_VERSION"] == VERSION
    assert values["MODEL_SHA256"] == model_sha256((models / VERSION / MANIFEST).read_bytes())
    assert "MODEL_PROMOTED_AT" not in values, "which the stack's own training job says alone"
    assert "SHADOW_MODEL_VERSION" not in values


def test_the_service_gets_keys_by_reference_and_pinned_version(models: Path) -> None:
    values = environment(declared())
    for name, secret in (("MASKING_KEY", "masking-key"), ("API_KEY", "api-key")):
        assert values[name] == {"secretKeyRef": {"secret": f"orderguard-local-{secret}", "version": NEWEST}}


def test_the_service_mounts_models_and_histories_read_only(models: Path) -> None:
    record = declared()
    volumes = record.one(SERVICE, "scorer")["template"]["volumes"]
    names = ["models", "histories"]
    assert [volume["name"] for volume in volumes] == names
    assert [volume["gcs"]["bucket"] for volume in volumes] == [f"orderguard-local-local-{name}" for name in names]
    assert all(volume["gcs"]["readOnly"] is True for volume in volumes)
    mounted = [{"name": name, "mountPath": f"/mnt/{name}"} for name in names]
    assert container(record)["volumeMounts"] == mounted
    assert environment(record)["HISTORIES_DIR"] == "/mnt/histories"


def test_mounts_belong_to_the_user_of_the_images(models: Path) -> None:
    record = declared()
    owned = ["uid=65532", "gid=65532"]
    for path in ("Dockerfile", "Dockerfile.slim"):
        assert set(re.findall(r"^USER (.+)$", (ROOT / path).read_text(), re.MULTILINE)) == {"65532:65532"}
    service = record.one(SERVICE, "scorer")["template"]
    jobs = record.of(JOB).values()
    volumes = [*service["volumes"], *(one for job in jobs for one in job["template"]["template"]["volumes"])]
    assert [volume["gcs"]["mountOptions"][:2] for volume in volumes] == [owned] * 9


def test_the_trainer_may_publish_by_renaming_a_folder(models: Path) -> None:
    volumes = declared().one(JOB, "trainer")["template"]["template"]["volumes"]
    options = {volume["name"]: volume["gcs"]["mountOptions"] for volume in volumes}
    assert "rename-dir-limit=1000" in options["models"]


def test_a_training_that_failed_is_not_tried_again(models: Path) -> None:
    assert declared().one(JOB, "trainer")["template"]["template"]["maxRetries"] == 0


def test_probes_ask_for_readiness_first_and_life_afterwards(models: Path) -> None:
    found = container(declared())
    assert found["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert found["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert found["resources"]["startupCpuBoost"] is True


def test_images_are_deployed_by_digest(models: Path) -> None:
    record = declared()
    address = "europe-west1-docker.pkg.dev/orderguard-local/orderguard-local"
    assert container(record)["image"] == f"{address}/orderguard@{DIGEST}"
    (trainer,) = record.one(JOB, "trainer")["template"]["template"]["containers"]
    assert trainer["image"] == f"{address}/orderguard-train@{DIGEST}"


def test_images_are_tagged_with_the_commit_and_latest(models: Path) -> None:
    record = declared()
    assert record.one("docker:index/image:Image", "orderguard")["imageName"].endswith("/orderguard:0123abc")
    assert record.one("docker:index/tag:Tag", "orderguard-latest")["targetImage"].endswith("/orderguard:latest")


def test_a_pushed_image_is_deployed_without_a_build(models: Path) -> None:
    pushed, trainer = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    registry = "europe-west1-docker.pkg.dev/shared/releases"
    record = declared(imageDigest=pushed, trainerImageDigest=trainer, imageRegistry=registry)
    assert record.of("docker:index/image:Image") == {}
    assert container(record)["image"] == f"{registry}/orderguard@{pushed}"
    assert record.outputs["trainer_image"] == f"{registry}/orderguard-train@{trainer}"


def test_all_traffic_goes_to_the_newest_revision(models: Path) -> None:
    traffic = declared().one(SERVICE, "scorer")["traffics"]
    assert traffic == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]


def test_a_canary_shares_traffic_with_the_stable_revision(models: Path) -> None:
    record = declared(canaryPercent=10, stableRevision="scorer-00001-abc")
    newest, stable = record.one(SERVICE, "scorer")["traffics"]
    assert (newest["percent"], newest["tag"]) == (10, "canary")
    assert (stable["percent"], stable["revision"]) == (90, "scorer-00001-abc")


def test_callers_are_the_members_that_the_stack_names(models: Path) -> None:
    shop = "serviceAccount:shop@orderguard-local.iam.gserviceaccount.com"
    members = declared(invokers=[shop], openInvoker=False).of("gcp:cloudrunv2/serviceIamMember:ServiceIamMember")
    assert [(grant["member"], grant["role"]) for grant in members.values()] == [(shop, "roles/run.invoker")]
    opened = declared(openInvoker=True).of("gcp:cloudrunv2/serviceIamMember:ServiceIamMember")
    assert [grant["member"] for grant in opened.values()] == ["allUsers"]


def test_vertex_brings_its_right_api_and_settings(models: Path) -> None:
    record = declared(ragProvider="vertex")
    role = record.one("gcp:projects/iAMCustomRole:IAMCustomRole", "scorer-asks-vertex")
    assert role["permissions"] == ["aiplatform.endpoints.predict"], "roles/aiplatform.user trains and deploys, too"
    assert record.one("gcp:projects/iAMMember:IAMMember", "scorer-asks-vertex")["role"] == "names/scorer-asks-vertex"
    assert "aiplatform" in record.of("gcp:projects/service:Service")
    assert environment(record)["GOOGLE_CLOUD_LOCATION"] == "europe-west1"


def test_log_lines_can_name_their_trace(models: Path) -> None:
    assert environment(declared())["GOOGLE_CLOUD_PROJECT"] == "orderguard-local"


def test_callers_are_sent_to_the_load_balancer_where_there_is_one(models: Path) -> None:
    behind = declared("prod")
    assert behind.outputs["public_url"] == "https://scoring.example.com"
    assert behind.one(SERVICE, "scorer")["customAudiences"] == [behind.outputs["public_url"]]
    staging = declared("staging").outputs
    assert staging["public_url"] == staging["url"]


@pytest.mark.parametrize(
    ("files", "host", "here"),
    [
        ([".docker/run/docker.sock", ".docker/config.json"], "", True),
        ([".docker/run/docker.sock"], "", False),
        ([".docker/config.json"], "", False),
        ([], "tcp://daemon:2376", True),
    ],
)
def test_docker_counts_with_its_daemon_and_its_sign_in(
    files: list[str], host: str, here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(image, "SOCKET", tmp_path / "none.sock")
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert image.docker_is_here() is here


def test_a_preview_without_docker_names_images_by_their_context_and_asks_nobody_for_a_number(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "docker_is_here", lambda: False)
    settings = stack_settings("prod", projectNumber="999999999999")
    record = declare(lambda: platform(settings), preview=True)
    assert not [kind for kind, _, _ in record.resources if "docker" in kind]
    assert re.search(r"/orderguard@sha256:[0-9a-f]{64}$", container(record)["image"])
    assert image.context_hash("Dockerfile") != image.context_hash("Dockerfile.slim")
    assert record.asked == 0


def test_an_up_asks_for_the_number_once_and_refuses_another_than_the_declared(models: Path) -> None:
    assert declared("prod").asked == 1
    settings = stack_settings("prod", projectNumber="999999999999")
    with pytest.raises(ConfigError, match=f"orderguard:projectNumber is 999999999999.*{PROJECT_NUMBER}"):
        declare(lambda: {"number": project_number(settings)})


def test_a_tag_is_pushed_with_dockers_own_sign_in(models: Path) -> None:
    provider = declared().one("pulumi:providers:docker", "registry")
    assert json.loads(provider["registryAuth"]) == [{"address": "europe-west1-docker.pkg.dev"}]


def test_another_domain_gets_its_certificate_before_the_old_one_goes(models: Path) -> None:
    certificate = declared("prod").one("gcp:compute/managedSslCertificate:ManagedSslCertificate", "edge-certificate")
    assert "name" not in certificate


def test_a_given_rag_key_is_a_secret_with_one_reader(models: Path) -> None:
    record = declared(ragProvider="openai", ragBaseUrl="https://llm.example.com/v1", ragModel="m", ragApiKey=True)
    assert environment(record)["RAG_API_KEY"]["secretKeyRef"]["secret"] == "orderguard-local-rag-api-key"
    readers = record.of("gcp:secretmanager/secretIamMember:SecretIamMember")
    assert [name for name in readers if name.endswith("rag-api-key")] == ["scorer-reads-rag-api-key"]


def test_network_traffic_leaves_through_the_vpc_where_one_is_named(models: Path) -> None:
    access = declared("prod").one(SERVICE, "scorer")["template"]["vpcAccess"]
    assert access["egress"] == "ALL_TRAFFIC"
    assert access["networkInterfaces"] == [{"network": "orderguard", "subnetwork": "orderguard-egress"}]


def test_no_value_of_a_key_is_declared_and_a_revision_names_the_newest_version_by_number(models: Path) -> None:
    assert declared("prod", **OUTSIDE).of(SECRET_VERSION) == {}, "nothing that the engine could keep"
    record = declared("prod", **OUTSIDE, historyEngine="redis")
    assert set(record.of(SECRET_VERSION)) == set(OF_OWN_STORE), "what Google makes up for the stack's own Redis"
    referred = {
        one["valueSource"]["secretKeyRef"]["secret"].removeprefix("orderguard-prod-"): one["valueSource"]
        for kind in (SERVICE, JOB)
        for inputs in record.of(kind).values()
        for one in _envs(inputs)
        if "valueSource" in one
    }
    by_name = {"backfill-masking-key"}  # the template tells workers the name of its version
    assert set(referred) - set(record.of(SECRET_VERSION)) == {*DRAWN, *GIVEN, *SAME_AS} - set(OF_OWN_STORE) - by_name
    numbers = {name: reference["secretKeyRef"]["version"] for name, reference in referred.items()}
    assert {number for name, number in numbers.items() if name not in OF_OWN_STORE} == {NEWEST}


def _envs(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    template = inputs["template"]
    (container,) = template.get("template", template)["containers"]
    found: list[dict[str, Any]] = container["envs"]
    return found


def test_raw_orders_are_deleted_when_their_time_is_over(models: Path) -> None:
    rules = declared(retentionDays=90).one("gcp:storage/bucket:Bucket", "raw")["lifecycleRules"]
    assert {"action": {"type": "Delete"}, "condition": {"age": 90}} in rules
    of_models = declared().one("gcp:storage/bucket:Bucket", "models")["lifecycleRules"]
    aged = [
        rule["condition"] for rule in of_models if rule["action"]["type"] == "Delete" and "age" in rule["condition"]
    ]
    assert aged == [{"age": 1, "matchesPrefixes": [ASIDE]}]


def test_histories_are_gone_four_weeks_after_they_were_made(models: Path) -> None:
    made = declared("prod").one("gcp:storage/bucket:Bucket", "histories")
    conditions = [rule["condition"] for rule in made["lifecycleRules"] if rule["action"]["type"] == "Delete"]
    alive = next(condition["age"] for condition in conditions if condition.keys() == {"age"})
    noncurrent = min(condition.get("daysSinceNoncurrentTime", 99) for condition in conditions)
    assert alive + noncurrent + made["softDeletePolicy"]["retentionDurationSeconds"] / 86_400 <= 28


@pytest.mark.parametrize("bucket", ["raw", "models"])
def test_what_was_replaced_in_a_bucket_is_gone_for_good_within_a_month(bucket: str, models: Path) -> None:
    made = declared("prod").one("gcp:storage/bucket:Bucket", bucket)
    days = [
        rule["condition"]["daysSinceNoncurrentTime"]
        for rule in made["lifecycleRules"]
        if rule["action"]["type"] == "Delete" and rule["condition"].keys() <= {"daysSinceNoncurrentTime", "withState"}
    ]
    recoverable = made["softDeletePolicy"]["retentionDurationSeconds"] / 86_400
    assert days and min(days) + recoverable <= 28, "GDPR article 12(3) leaves a month"


def test_no_bucket_is_both_versioned_and_retained(models: Path) -> None:
    buckets = declared("prod").of("gcp:storage/bucket:Bucket")
    assert buckets["access-logs"]["retentionPolicy"] == {"retentionPeriod": str(400 * 86_400)}
    locked = declared("prod", accessLogRetentionLock="for-ever").one("gcp:storage/bucket:Bucket", "access-logs")
    assert locked["retentionPolicy"] == {"retentionPeriod": str(400 * 86_400), "isLocked": True}
    for bucket in buckets.values():
        assert bucket["versioning"]["enabled"] != ("retentionPolicy" in bucket)


def test_cmek_reaches_everything_that_keeps_data(models: Path) -> None:
    record = declared("prod")
    key = "projects/orderguard-prod/locations/europe-west1/keyRings/orderguard-prod/cryptoKeys/data"
    assert record.one("gcp:artifactregistry/repository:Repository", "registry")["kmsKeyName"] == key
    assert record.one("gcp:pubsub/topic:Topic", "rotation")["kmsKeyName"] == key
    assert record.one(SERVICE, "scorer")["template"]["encryptionKey"] == key
    assert record.one(JOB, "trainer")["template"]["template"]["encryptionKey"] == key
    for bucket in record.of("gcp:storage/bucket:Bucket").values():
        assert bucket["encryption"] == {"defaultKmsKeyName": key}
    for secret in record.of("gcp:secretmanager/secret:Secret").values():
        (replica,) = secret["replication"]["userManaged"]["replicas"]
        assert replica["customerManagedEncryption"] == {"kmsKeyName": key}


def test_an_order_file_starts_the_job_and_other_files_do_not(models: Path) -> None:
    record = declared("staging")
    trigger = record.one("gcp:eventarc/trigger:Trigger", "training")
    assert {"attribute": "bucket", "value": "orderguard-staging-staging-raw"} in trigger["matchingCriterias"]
    workflow = record.one("gcp:workflows/workflow:Workflow", "training")
    own = "projects/orderguard-staging/locations/europe-west1/workflows/orderguard-staging-training"
    job = "projects/orderguard-staging/locations/europe-west1/jobs/orderguard-staging-trainer"
    for oldest, name, expected in (
        ("mine", "2026/orders.ndjson", [10, 600, job]),
        ("mine", "orders.ndjson.gz", [10, 600, job]),
        ("another", "orders.ndjson", [10]),
        ("mine", "readme.txt", []),
    ):
        done: list[object] = []
        calls: dict[str, Call] = {
            "sys.sleep": lambda asked: done.append(asked["seconds"]),
            RUN: lambda asked: done.append(asked["name"]),
            LIST: lambda asked: {"executions": [{"name": f"{asked['parent']}/executions/{oldest}"}]},
        }
        functions: dict[str, Function] = {"text.match_regex": match_regex, "sys.get_env": lambda variable: "mine"}
        execute(workflow["sourceContents"], {"data": {"name": name}}, calls, functions)
        assert done == expected, name
    assert own in workflow["sourceContents"]


def test_every_alert_is_sent_somewhere_and_says_what_to_do(models: Path) -> None:
    alerts = declared("prod").of("gcp:monitoring/alertPolicy:AlertPolicy")
    assert len(alerts) == 16
    for name, alert in alerts.items():
        assert alert["notificationChannels"] == ["team-id"], name
        assert alert["documentation"]["content"].endswith((".", ";")) or "`" in alert["documentation"]["content"]


def test_no_alert_waits_for_a_metric_that_the_same_run_makes(models: Path) -> None:
    """Cloud Monitoring refuses a threshold on a log metric in its first ten minutes."""
    record = declared("prod")
    counted = {inputs["name"] for inputs in record.of("gcp:logging/metric:Metric").values()}
    assert counted
    queries = ""
    for name, alert in record.of("gcp:monitoring/alertPolicy:AlertPolicy").items():
        (condition,) = alert["conditions"]
        assert not any(metric in json.dumps(condition.get("conditionThreshold", "")) for metric in counted), name
        assert ("conditionMatchedLog" in condition) == ("notificationRateLimit" in alert["alertStrategy"]), name
        if query := condition.get("conditionPrometheusQueryLanguage"):
            assert query["disableMetricValidation"] is True
            queries += query["query"]
    assert "logging_googleapis_com:user_orderguard_prod_anomalies{" in queries
    assert queries.endswith("[30m])) > 0.05")


def test_only_a_key_that_is_due_raises_the_reminders_alert(models: Path) -> None:
    """Secret Manager sends every change of a secret to the topic, and a test message at the first `up`."""
    record = declared("prod")
    subscription = record.one("gcp:pubsub/subscription:Subscription", "rotation")
    assert subscription["filter"] == 'attributes.eventType = "SECRET_ROTATE"'
    assert subscription["expirationPolicy"] == {"ttl": ""}
    (condition,) = record.one("gcp:monitoring/alertPolicy:AlertPolicy", "alert-rotation")["conditions"]
    assert 'subscription_id="orderguard-prod-rotation"' in condition["conditionThreshold"]["filter"]


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_the_uptime_check_asks_a_path_that_reaches_the_service(models: Path, stack: str) -> None:
    """Google's front end answers /healthz by itself, with 404."""
    check = declared(stack).one("gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig", "uptime")
    assert check["httpCheck"]["path"] == "/ready"


def test_the_alert_on_the_uptime_check_names_the_path_that_it_asks(models: Path) -> None:
    record = declared("prod")
    path = record.one("gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig", "uptime")["httpCheck"]["path"]
    advice = record.one("gcp:monitoring/alertPolicy:AlertPolicy", "alert-down")["documentation"]["content"]
    assert f"`{path}`" in advice


def test_the_budget_names_the_project_by_its_number(models: Path) -> None:
    budget = declared("prod").one("gcp:billing/budget:Budget", "budget")
    assert budget["budgetFilter"]["projects"] == [f"projects/{PROJECT_NUMBER}"]


def test_the_dashboard_is_json_with_a_chart_for_each_question(models: Path) -> None:
    record = declared("prod")
    document = json.loads(record.one("gcp:monitoring/dashboard:Dashboard", "observability")["dashboardJson"])
    tiles = document["mosaicLayout"]["tiles"]
    assert [(tile.get("xPos"), tile.get("yPos")) for tile in tiles][:3] == [(None, None), (24, None), (None, 16)]
    assert len(tiles) == 8
    assert "orderguard-prod-scorer" in json.dumps(document)


def test_log_metrics_read_what_the_service_writes(models: Path) -> None:
    from app.logs import DriftLine, ScoreLine

    metrics = declared("prod").of("gcp:logging/metric:Metric")
    fields = {name for line in (ScoreLine, DriftLine) for name in line.__struct_fields__}
    used = {
        field
        for name in ("scored-orders", "anomalies", "drift")
        for field in re.findall(r"jsonPayload\.(\w+)", metrics[name]["filter"])
    }
    assert used and used <= fields


def test_the_load_balancer_limits_rates_and_speaks_modern_tls(models: Path) -> None:
    record = declared("prod", requestsPerMinute=120, requestsPerMinuteOfKey=9000)
    rules = record.one("gcp:compute/securityPolicy:SecurityPolicy", "edge-armor")["rules"]
    of_key, of_address = (rule for rule in rules if rule["action"] == "throttle")
    assert of_key["rateLimitOptions"]["rateLimitThreshold"] == {"count": 9000, "intervalSec": 60}
    assert of_key["rateLimitOptions"]["enforceOnKeyName"] == "x-api-key", "a whole shop may stand behind one address"
    assert of_key["priority"] < of_address["priority"], "by key before by address"
    assert of_address["rateLimitOptions"]["rateLimitThreshold"] == {"count": 120, "intervalSec": 60}
    assert record.one("gcp:compute/sSLPolicy:SSLPolicy", "edge-tls")["minTlsVersion"] == "TLS_1_2"


def test_a_deployment_reaches_the_canary_through_the_load_balancer(models: Path) -> None:
    record = declared("prod", canaryPercent=1, stableRevision="scorer-00001-abc")
    (matcher,) = record.one("gcp:compute/uRLMap:URLMap", "edge-routes")["pathMatchers"]
    (rule,) = matcher["routeRules"]
    assert rule["matchRules"][0]["headerMatches"] == [{"headerName": "X-Orderguard-Revision", "exactMatch": "canary"}]
    group = record.one("gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup", "edge-canary-service")
    backend = record.one("gcp:compute/backendService:BackendService", "edge-canary-backend")
    assert group["cloudRun"]["tag"] == "canary" and backend["securityPolicy"] == "edge-armor-id"


def test_the_service_knows_the_deployments_own_key_by_reference(models: Path) -> None:
    record = declared("prod")
    assert record.outputs["probe_key_secret"] == "orderguard-prod-probe-key"
    envs = record.one(SERVICE, "scorer")["template"]["containers"][0]["envs"]
    (probe,) = (one for one in envs if one["name"] == "PROBE_KEY")
    assert probe["valueSource"]["secretKeyRef"]["secret"] == "orderguard-prod-probe-key"

    assert record.one(SERVICE, "scorer")["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"


def test_where_somebody_deploys_the_stack_hands_out_nothing_that_a_deployer_could_give_itself(models: Path) -> None:
    """infra/bootstrap makes these grants: tests/infra/test_rights.py holds the two against each other."""
    deployer = "serviceAccount:orderguard-deploy@orderguard-prod.iam.gserviceaccount.com"
    record = declared("prod", deployer=deployer, ragProvider="vertex")
    for kind in (
        "gcp:storage/bucketIAMMember:BucketIAMMember",
        "gcp:serviceaccount/iAMMember:IAMMember",
        "gcp:projects/iAMMember:IAMMember",
        "gcp:projects/iAMCustomRole:IAMCustomRole",
        "gcp:projects/iAMAuditConfig:IAMAuditConfig",
        "gcp:binaryauthorization/policy:Policy",
    ):
        assert record.of(kind) == {}, kind
    accounts = record.of("gcp:serviceaccount/account:Account")
    assert set(accounts) == {"scorer", "trainer", "launcher"}
    assert all(
        account["createIgnoreAlreadyExists"] for account in accounts.values()
    ), "the bootstrap stack has made them"


def test_no_model_says_make_train(models: Path) -> None:
    (models / "CHAMPION").unlink()
    with pytest.raises(ConfigError, match="Run `make train`"):
        declared()


def test_a_version_that_is_not_there_is_named(models: Path) -> None:
    with pytest.raises(ConfigError, match="the model version 'v9' is not in .*Run `make train`"):
        declared(modelVersion="v9")


def test_a_shadow_version_is_uploaded_beside_the_served_one(models: Path) -> None:
    write_version(models, "challenger")
    record = declared(shadowModelVersion="challenger")
    objects = record.of("gcp:storage/bucketObject:BucketObject")
    assert f"{VERSION}/model.onnx" in objects and "challenger/model.onnx" in objects
    assert environment(record)["SHADOW_MODEL_VERSION"] == "challenger"


def test_decision_rules_are_checked_and_lie_beside_the_version_under_their_content(models: Path) -> None:
    record = declared(rules="data/rules/example.toml")
    name = record.of("gcp:storage/bucketObject:BucketObject")["decision-rules"]["name"]
    assert re.fullmatch(r"rules/[0-9a-f]{16}[.]toml", name)
    assert environment(record)["RULES_FILE"] == f"/mnt/models/{name}"
    assert "RULES_FILE" not in environment(declared())
    with pytest.raises(ConfigError, match="orderguard:rules can't be deployed:\n.*none.toml: can't be read"):
        declared(rules="data/rules/none.toml")


def test_a_version_in_the_bucket_is_served_without_an_upload(models: Path) -> None:
    signed = {"modelSha256": "ab" * 32, "modelPromotedAt": "2026-11-29T22:30:00.5Z"}
    record = declared(modelSource="bucket", modelVersion="trained-in-the-cloud", **signed)
    assert record.of("gcp:storage/bucketObject:BucketObject") == {}
    told = environment(record)
    assert (told["MODEL_SHA256"], told["MODEL_PROMOTED_AT"]) == tuple(signed.values())
    assert environment(record)["MODEL_VERSION"] == "trained-in-the-cloud"
