"""Small providers beside Google's: what they draw, make and run, and what they refuse."""

import importlib
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pulumi.runtime.proto import provider_pb2

from infra.local.cloud import Cloud
from infra.local.engine.environment import STAND_INS, environment
from infra.local.provider.values import properties, struct
from infra.local.standins.server import StandIn


class Refusing:
    """The part of a gRPC context that a refusal uses."""

    def abort(self, code: Any, details: str) -> None:
        raise LookupError(details)


class Asker:
    """Makes, changes and removes a resource of a stand-in as the engine does."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def _server(self, token: str) -> StandIn:
        package = token.partition(":")[0]
        module = importlib.import_module(f"infra.local.standins.{package.replace('-', '_')}")
        return StandIn(package, self.cloud, module.kind, getattr(module, "call", None))

    def make(self, token: str, inputs: dict[str, Any], name: str = "x") -> dict[str, Any]:
        server, urn = self._server(token), f"urn:pulumi:dev::mine::{token}::{name}"
        refusing: Any = Refusing()
        checked = server.Check(provider_pb2.CheckRequest(urn=urn, news=struct(inputs)), refusing)
        if checked.failures:
            raise LookupError(checked.failures[0].reason)
        made = server.Create(provider_pb2.CreateRequest(urn=urn, properties=checked.inputs), refusing)
        return {"id": made.id, "raw": made.properties, **properties(made.properties)}

    def replaces(self, token: str, old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], list[str]]:
        request = provider_pb2.DiffRequest(
            urn=f"urn:pulumi:dev::mine::{token}::x", old_inputs=struct(old), news=struct(new)
        )
        answer = self._server(token).Diff(request, Refusing())  # type: ignore[arg-type]
        return list(answer.diffs), list(answer.replaces)

    def remove(self, token: str, made: dict[str, Any]) -> None:
        state = struct({name: value for name, value in made.items() if name not in ("id", "raw")})
        request = provider_pb2.DeleteRequest(urn=f"urn:pulumi:dev::mine::{token}::x", id=made["id"], properties=state)
        self._server(token).Delete(request, Refusing())  # type: ignore[arg-type]


@pytest.fixture
def stand_in(cloud: Cloud) -> Asker:
    return Asker(cloud)


def test_random_values_are_of_the_shape_that_is_asked_for(stand_in: Asker) -> None:
    text = stand_in.make("random:index/randomString:RandomString", {"length": 12, "special": False, "minNumeric": 3})
    assert len(text["result"]) == 12 and text["result"].isalnum() and sum(one.isdigit() for one in text["result"]) >= 3
    word = stand_in.make("random:index/randomPassword:RandomPassword", {"length": 20})
    assert word["id"] == "none" and word["raw"].fields["result"].WhichOneof("kind") == "struct_value"
    drawn = stand_in.make("random:index/randomId:RandomId", {"byteLength": 4, "prefix": "p-"})
    assert drawn["hex"] == f"p-{int(drawn['dec'].removeprefix('p-')):08x}"
    number = stand_in.make("random:index/randomInteger:RandomInteger", {"min": 3, "max": 3})
    assert number["result"] == 3
    listed = stand_in.make("random:index/randomShuffle:RandomShuffle", {"inputs": ["a", "b"], "resultCount": 5})
    assert len(listed["results"]) == 5 and set(listed["results"]) == {"a", "b"}
    pet = stand_in.make("random:index/randomPet:RandomPet", {"length": 3})
    assert len(pet["id"].split("-")) == 3
    with pytest.raises(LookupError, match='"length" is required'):
        stand_in.make("random:index/randomString:RandomString", {})
    assert stand_in.replaces("random:index/randomPet:RandomPet", {"length": 2}, {"length": 3}) == (
        ["length"],
        ["length"],
    )


def test_keys_and_certificates_fit_each_other(stand_in: Asker) -> None:
    key = stand_in.make("tls:index/privateKey:PrivateKey", {"algorithm": "ECDSA", "ecdsaCurve": "P256"})
    inputs = {"privateKeyPem": key["privateKeyPem"], "allowedUses": ["server_auth"], "validityPeriodHours": 1}
    names = {"subject": {"commonName": "a.example"}, "dnsNames": ["a.example"], "ipAddresses": ["127.0.0.1"]}
    own = stand_in.make("tls:index/selfSignedCert:SelfSignedCert", {**inputs, **names, "isCaCertificate": True})
    request = stand_in.make("tls:index/certRequest:CertRequest", {"privateKeyPem": key["privateKeyPem"], **names})
    signed = stand_in.make(
        "tls:index/locallySignedCert:LocallySignedCert",
        {
            "caCertPem": own["certPem"],
            "caPrivateKeyPem": key["privateKeyPem"],
            "certRequestPem": request["certRequestPem"],
            "allowedUses": ["server_auth"],
            "validityPeriodHours": 1,
        },
    )
    authority, leaf = (x509.load_pem_x509_certificate(one["certPem"].encode()) for one in (own, signed))
    leaf.verify_directly_issued_by(authority)
    with pytest.raises(LookupError, match="none of RSA"):
        stand_in.make("tls:index/privateKey:PrivateKey", {"algorithm": "DSA"})


def test_a_command_runs_here_and_nowhere_else(stand_in: Asker, tmp_path: Path) -> None:
    token = "command:local:Command"
    made = stand_in.make(
        token,
        {"create": "echo $A; touch made", "delete": "touch gone", "dir": str(tmp_path), "environment": {"A": "b"}},
    )
    assert made["stdout"] == "b" and (tmp_path / "made").exists()
    stand_in.remove(token, made)
    assert (tmp_path / "gone").exists()
    assert stand_in.replaces(token, {"triggers": [1]}, {"triggers": [2]}) == (["triggers"], ["triggers"])
    with pytest.raises(LookupError, match="exit status 3.*(\n.*)*the reason"):
        stand_in.make(token, {"create": "echo the reason; exit 3"})
    with pytest.raises(LookupError, match="another machine"):
        stand_in.make("command:remote:Command", {"create": "true"})


def test_an_image_of_docker_build_is_one_that_cloud_run_finds(stand_in: Asker, ask: Any, context_folder: Path) -> None:
    host = "europe-west1-docker.pkg.dev/a-project/images/web"
    with pytest.raises(LookupError, match='Repository "images" not found'):
        stand_in.make("docker-build:index:Image", {"tags": [f"{host}:1"], "context": {"location": str(context_folder)}})
    ask.create(
        "gcp:artifactregistry/repository:Repository",
        {"repositoryId": "images", "format": "DOCKER", "location": "europe-west1"},
    )
    inputs = {"tags": [f"{host}:1"], "context": {"location": str(context_folder)}}
    made = stand_in.make("docker-build:index:Image", inputs)
    assert made["ref"] == f"{host}@{made['digest']}"
    (context_folder / "server.py").write_text("print()")
    assert stand_in.make("docker-build:index:Image", inputs)["digest"] != made["digest"]
    with pytest.raises(LookupError, match="is an address"):
        stand_in.make("docker-build:index:Image", {"context": {"location": "https://github.com/a/b.git"}})


def test_objects_of_a_cluster_are_declared(stand_in: Asker) -> None:
    made = stand_in.make("kubernetes:core/v1:Service", {"spec": {"type": "LoadBalancer"}}, "web")
    assert made["metadata"]["name"].startswith("web-") and made["id"].startswith("default/web-")
    assert made["status"]["loadBalancer"]["ingress"][0]["ip"].startswith("203.0.113.")


def test_a_moment_is_noted_and_a_pause_takes_none(stand_in: Asker) -> None:
    made = stand_in.make("time:index/offset:Offset", {"baseRfc3339": "2026-01-31T00:00:00Z", "offsetDays": 1})
    assert made["rfc3339"] == "2026-02-01T00:00:00Z"
    assert stand_in.make("time:index/sleep:Sleep", {"createDuration": "1h"})["createDuration"] == "1h"


def test_an_unknown_type_of_a_stand_in_names_the_real_plugin(stand_in: Asker) -> None:
    with pytest.raises(LookupError, match="stand-in for random.*pulumi plugin install resource random"):
        stand_in.make("random:index/randomDice:RandomDice", {})


def test_installed_plugins_are_used_and_those_of_real_clouds_only_when_asked_for(tmp_path: Path) -> None:
    place = tmp_path / "plugins"
    place.mkdir()
    for name in ("random", "aws"):
        (place / f"pulumi-resource-{name}").write_text("#!/bin/sh\n")
        (place / f"pulumi-resource-{name}").chmod(0o755)
    linked = tmp_path / "theirs" / "plugins" / "resource-tls-v5.0.0"
    linked.mkdir(parents=True)
    given = {**os.environ, "PULUMI_HOME": str(tmp_path / "theirs"), "PATH": f"{place}:{os.environ['PATH']}"}
    launchers = tmp_path / "home" / "bin"
    environment(tmp_path / "home", variables=given)
    assert {f"pulumi-resource-{name}" for name in STAND_INS} - {path.name for path in launchers.iterdir()} == {
        "pulumi-resource-random",
        "pulumi-resource-tls",
    }
    assert "--provider aws" in (launchers / "pulumi-resource-aws").read_text()
    environment(tmp_path / "home", variables={**given, "LOCAL_CLOUD_PROVIDERS": "aws"})
    assert not (launchers / "pulumi-resource-aws").exists()
