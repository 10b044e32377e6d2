"""The whole program, stack by stack: what is declared, who may do what, what every resource has."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.__main__ import platform
from infra.config import ConfigError, Settings
from infra.defaults import LABELS_INPUT
from infra.services import APIS, BEHIND, WATCHING, modules_of
from orderguard.features import FEATURE_SET_VERSION
from orderguard.model_version import MANIFEST
from tests.infra.conftest import VERSION
from tests.infra.inventories import read_inventory, regenerate_with
from tests.infra.recording import ROOT, STACKS, Record, declare, stack_settings, walk

OUTPUTS = {
    "url",
    "public_url",
    "service_name",
    "training_job",
    "model_signing_key",
    "model_version",
    "revision",
    "image",
    "trainer_image",
    "registry",
    "raw_bucket",
    "models_bucket",
    "histories_bucket",
    "histories_job",
    "seeding_job",
    "masking_key_secret",
    "api_key_secret",
    "probe_key_secret",
    "history_store",
}

# A version serves with the code that it was trained by: the release before, which a way back deploys as a whole.
FORMER_FEATURES = (
    rf"trained on feature set 3, but this code computes {FEATURE_SET_VERSION}; "
    r"run the code of commit abc1234, or train a new version"
)


def declared(settings: Settings, *, preview: bool = False) -> Record:
    return declare(lambda: platform(settings), preview=preview)


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def record(stack: str, models: Path) -> Record:
    return declared(stack_settings(stack))


def test_the_inventory_is_as_reviewed(stack: str, record: Record) -> None:
    assert record.inventory() == read_inventory(stack), regenerate_with


def test_outputs_are_known_after_up(record: Record) -> None:
    assert set(record.outputs) == OUTPUTS
    assert all(isinstance(value, str) and value for value in record.outputs.values())


@pytest.mark.parametrize(
    ("file", "now", "then", "says"),
    [
        (MANIFEST, f'"feature_set_version":"{FEATURE_SET_VERSION}"', '"feature_set_version":"3"', FORMER_FEATURES),
        ("model.onnx", "a model", "another model", r"model.onnx: not the file that was recorded"),
    ],
    ids=["of the former feature set", "changed"],
)
def test_a_model_that_can_not_serve_is_refused_before_anything_is_declared_naming_the_way_out(
    models: Path, file: str, now: str, then: str, says: str
) -> None:
    path = models / VERSION / file
    assert now in path.read_text()
    path.write_text(path.read_text().replace(now, then))
    with pytest.raises(ConfigError, match=rf"the model version '{VERSION}' can't be deployed: .*{says}"):
        platform(stack_settings())


def test_every_resource_that_can_carry_labels_does(stack: str, record: Record) -> None:
    wanted = {"application": "orderguard", "environment": stack, "team": "orders", "managed-by": "pulumi"}
    labelled = [
        (resource_type, name, inputs)
        for resource_type, name, inputs in record.resources
        if resource_type in LABELS_INPUT
    ]
    assert labelled
    for resource_type, name, inputs in labelled:
        spelling = "userLabels" if LABELS_INPUT[resource_type] == "user_labels" else "labels"
        assert inputs[spelling] == wanted, (resource_type, name)


def test_no_type_with_labels_is_forgotten(record: Record) -> None:
    with_labels = {t for t, name in _sdk_types_with_labels(record)}
    assert with_labels == {t for t, _, _ in record.resources if t in LABELS_INPUT and not t.startswith("gcp:compute/")}


def _sdk_types_with_labels(record: Record) -> Iterator[tuple[str, str]]:
    import inspect

    import pulumi_gcp

    for resource_type in {t for t, _, _ in record.resources if t.startswith("gcp:")}:
        module, _, rest = resource_type.removeprefix("gcp:").partition("/")
        if module == "compute":  # the program does not load this module, and neither should a test: it takes seconds
            continue
        cls = getattr(getattr(pulumi_gcp, module), rest.partition(":")[2])
        accepted = inspect.signature(cls._internal_init).parameters
        # A notification channel's `labels` are its address; its labels are called user_labels.
        spelling = next((name for name in ("user_labels", "labels") if name in accepted), None)
        if spelling:
            yield resource_type, spelling


def test_every_api_that_is_used_is_switched_on(record: Record, stack: str) -> None:
    used = {t.removeprefix("gcp:").partition("/")[0] for t, _, _ in record.resources if t.startswith("gcp:")}
    assert used - {"projects"} == set(modules_of(stack_settings(stack)))
    enabled = {inputs["service"] for inputs in record.of("gcp:projects/service:Service").values()}
    behind = {api for module in used for api in BEHIND.get(module, ())}
    assert enabled == {APIS[module] for module in used - {"projects"}} | behind | set(WATCHING)
    assert ("workflowexecutions.googleapis.com" in enabled) == (stack != "local")


def test_each_identity_has_exactly_its_rights(stack: str, record: Record) -> None:
    rights = set(_rights(record))
    wanted = {
        ("scorer", "roles/storage.objectViewer", "models"),
        ("scorer", "roles/storage.objectViewer", "histories"),
        ("scorer", "roles/artifactregistry.reader", "registry"),
        ("scorer", "roles/secretmanager.secretAccessor", "masking-key"),
        ("scorer", "roles/secretmanager.secretAccessor", "api-key"),
        ("scorer", "roles/secretmanager.secretAccessor", "probe-key"),
        ("scorer", "roles/memorystore.dbConnectionUser", "histories"),
        ("trainer", "roles/storage.objectViewer", "raw"),
        ("trainer", "roles/storage.objectUser", "models"),
        ("trainer", "roles/storage.objectUser", "histories"),
        ("trainer", "roles/artifactregistry.reader", "registry"),
        ("trainer", "roles/secretmanager.secretAccessor", "training-key"),
        ("trainer", "roles/cloudkms.signer", "model-signature"),
    }
    if stack != "local":
        wanted |= {
            ("scorer", "roles/cloudsql.instanceUser", "alerts"),
            ("launcher", "roles/run.invoker", "trainer"),
            ("launcher", "roles/eventarc.eventReceiver", "project"),
            ("launcher", "roles/workflows.invoker", "project"),
        }
    if stack == "prod":
        wanted.add(("launcher", "roles/run.invoker", "histories"))
    assert {right for right in rights if right[0] in ("scorer", "trainer", "launcher")} == wanted


def _rights(record: Record) -> Iterator[tuple[str, str, str]]:
    """(who, role, on what) of every grant, in short names."""
    for resource_type, name, inputs in record.resources:
        if "member" in inputs:
            who = str(inputs["member"]).partition(":")[2].partition("@")[0].rpartition("-")[2]
            verbs = ("-reads-", "-writes-", "-starts-", "-signs-", "-logs-in-to-", "-connects-to-")
            verb = next((verb for verb in verbs if verb in name), None)
            yield who, inputs["role"], name.partition(verb)[2] if verb else "project"


def test_whoever_reads_raw_orders_serves_nothing(record: Record) -> None:
    raw_readers = {
        inputs["member"]
        for inputs in record.of("gcp:storage/bucketIAMMember:BucketIAMMember").values()
        if inputs["bucket"].endswith("-raw")
    }
    servers = {
        f"serviceAccount:{inputs['template']['serviceAccount']}"
        for inputs in record.of("gcp:cloudrunv2/service:Service").values()
    }
    assert raw_readers and servers and not raw_readers & servers


def test_nothing_is_granted_to_everyone_but_a_call_on_one_machine(stack: str, record: Record) -> None:
    found = [
        (kind, inputs.get("role"))
        for kind, _, inputs in record.resources
        if any(value in ("allUsers", "allAuthenticatedUsers") for _, value in walk(inputs))
    ]
    open_invoker = ("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", "roles/run.invoker")
    assert found == ([open_invoker] if stack == "local" else [])


def test_prod_protects_what_holds_data(models: Path) -> None:
    record = declared(stack_settings("prod"))
    for bucket in record.of("gcp:storage/bucket:Bucket").values():
        assert bucket["forceDestroy"] is False
    for resource_type, count in (("gcp:cloudrunv2/service:Service", 1), ("gcp:cloudrunv2/job:Job", 3)):
        assert [inputs["deletionProtection"] for inputs in record.of(resource_type).values()] == [True] * count
    for secret in record.of("gcp:secretmanager/secret:Secret").values():
        assert secret["deletionProtection"] is True


def test_prod_keeps_all_data_in_its_region(models: Path) -> None:
    record = declared(stack_settings("prod"))
    places = {
        str(value).lower()
        for _, _, inputs in record.resources
        for key, value in walk(inputs)
        if key.rpartition(".")[2] in ("location", "region")
    }
    assert places == {"europe-west1"}


def test_a_preview_knows_who_is_granted_what(models: Path) -> None:
    """Policies decide in the preview only what is known there: members, roles and the service's identity must be."""
    record = declared(stack_settings("prod"), preview=True)
    own_grants = [
        inputs for t, name, inputs in record.resources if "member" in inputs and "reads" in name or "writes" in name
    ]
    assert own_grants and all("@" in inputs["member"] and inputs["role"] for inputs in own_grants)
    service = record.one("gcp:cloudrunv2/service:Service", "scorer")
    assert service["template"]["serviceAccount"] == "orderguard-prod-scorer@orderguard-prod.iam.gserviceaccount.com"


def test_staging_and_prod_differ_by_settings_alone(models: Path) -> None:
    """The same settings under another name give the same resources: nothing in the program asks which stack it is."""
    prod = stack_settings("prod")
    renamed = stack_settings("prod", environment="staging")
    assert prod.environment != renamed.environment
    assert declared(prod).inventory() == declared(renamed).inventory()


def test_wrong_settings_declare_nothing() -> None:
    with pytest.raises(ValueError, match="minInstances is above"):
        declare(lambda: platform(stack_settings("local", minInstances=5, maxInstances=1)))


def test_the_page_lists_each_component() -> None:
    page = (ROOT / "docs" / "technical" / "infrastructure.md").read_text()
    listed = set(re.findall(r"\w+", " ".join(re.findall(r"^\| `\w+\.py`.*? \| ([\w, ]+) \|", page, re.MULTILINE))))
    missing = [
        f"add {name} ({path.name}) to docs/technical/infrastructure.md"
        for path in sorted((ROOT / "infra").glob("*.py"))
        for name in re.findall(r"^class (\w+)\(Component\)", path.read_text(), re.MULTILINE)
        if name not in listed
    ]
    assert not missing
