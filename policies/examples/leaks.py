"""Examples for masking, and for personal data and credentials where programs put them."""

from typing import Any

from policies.examples.containers import (
    DIGEST,
    IMAGE,
    JOB,
    KEY,
    MASKED,
    SERVICE,
    job_with_environment,
    variable,
    with_environment,
)
from policies.rule import SETTINGS
from policies.testing import Declared, Examples, StackExamples, secret


def _job_with(**container: Any) -> dict[str, Any]:
    return {"template": {"template": {"containers": [container]}}}


_AWS = "AKIA" + "IOSFODNN7EXAMPLE"
_WORD = "hunter2" * 2
_LEAKS: tuple[tuple[str, dict[str, Any], list[dict[str, Any]]], ...] = (
    (
        JOB,
        _job_with(args=["--db-host", "10.0.0.3", "--workers", "4", "--token-path", "/run/token"]),
        [
            _job_with(args=["--db-password", _WORD]),
            _job_with(args=[f"--db-password={_WORD}"]),
            _job_with(commands=["mysql", "-uroot", f"-p{_WORD}"]),
            _job_with(commands=["sh", "-c", f"export DB_PASSWORD={_WORD} && start"]),
            _job_with(envs=[variable("SETTINGS", f'{{"user": "app", "password": "{_WORD}"}}')]),
            _job_with(envs=[variable("EXTRA", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPx" + "RfiCYEXAMPLEKEY")]),
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
    (
        "gcp:compute/projectMetadataItem:ProjectMetadataItem",
        {"key": "db-password-file", "value": "/run/db"},
        [{"key": "db-password", "value": _WORD}],
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
        "privacy-masking-enforced",
        SERVICE,
        holds=[
            with_environment(MASKED, variable("LOG_LEVEL", "info")),
            {"template": {"containers": [{"envs": [MASKED]}, {"name": "otel-agent"}]}},
        ],
        violated=[
            with_environment(),
            with_environment(variable("PII_MASKING", "off")),
            with_environment(MASKED, variable("PII_MASKING", "off")),
            {"template": {"containers": [{"envs": [MASKED]}, {"name": "sidecar"}]}},
        ],
        configuration={"containersWithoutOrders": ["otel-*"]},
    ),
    Examples(
        "privacy-masking-enforced",
        JOB,
        holds=[job_with_environment(MASKED)],
        violated=[job_with_environment(variable("PII_MASKING", "Enforced"))],
    ),
    Examples(
        "privacy-masking-key-by-reference",
        SERVICE,
        holds=[with_environment(KEY)],
        violated=[
            with_environment(MASKED),
            with_environment(variable("MASKING_KEY", "k1:hunter2")),
            with_environment({"name": "MASKING_KEY", "value": "", "valueSource": {}}),
        ],
    ),
    Examples(
        "privacy-rag-only-masked",
        SERVICE,
        holds=[
            with_environment(variable("RAG_PROVIDER", "off")),
            with_environment(variable("RAG_PROVIDER", "vertex"), MASKED),
            with_environment(),
        ],
        violated=[
            with_environment(variable("RAG_PROVIDER", "vertex")),
            with_environment(variable("RAG_PROVIDER", "openai"), variable("PII_MASKING", "off")),
            with_environment(variable("RAG_PROVIDER", "off"), variable("RAG_PROVIDER", "vertex")),
        ],
    ),
    Examples(
        "privacy-secrets-by-reference",
        SERVICE,
        holds=[
            with_environment(KEY, variable("API_KEY_REQUIRED", "true"), variable("MASKING_KEY_FILE", "/secrets/key")),
            with_environment(variable("TOKENIZER", "words"), variable("PUBLIC_KEY", "abc")),
        ],
        violated=[
            with_environment(variable(name, "hunter2"))
            for name in ("API_KEY", "DB_PASSWORD", "GITHUB_TOKEN", "client-secret", "SIGNING_KEY_V2")
        ],
    ),
    Examples(
        "privacy-no-personal-variables",
        SERVICE,
        holds=[with_environment(MASKED, variable("SERVICE_NAME", "s"), variable("BIND_ADDRESS", "127.0.0.1"))],
        violated=[
            with_environment(variable(name, ""))
            for name in ("CUSTOMER_EMAIL", "customer_name", "BILLING_ADDRESS", "USER_PHONE", "IBAN", "CARD_NUMBER")
        ],
    ),
    Examples(
        "privacy-no-credentials-in-text",
        SERVICE,
        holds=[with_environment(variable("MODEL", f"gs://bucket/models@{DIGEST}"))],
        violated=[
            with_environment(variable("SETTING", "AIza" + "Sy0123456789abcdefghijklmnopqrstuvw")),
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
)
