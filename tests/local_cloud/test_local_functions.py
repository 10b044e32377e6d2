"""Functions answer from the cloud's own records, from what every project has, or from what the project tells."""

import base64
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from infra.local.provider.values import properties, struct


@pytest.fixture
def call(ask: Any) -> Any:
    """Ask a function as the engine does; its answer in plain values."""

    def asked(token: str, **arguments: Any) -> dict[str, Any]:
        service, _, name = token.partition(".")
        whole = f"gcp:{service}/{name}:{name}"
        request = provider_pb2.InvokeRequest(tok=whole, args=struct(arguments))
        answer = ask.providers["gcp"].Invoke(request, Refusing())
        return properties(getattr(answer, "return"))

    return asked


class Refusing:
    """The part of a gRPC context that a refusal uses."""

    def abort(self, code: Any, details: str) -> None:
        raise LookupError(details)


@pytest.mark.parametrize(
    ("token", "arguments", "wanted"),
    [
        ("organizations.getProject", {}, {"projectId": "a-project"}),
        ("organizations.getClientConfig", {}, {"project": "a-project", "region": "europe-west1"}),
        ("organizations.getOrganization", {"domain": "x.org"}, {"domain": "x.org"}),
        ("organizations.getBillingAccount", {"billingAccount": "A-B"}, {"id": "A-B", "open": True}),
        ("compute.getDefaultServiceAccount", {}, {"project": "a-project"}),
        ("compute.getZones", {"region": "us-central1"}, {"names": [f"us-central1-{one}" for one in "abcf"]}),
        ("compute.getZones", {}, {"names": [f"europe-west1-{one}" for one in "bcd"]}),
        ("compute.getZones", {"region": "europe-central2"}, {"names": [f"europe-central2-{one}" for one in "abc"]}),
        ("compute.getNetwork", {"name": "default"}, {"id": "projects/a-project/global/networks/default"}),
        ("compute.getSubnetwork", {"name": "default", "region": "us-east1"}, {"region": "us-east1"}),
        ("compute.getImage", {"family": "debian-12", "project": "debian-cloud"}, {"family": "debian-12"}),
        ("container.getEngineVersions", {"location": "us-east1", "versionPrefix": "1.33."}, {"versionPrefix": "1.33."}),
        ("container.getRegistryImage", {"name": "web", "tag": "1"}, {"imageUrl": "gcr.io/a-project/web:1"}),
    ],
)
def test_what_every_project_has_is_answered(call: Any, token: str, arguments: dict[str, Any], wanted: Any) -> None:
    assert wanted.items() <= call(token, **arguments).items()


def test_what_the_stack_made_is_read_from_its_records(ask: Any, call: Any) -> None:
    ask.create("gcp:storage/bucket:Bucket", {"name": "raw", "location": "EU"})
    ask.create("gcp:storage/bucketObject:BucketObject", {"bucket": "raw", "name": "a.txt", "content": "hello"}, "o")
    ask.create("gcp:secretmanager/secret:Secret", {"secretId": "key", "replication": {"auto": {}}}, "s")
    version = {"secret": "projects/a-project/secrets/key", "secretData": "opens"}
    ask.create("gcp:secretmanager/secretVersion:SecretVersion", version, "v")
    ask.create("gcp:pubsub/topic:Topic", {"name": "orders"}, "t")
    ask.create("gcp:compute/network:Network", {"name": "own", "autoCreateSubnetworks": False}, "n")

    assert call("storage.getBucket", name="raw")["location"] == "EU"
    content = call("storage.getBucketObjectContent", bucket="raw", name="a.txt")
    assert (content["content"], base64.b64decode(content["contentBase64"])) == ("hello", b"hello")
    assert [one["name"] for one in call("storage.getBucketObjects", bucket="raw")["bucketObjects"]] == ["a.txt"]
    assert call("secretmanager.getSecret", secretId="key")["id"] == "projects/a-project/secrets/key"
    for function in ("getSecretVersion", "getSecretVersionAccess"):
        assert call(f"secretmanager.{function}", secret="key")["secretData"] == "opens"
    assert call("pubsub.getTopic", name="orders")["id"] == "projects/a-project/topics/orders"
    assert call("compute.getNetwork", name="own")["name"] == "own"


def test_a_secret_that_is_read_stays_one(ask: Any) -> None:
    ask.create("gcp:secretmanager/secret:Secret", {"secretId": "key", "replication": {"auto": {}}}, "s")
    ask.create("gcp:secretmanager/secretVersion:SecretVersion", {"secret": "key", "secretData": "opens"}, "v")
    token = "gcp:secretmanager/getSecretVersion:getSecretVersion"
    request = provider_pb2.InvokeRequest(tok=token, args=struct({"secret": "key"}))
    answer = getattr(ask.providers["gcp"].Invoke(request, Refusing()), "return")
    assert answer.fields["secretData"].WhichOneof("kind") == "struct_value", "it is not marked"


@pytest.mark.parametrize(
    ("token", "arguments", "says"),
    [
        ("storage.getBucket", {"name": "none"}, "404: The specified bucket does not exist"),
        ("storage.getBucketObject", {"bucket": "b", "name": "x"}, "404: No such object: b/x"),
        ("secretmanager.getSecretVersion", {"secret": "none"}, "was not found"),
        ("compute.getNetwork", {"name": "other"}, "404.*getNetwork.*other.*orderguard-cloud.yaml"),
        ("compute.getZones", {"region": "mars-west1"}, "regions/mars-west1' was not found"),
        ("dns.getKeys", {"managedZone": "z"}, "does not answer gcp:dns/getKeys:getKeys.*orderguard-cloud.yaml"),
        ("nowhere.getNothing", {}, "does not answer gcp:nowhere/getNothing:getNothing"),
    ],
)
def test_what_is_not_there_or_not_known_is_refused_by_name(
    call: Any, token: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(LookupError, match=says):
        call(token, **arguments)


def test_the_project_tells_what_exists_before_its_program(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_PROJECT", str(tmp_path))
    (tmp_path / "orderguard-cloud.yaml").write_text(
        "answers:\n- {function: getKeys, arguments: {managedZone: z}, answer: {id: known, keySigningKeys: []}}\n"
    )
    assert call("dns.getKeys", managedZone="z")["id"] == "known"
    with pytest.raises(LookupError, match="does not answer"):
        call("dns.getKeys", managedZone="y")
    (tmp_path / "orderguard-cloud.yaml").write_text("answers: [\n")
    with pytest.raises(LookupError, match="is not YAML"):
        call("dns.getKeys", managedZone="z")


def test_a_provider_of_the_programs_own_brings_credentials_nowhere(ask: Any) -> None:
    given = {"project": "p", "impersonateServiceAccount": "a@b", "credentials": "{}", "accessToken": "t"}
    for name, kept in (("own", {"project", "impersonateServiceAccount"}), ("default_10_2_0", set(given))):
        urn = f"urn:pulumi:dev::mine::pulumi:providers:gcp::{name}"
        answer = ask.providers["gcp"].CheckConfig(provider_pb2.CheckRequest(urn=urn, news=struct(given)), None)
        assert set(answer.inputs.fields) == kept
        refused = {failure.property for failure in answer.failures}
        assert refused == (set() if name == "own" else {"credentials", "accessToken"})
