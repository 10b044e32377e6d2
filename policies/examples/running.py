"""Examples for what runs: Cloud Run, its environment, and what starts it."""

from copy import deepcopy
from typing import Any

from policies.rule import SETTINGS
from policies.testing import Declared, Examples, StackExamples, secret

SERVICE = "gcp:cloudrunv2/service:Service"
JOB = "gcp:cloudrunv2/job:Job"
DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE = f"europe-west1-docker.pkg.dev/p/images/scorer@{DIGEST}"
ACCOUNT = "scorer@p.iam.gserviceaccount.com"
MASKED = {"name": "PII_MASKING", "value": "enforced"}
KEY = {"name": "MASKING_KEY", "valueSource": {"secretKeyRef": {"secret": "masking-key", "version": "1"}}}


def _with_environment(*variables: dict[str, Any], **container: Any) -> dict[str, Any]:
    return {"template": {"containers": [{**container, "envs": list(variables)}]}}


def _job_with_environment(*variables: dict[str, Any]) -> dict[str, Any]:
    return {"template": {"template": {"containers": [{"envs": list(variables)}]}}}


def _job_with(**container: Any) -> dict[str, Any]:
    return {"template": {"template": {"containers": [container]}}}


def _variable(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def _container(**changed: Any) -> dict[str, Any]:
    return {"template": {"containers": [changed]}}


_PROBES = {"startupProbe": {"httpGet": {"path": "/readyz"}}, "livenessProbe": {"httpGet": {"path": "/healthz"}}}
_BOUNDED: dict[str, Any] = {
    "template": {
        "containers": [{"resources": {"limits": {"cpu": "1", "memory": "512Mi"}}}],
        "scaling": {"maxInstanceCount": 3},
    }
}
_ENDLESS = deepcopy(_BOUNDED)
del _ENDLESS["template"]["scaling"]
_NO_MEMORY = deepcopy(_BOUNDED)
del _NO_MEMORY["template"]["containers"][0]["resources"]["limits"]["memory"]

_AWS = "AKIA" + "IOSFODNN7EXAMPLE"
_WORD = "hunter2" * 2
_LEAKS: tuple[tuple[str, dict[str, Any], list[dict[str, Any]]], ...] = (
    (
        JOB,
        _job_with(args=["--db-host", "10.0.0.3", "--workers", "4", "--token-path", "/run/token"]),
        [
            _job_with(args=["--db-password", _WORD]),
            _job_with(args=[f"--db-password={_WORD}"]),
            _job_with(commands=["sh", "-c", f"export DB_PASSWORD={_WORD} && start"]),
            _job_with(envs=[_variable("SETTINGS", f'{{"user": "app", "password": "{_WORD}"}}')]),
            _job_with(envs=[_variable("EXTRA", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPx" + "RfiCYEXAMPLEKEY")]),
        ],
    ),
    (
        "gcp:cloudfunctions/function:Function",
        {"environmentVariables": {"MODEL_KEY": "sk-learn-isolation-forest-v2", "MAX_TOKEN": "4096"}},
        [{"environmentVariables": {"DB_PASSWORD": _WORD}}, {"buildEnvironmentVariables": {"NPM_TOKEN": f"x{_WORD}"}}],
    ),
    (
        "gcp:cloudfunctionsv2/function:Function",
        {"serviceConfig": {"environmentVariables": {"KEY": "projects/p/locations/eu/keyRings/r/cryptoKeys/k"}}},
        [{"serviceConfig": {"environmentVariables": {"API_KEY": f"{_WORD}!"}}}],
    ),
    (
        "gcp:composer/environment:Environment",
        {"config": {"softwareConfig": {"envVariables": {"SECRET": "sm://p/airflow"}}}},
        [
            {"config": {"softwareConfig": {"envVariables": {"SMTP_PASSWORD": _WORD}}}},
            {"config": {"softwareConfig": {"airflowConfigOverrides": {"core-fernet_key": "kT8" + "vQ2x" * 10}}}},
        ],
    ),
    (
        "gcp:cloudbuild/trigger:Trigger",
        {"substitutions": {"_REGION": "europe-west1", "_DB_PASSWORD": "projects/p/secrets/db/versions/1"}},
        [{"substitutions": {"_DB_PASSWORD": _WORD}}, {"build": {"steps": [{"args": ["-c", f"TOKEN={_WORD}a ./x"]}]}}],
    ),
    (
        "gcp:cloudscheduler/job:Job",
        {"httpTarget": {"headers": {"Authorization": "Basic infrastructure-monitoring-of-orders"}}},
        [
            {"httpTarget": {"headers": {"X-API-Key": f"{_WORD}0"}}},
            {"httpTarget": {"headers": {"Authorization": "Basic " + "YXBwOmh1bnRlcjJodW50ZXIy"}}},
        ],
    ),
    (
        "gcp:storage/transferJob:TransferJob",
        {"transferSpec": {"gcsDataSource": {"bucketName": "b"}}},
        [
            {
                "transferSpec": {
                    "awsS3DataSource": {"awsAccessKey": {"accessKeyId": _AWS, "secretAccessKey": "wJalr" + "XUtnFEMI"}}
                }
            }
        ],
    ),
    (
        "gcp:compute/instance:Instance",
        {"metadataStartupScript": "#!/bin/sh\nexport DB_PASSWORD=$(gcloud secrets versions access 1 --secret=db)"},
        [
            {"metadataStartupScript": f"#!/bin/sh\nexport DB_PASSWORD={_WORD}\n./start"},
            {"metadata": {"startup-script": f"mysql --password={_WORD}"}},
        ],
    ),
    ("gcp:sql/user:User", {"name": "app", "password": secret(_WORD)}, [{"name": "app", "password": _WORD}]),
    ("gcp:sql/databaseInstance:DatabaseInstance", {"name": "db"}, [{"rootPassword": "correct-horse"}]),
    ("gcp:secretmanager/secretVersion:SecretVersion", {"secretData": secret("word")}, [{"secretData": "word"}]),
    (
        "pulumi:providers:gcp",
        {"project": "p", "credentials": "key.json"},
        [
            {"credentials": '{"type": "service_account", "private_key": "-----BEGIN PRIVATE ' + 'KEY-----x"}'},
            {"accessToken": "ya29." + "a0" * 20},
        ],
    ),
)
"""By type: what is harmless there, and credentials as programs have put them there."""


EXAMPLES: tuple[Examples | StackExamples, ...] = (
    Examples(
        "cloud-run-no-public-invoker",
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
        holds=[{"role": "roles/run.invoker", "member": f"serviceAccount:{ACCOUNT}"}],
        violated=[{"role": "roles/run.invoker", "member": "allUsers"}],
    ),
    Examples(
        "cloud-run-no-public-invoker",
        "gcp:cloudrunv2/jobIamBinding:JobIamBinding",
        holds=[{"role": "roles/run.invoker", "members": [f"serviceAccount:{ACCOUNT}"]}],
        violated=[{"role": "roles/run.invoker", "members": ["allAuthenticatedUsers"]}],
    ),
    Examples(
        "cloud-run-no-public-invoker",
        "gcp:cloudrun/iamMember:IamMember",
        holds=[{"role": "roles/run.invoker", "member": f"serviceAccount:{ACCOUNT}"}],
        violated=[{"role": "roles/run.invoker", "member": "allUsers"}],
    ),
    Examples(
        "cloud-run-invoker-check",
        SERVICE,
        holds=[{"name": "s"}, {"invokerIamDisabled": False}],
        violated=[{"invokerIamDisabled": True}],
    ),
    Examples(
        "cloud-run-ingress",
        SERVICE,
        holds=[{"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}, {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"}],
        violated=[{"name": "s"}, {"ingress": "INGRESS_TRAFFIC_ALL"}],
    ),
    Examples(
        "cloud-run-ingress",
        "gcp:cloudfunctionsv2/function:Function",
        holds=[{"serviceConfig": {"ingressSettings": "ALLOW_INTERNAL_AND_GCLB"}}],
        violated=[{"name": "f"}, {"serviceConfig": {"ingressSettings": "ALLOW_ALL"}}],
    ),
    Examples(
        "cloud-run-own-service-account",
        SERVICE,
        holds=[{"template": {"serviceAccount": ACCOUNT}}],
        violated=[
            {"template": {}},
            {"template": {"serviceAccount": ""}},
            {"template": {"serviceAccount": "123-compute@developer.gserviceaccount.com"}},
        ],
    ),
    Examples(
        "cloud-run-own-service-account",
        JOB,
        holds=[{"template": {"template": {"serviceAccount": ACCOUNT}}}],
        violated=[{"template": {"serviceAccount": ACCOUNT, "template": {}}}],
    ),
    Examples(
        "cloud-run-image-digest",
        SERVICE,
        holds=[_container(image=IMAGE)],
        violated=[_container(image=image) for image in ("gcr.io/p/scorer:latest", IMAGE.partition("@")[0], IMAGE[:-1])],
    ),
    Examples(
        "cloud-run-image-registry",
        SERVICE,
        holds=[_container(image=IMAGE)],
        violated=[
            _container(image=f"docker.io/somebody/scorer@{DIGEST}"),
            _container(image="nginx"),
            _container(image=f"europe-west1-docker.pkg.dev/somebody/images/scorer@{DIGEST}"),
            _container(image=f"ghcr.io/somebody/x-docker.pkg.dev/p/scorer@{DIGEST}"),
        ],
        provider={"project": "p"},
    ),
    Examples(
        "cloud-run-image-registry",
        SERVICE,
        holds=[_container(image=f"eu.gcr.io/p/scorer@{DIGEST}")],
        violated=[_container(image=IMAGE)],
        configuration={"registries": ["eu.gcr.io/p/*"]},
    ),
    Examples(
        "cloud-run-execution-environment",
        SERVICE,
        holds=[{"template": {"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2"}}],
        violated=[{"template": {}}, {"template": {"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN1"}}],
    ),
    Examples(
        "cloud-run-probes",
        SERVICE,
        holds=[
            _container(**_PROBES),
            {"template": {"containers": [{**_PROBES, "ports": {"containerPort": 8080}}, {"name": "sidecar"}]}},
        ],
        violated=[_container(startupProbe=_PROBES["startupProbe"]), _container(livenessProbe=_PROBES["livenessProbe"])],
    ),
    Examples("cloud-run-limits", SERVICE, holds=[_BOUNDED], violated=[_ENDLESS, _NO_MEMORY]),
    Examples(
        "cloud-run-mounts-read-only",
        SERVICE,
        holds=[
            {"template": {"volumes": [{"name": "m", "gcs": {"bucket": "models", "readOnly": True}}]}},
            {"template": {"volumes": [{"name": "scratch", "emptyDir": {"medium": "MEMORY"}}]}},
        ],
        violated=[
            {"template": {"volumes": [{"name": "m", "gcs": {"bucket": "models"}}]}},
            {"template": {"volumes": [{"name": "m", "gcs": {"bucket": "models", "readOnly": False}}]}},
        ],
    ),
    Examples(
        "cloud-run-egress",
        SERVICE,
        holds=[{"template": {"vpcAccess": {"egress": "ALL_TRAFFIC"}}}, {"template": {}}],
        violated=[{"template": {"vpcAccess": {"connector": "c"}}}],
    ),
    Examples(
        "cloud-run-binary-authorization",
        SERVICE,
        holds=[{"binaryAuthorization": {"useDefault": True}}, {"binaryAuthorization": {"policy": "projects/p/p"}}],
        violated=[{"name": "s"}, {"binaryAuthorization": {"useDefault": False}}],
    ),
    Examples(
        "cloud-run-deletion-protection",
        JOB,
        holds=[{"name": "on by default"}, {"deletionProtection": True}],
        violated=[{"deletionProtection": False}],
    ),
    Examples("cloud-run-second-api", "gcp:cloudrun/service:Service", holds=[], violated=[{"name": "s"}]),
    Examples(
        "privacy-masking-enforced",
        SERVICE,
        holds=[
            _with_environment(MASKED, _variable("LOG_LEVEL", "info")),
            {"template": {"containers": [{"envs": [MASKED]}, {"name": "otel-agent"}]}},
        ],
        violated=[
            _with_environment(),
            _with_environment(_variable("PII_MASKING", "off")),
            _with_environment(MASKED, _variable("PII_MASKING", "off")),
            {"template": {"containers": [{"envs": [MASKED]}, {"name": "sidecar"}]}},
        ],
        configuration={"containersWithoutOrders": ["otel-*"]},
    ),
    Examples(
        "privacy-masking-enforced",
        JOB,
        holds=[_job_with_environment(MASKED)],
        violated=[_job_with_environment(_variable("PII_MASKING", "Enforced"))],
    ),
    Examples(
        "privacy-masking-key-by-reference",
        SERVICE,
        holds=[_with_environment(KEY)],
        violated=[
            _with_environment(MASKED),
            _with_environment(_variable("MASKING_KEY", "k1:hunter2")),
            _with_environment({"name": "MASKING_KEY", "value": "", "valueSource": {}}),
        ],
    ),
    Examples(
        "privacy-rag-only-masked",
        SERVICE,
        holds=[
            _with_environment(_variable("RAG_PROVIDER", "off")),
            _with_environment(_variable("RAG_PROVIDER", "vertex"), MASKED),
            _with_environment(),
        ],
        violated=[
            _with_environment(_variable("RAG_PROVIDER", "vertex")),
            _with_environment(_variable("RAG_PROVIDER", "openai"), _variable("PII_MASKING", "off")),
            _with_environment(_variable("RAG_PROVIDER", "off"), _variable("RAG_PROVIDER", "vertex")),
        ],
    ),
    Examples(
        "privacy-secrets-by-reference",
        SERVICE,
        holds=[
            _with_environment(
                KEY, _variable("API_KEY_REQUIRED", "true"), _variable("MASKING_KEY_FILE", "/secrets/key")
            ),
            _with_environment(_variable("TOKENIZER", "words"), _variable("PUBLIC_KEY", "abc")),
        ],
        violated=[
            _with_environment(_variable(name, "hunter2"))
            for name in ("API_KEY", "DB_PASSWORD", "GITHUB_TOKEN", "client-secret", "SIGNING_KEY_V2")
        ],
    ),
    Examples(
        "privacy-no-personal-variables",
        SERVICE,
        holds=[_with_environment(MASKED, _variable("SERVICE_NAME", "s"), _variable("BIND_ADDRESS", "127.0.0.1"))],
        violated=[
            _with_environment(_variable(name, ""))
            for name in ("CUSTOMER_EMAIL", "customer_name", "BILLING_ADDRESS", "USER_PHONE", "IBAN", "CARD_NUMBER")
        ],
    ),
    Examples(
        "privacy-no-credentials-in-text",
        SERVICE,
        holds=[_with_environment(_variable("MODEL", f"gs://bucket/models@{DIGEST}"))],
        violated=[
            _with_environment(_variable("SETTING", "AIza" + "Sy0123456789abcdefghijklmnopqrstuvw")),
            {"description": "log in with password=correct-horse-battery"},
            {"annotations": {"note": "AKIA" + "IOSFODNN7EXAMPLE"}},
        ],
    ),
    *(
        Examples("privacy-no-credentials-in-text", kind, holds=[harmless], violated=leaks)
        for kind, harmless, leaks in _LEAKS
    ),
    Examples(
        "privacy-no-personal-data-in-text",
        "gcp:storage/bucket:Bucket",
        holds=[{"labels": {"team": "orders", "owner": "data-platform"}}],
        violated=[
            {"labels": {"owner": "anna-schmidt"}},
            {"labels": {"contact": "anna.schmidt@example.com"}},
            {"labels": {"anna.schmidt@example.com": "owner"}},
        ],
    ),
    Examples(
        "privacy-no-personal-data-in-text",
        "gcp:workflows/workflow:Workflow",
        holds=[
            {"sourceContents": '{"main": {"steps": [{"start": {"call": "googleapis.run.v2.projects.locations"}}]}}'}
        ],
        violated=[
            {"sourceContents": "main: {steps: [{a: {return: anna.schmidt@example.com}}]}"},
            {"title": "rights of anna.schmidt@example.com"},
        ],
    ),
    Examples(
        "privacy-no-personal-data-in-text",
        "gcp:monitoring/notificationChannel:NotificationChannel",
        holds=[{"type": "email", "labels": {"email_address": "orders-on-call@example.com"}}],
        violated=[{"type": "email", "labels": {"email_address": "anna.schmidt@example.com"}}],
    ),
    StackExamples(
        "privacy-no-leaks-in-outputs",
        holds=[[Declared("pulumi:pulumi:Stack", "p-prod", {"url": "https://scorer-abc-ew.a.run.app", "image": IMAGE})]],
        violated=[
            [Declared("pulumi:pulumi:Stack", "p-prod", {"key": "k1:" + "Ab1_" * 10 + "Ab1"})],
            [Declared("pulumi:pulumi:Stack", "p-prod", {"owner": {"mail": "anna.schmidt@example.com"}})],
        ],
    ),
    StackExamples(
        "privacy-no-leaks-in-settings",
        holds=[[Declared(SETTINGS, "p", {"p:alertEmail": "orders-on-call@example.com", "gcp:project": "p-123"})]],
        violated=[
            [Declared(SETTINGS, "p", {"p:databaseUrl": "postgres://app:" + "hunter2@10.0.0.3/orders"})],
            [Declared(SETTINGS, "p", {"p:alertEmail": "anna.schmidt@example.com"})],
        ],
    ),
    Examples(
        "events-push-authenticated",
        "gcp:pubsub/subscription:Subscription",
        holds=[
            {"pushConfig": {"pushEndpoint": "https://s.run.app", "oidcToken": {"serviceAccountEmail": ACCOUNT}}},
            {"topic": "pulled"},
        ],
        violated=[
            {"pushConfig": {"pushEndpoint": "https://s.run.app"}},
            {"pushConfig": {"pushEndpoint": "http://s.run.app", "oidcToken": {"serviceAccountEmail": ACCOUNT}}},
        ],
    ),
    Examples(
        "events-schedule-authenticated",
        "gcp:cloudscheduler/job:Job",
        holds=[
            {"httpTarget": {"uri": "https://run.googleapis.com/v2/x", "oauthToken": {"serviceAccountEmail": ACCOUNT}}},
            {"pubsubTarget": {"topicName": "t"}},
        ],
        violated=[
            {"httpTarget": {"uri": "https://run.googleapis.com/v2/x"}},
            {"httpTarget": {"uri": "http://example.com", "oidcToken": {"serviceAccountEmail": ACCOUNT}}},
        ],
    ),
    Examples(
        "events-own-service-account",
        "gcp:eventarc/trigger:Trigger",
        holds=[{"serviceAccount": ACCOUNT}],
        violated=[
            {"location": "eu"},
            {"serviceAccount": "123-compute@developer.gserviceaccount.com"},
            {"serviceAccount": "projects/p/serviceAccounts/123-compute@developer.gserviceaccount.com"},
        ],
    ),
    Examples(
        "events-private-workers",
        "gcp:dataflow/flexTemplateJob:FlexTemplateJob",
        holds=[{"ipConfiguration": "WORKER_IP_PRIVATE"}],
        violated=[{"name": "j"}, {"ipConfiguration": "WORKER_IP_PUBLIC"}],
    ),
    Examples(
        "events-private-workers",
        "gcp:cloudbuild/workerPool:WorkerPool",
        holds=[{"workerConfig": {"noExternalIp": True}}],
        violated=[{"name": "w"}, {"workerConfig": {"noExternalIp": False}}],
    ),
    Examples(
        "events-no-data-in-messages",
        "gcp:cloudscheduler/job:Job",
        holds=[{"httpTarget": {"body": "e30="}}, {"name": "empty"}],
        violated=[{"httpTarget": {"body": "e30=" * 1000}}, {"pubsubTarget": {"data": "e30=" * 1000}}],
    ),
)
