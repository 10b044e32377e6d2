"""What the examples of Cloud Run share: a service, a job, their image, and their environment."""

from typing import Any

SERVICE = "gcp:cloudrunv2/service:Service"
JOB = "gcp:cloudrunv2/job:Job"
DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE = f"europe-west1-docker.pkg.dev/p/images/scorer@{DIGEST}"
ACCOUNT = "scorer@p.iam.gserviceaccount.com"
MASKED = {"name": "PII_MASKING", "value": "enforced"}
KEY = {"name": "MASKING_KEY", "valueSource": {"secretKeyRef": {"secret": "masking-key", "version": "1"}}}


def with_environment(*variables: dict[str, Any], **container: Any) -> dict[str, Any]:
    return {"template": {"containers": [{**container, "envs": list(variables)}]}}


def job_with_environment(*variables: dict[str, Any]) -> dict[str, Any]:
    return {"template": {"template": {"containers": [{"envs": list(variables)}]}}}


def variable(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}
