"""Examples for what runs: Cloud Run, its environment, and what starts it."""

import json
from copy import deepcopy
from typing import Any

from policies.examples.containers import ACCOUNT, DIGEST, IMAGE, JOB, SERVICE
from policies.testing import Examples, StackExamples


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

_HOOKS: dict[str, Any] = {
    "name": "orderguard-prod-hooks",
    "ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
    "template": {"containers": [{"envs": [{"name": "SERVE", "value": "hooks"}]}]},
}

_OBJECT = "gcp:storage/bucketObject:BucketObject"
_NO_TEMPLATE = {"name": "notes.txt", "content": "no JSON"}


def _template(**environment: str) -> dict[str, Any]:
    spec = {"image": IMAGE, "sdkInfo": {"language": "PYTHON"}, "defaultEnvironment": environment}
    return {"name": "template.json", "content": json.dumps(spec)}


EXAMPLES: tuple[Examples | StackExamples, ...] = (
    Examples(
        "cloud-run-no-public-invoker",
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
        holds=[{"role": "roles/run.invoker", "member": f"serviceAccount:{ACCOUNT}"}],
        violated=[{"role": "roles/run.invoker", "member": "allUsers"}],
    ),
    Examples(
        "cloud-run-no-public-invoker",
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
        holds=[
            {"role": "roles/run.invoker", "member": "allUsers", "name": "orderguard-prod-hooks"},
            {"role": "roles/run.invoker", "member": "allUsers", "name": "orderguard-local-scorer"},
        ],
        violated=[
            {"role": "roles/run.invoker", "member": "allUsers", "name": "orderguard-prod-scorer"},
            {"role": "roles/run.invoker", "member": "allUsers", "name": "orderguard-prod-scorer-hooks"},
            {"role": "roles/run.invoker", "member": "allAuthenticatedUsers", "name": "orderguard-prod-hooks"},
            {"role": "roles/run.developer", "member": "allUsers", "name": "orderguard-prod-hooks"},
        ],
    ),
    Examples(
        "cloud-run-no-public-invoker",
        "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding",
        holds=[{"role": "roles/run.invoker", "members": [f"serviceAccount:{ACCOUNT}"]}],
        violated=[{"role": "roles/run.invoker", "members": ["allUsers"], "name": "orderguard-prod-hooks"}],
    ),
    Examples(
        "cloud-run-open-services-take-hooks-alone",
        SERVICE,
        holds=[{"name": "another"}, _HOOKS],
        violated=[
            {**_HOOKS, "ingress": "INGRESS_TRAFFIC_ALL"},
            {**_HOOKS, "template": {"containers": [{"envs": [{"name": "SERVE", "value": "scoring"}]}]}},
            {**_HOOKS, "template": {"containers": [{"envs": []}]}},
        ],
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
        "dataflow-template-private",
        _OBJECT,
        holds=[_template(ipConfiguration="WORKER_IP_PRIVATE"), _NO_TEMPLATE, {"name": "model.onnx"}],
        violated=[_template(), _template(ipConfiguration="WORKER_IP_PUBLIC")],
    ),
    Examples(
        "dataflow-template-own-account",
        _OBJECT,
        holds=[_template(serviceAccountEmail=ACCOUNT), _NO_TEMPLATE],
        violated=[_template(), _template(serviceAccountEmail="123-compute@developer.gserviceaccount.com")],
    ),
    Examples(
        "dataflow-template-own-key",
        _OBJECT,
        holds=[_template(kmsKeyName="projects/p/locations/r/keyRings/k/cryptoKeys/data"), _NO_TEMPLATE],
        violated=[_template()],
    ),
    Examples(
        "events-no-data-in-messages",
        "gcp:cloudscheduler/job:Job",
        holds=[{"httpTarget": {"body": "e30="}}, {"name": "empty"}],
        violated=[{"httpTarget": {"body": "e30=" * 1000}}, {"pubsubTarget": {"data": "e30=" * 1000}}],
    ),
)
