"""A flex template of Dataflow runs here as the account that it names, with what that account may do and no more."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.commands.templates import run_template
from infra.local.errors import LocalCloudError
from infra.local.job_executions import executions

WORKER = "worker@a-project.iam.gserviceaccount.com"
KEY = "projects/a-project/secrets/key/versions/1"
PROGRAM = """
import json, os, sys, urllib.request

words = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
host, secrets = os.environ["GCE_METADATA_HOST"], os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"]
asked = urllib.request.Request(
    f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token", headers={"Metadata-Flavor": "Google"}
)
token = json.loads(urllib.request.urlopen(asked).read())["access_token"]
asked = urllib.request.Request(f"{secrets}v1/{words['key']}:access", headers={"Authorization": f"Bearer {token}"})
data = json.loads(urllib.request.urlopen(asked).read())["payload"]["data"]
os.makedirs(words["out"])
with open(words["in"] + "/orders.txt") as orders, open(words["out"] + "/done.txt", "w") as out:
    out.write(f"{orders.read()} {data} {words['runner']} {words['job_name']}")
"""
PARAMETERS: list[dict[str, Any]] = [
    {"name": "in", "regexes": ["^gs://.+$"], "paramType": "GCS_READ_FOLDER"},
    {"name": "out", "regexes": ["^gs://.+$"], "paramType": "GCS_WRITE_FOLDER"},
    {"name": "key"},
    {"name": "more", "isOptional": True},
]
TOLD = ["in=gs://raw/2026", "out=gs://results/run-1", f"key={KEY}"]
GRANTS = [
    ("gcp:storage/bucketIAMMember:BucketIAMMember", {"bucket": "raw", "role": "roles/storage.objectViewer"}),
    ("gcp:storage/bucketIAMMember:BucketIAMMember", {"bucket": "results", "role": "roles/storage.objectUser"}),
    (
        "gcp:secretmanager/secretIamMember:SecretIamMember",
        {"secretId": "key", "role": "roles/secretmanager.secretAccessor"},
    ),
]


@pytest.fixture
def template(ask: Any, tmp_path: Path) -> str:
    """A template in a bucket, what it reads, and a place for what it writes; no grant yet."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "main.py").write_text(PROGRAM)
    (context / "Dockerfile").write_text(
        "FROM python:3.11\nCOPY . /srv/\nWORKDIR /srv\nENV FLEX_TEMPLATE_PYTHON_PY_FILE=/srv/main.py\n"
        'ENTRYPOINT ["/opt/apache/beam/boot"]\n'
    )
    image = ask.create("docker:index/image:Image", {"imageName": "backfill:1", "build": {"context": str(context)}})
    for bucket in ("raw", "results", "templates"):
        ask.create("gcp:storage/bucket:Bucket", {"name": bucket, "location": "EU"})
    replication = {"userManaged": {"replicas": [{"location": "europe-west1"}]}}
    ask.create("gcp:secretmanager/secret:Secret", {"secretId": "key", "replication": replication})
    secret = {"secret": "projects/a-project/secrets/key", "secretData": "c2VjcmV0"}
    ask.create("gcp:secretmanager/secretVersion:SecretVersion", secret)
    spec = {
        "image": image["repoDigest"],
        "sdkInfo": {"language": "PYTHON"},
        "metadata": {"name": "t", "parameters": PARAMETERS},
        "defaultEnvironment": {"serviceAccountEmail": WORKER},
    }
    (ask.cloud.bucket("templates") / "t.json").write_text(json.dumps(spec))
    (ask.cloud.bucket("raw") / "2026").mkdir()
    (ask.cloud.bucket("raw") / "2026" / "orders.txt").write_text("orders")
    return "gs://templates/t.json"


def run(ask: Any, template: str, told: list[str]) -> int:
    return run_template(ask.cloud.home, ask.cloud.stack, template, "job-1", told)


def test_it_runs_with_its_buckets_as_folders_and_reads_its_secret_as_itself(
    ask: Any, template: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind, inputs in GRANTS:
        ask.create(kind, {**inputs, "member": f"serviceAccount:{WORKER}"})
    assert run(ask, template, TOLD) == 0
    written = (ask.cloud.bucket("results") / "run-1" / "done.txt").read_text()
    assert written.split() == ["orders", "YzJWamNtVjA=", "DirectRunner", "job-1"]
    (kept,) = executions(ask.cloud, "job-1")
    assert (kept.state, kept.by) == ("succeeded", "run-template")
    assert "c2VjcmV0" not in capfd.readouterr().out + Path(kept.log).read_text()


LACKS = [
    (0, {}, "Mounting the bucket 'raw' failed: googleapi: Error 403"),
    (1, {}, "storage.objects.create access to the Google Cloud Storage bucket results"),
    (
        1,
        {"role": "roles/storage.objectViewer"},
        "storage.objects.create access to the Google Cloud Storage bucket results",
    ),
    (2, {}, "403"),
]


@pytest.mark.parametrize(("which", "instead", "says"), LACKS)
def test_without_one_of_its_rights_it_writes_nothing(
    ask: Any, template: str, which: int, instead: dict[str, str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for place, (kind, inputs) in enumerate(GRANTS):
        if place != which or instead:
            changed = instead if place == which else {}
            ask.create(kind, {**inputs, **changed, "member": f"serviceAccount:{WORKER}"})
    try:
        told = f"code {run(ask, template, TOLD)} {capfd.readouterr().out}"
    except LocalCloudError as problem:
        told = str(problem)
    assert says in told
    assert list(ask.cloud.bucket("results").iterdir()) == []


@pytest.mark.parametrize(
    ("template_file", "told", "says"),
    [
        ("gs://templates/t.json", TOLD[1:], "in: Missing required parameter"),
        ("gs://templates/t.json", [*TOLD, "mode=fast"], "mode: Unrecognized parameter"),
        ("gs://templates/t.json", ["in=/raw", *TOLD[1:]], "in: Value did not match the regular expression"),
        ("gs://templates/t.json", ["in"], "write NAME=VALUE"),
        ("gs://templates/other.json", TOLD, "Unable to open template file"),
        ("templates/t.json", TOLD, "write gs://BUCKET/OBJECT"),
        ("gs://raw/2026/orders.txt", TOLD, "is no container specification"),
    ],
)
def test_what_a_launch_gets_wrong_is_named(
    ask: Any, template: str, template_file: str, told: list[str], says: str
) -> None:
    with pytest.raises(LocalCloudError, match=says):
        run(ask, template_file, told)
