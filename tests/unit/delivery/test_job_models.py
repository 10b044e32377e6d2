"""A model of the stack's own training job is deployed only with that job's signature, of what was released."""

import hashlib
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from delivery import job_models
from delivery.errors import DeliveryError
from delivery.job_models import NoChampion, by_job, champion, verified
from delivery.stack import Stack
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.model_signature import Statement, signed
from tests.unit.delivery.manifests import manifest

KEY, STRANGERS = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
IMAGE = "europe-west1-docker.pkg.dev/p/r/orderguard-train@sha256:" + "a" * 64
WHOLE = msgspec.json.encode(
    msgspec.structs.replace(manifest("v1"), feature_set_version=FEATURE_SET_VERSION, feature_names=list(FEATURE_NAMES))
)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def signature(key: ec.EllipticCurvePrivateKey = KEY, **changed: str) -> bytes:
    """What the job writes for `WHOLE`."""
    says = {"version": "v1", "manifest_sha256": hashlib.sha256(WHOLE).hexdigest(), "image": IMAGE}
    statement = Statement(**{**says, **changed})
    return signed(statement, "k/1", key.sign(statement.digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256()))))


def test_what_the_job_signed_is_taken() -> None:
    assert verified("v1", WHOLE, signature(), pem(KEY), IMAGE).statement.version == "v1"
    elsewhere = IMAGE.replace("europe-west1", "europe-west4")
    assert verified("v1", WHOLE, signature(), pem(KEY), elsewhere), "the same bytes in another registry"


@pytest.mark.parametrize(
    ("version", "content", "given", "image", "told"),
    [
        ("v1", WHOLE, signature(STRANGERS), IMAGE, "does not carry the signature"),
        ("v1", WHOLE, b"{}", IMAGE, "does not carry the signature"),
        ("v1", WHOLE, signature().replace(b"v1", b"v2"), IMAGE, "does not carry the signature"),
        ("v1", WHOLE + b" ", signature(), IMAGE, "its manifest is not the one"),
        ("v2", WHOLE, signature(), IMAGE, "its manifest is not the one"),
        ("v1", WHOLE, signature(), IMAGE.replace("a" * 64, "b" * 64), "run the job"),
        ("v1", WHOLE, signature(image=""), IMAGE, "trained by an unknown image"),
        ("v1", WHOLE, signature(image="orderguard-train:latest"), "orderguard-train:latest", "run the job"),
    ],
)
def test_anything_else_is_not(version: str, content: bytes, given: bytes, image: str, told: str) -> None:
    with pytest.raises(DeliveryError, match=told):
        verified(version, content, given, pem(KEY), image)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    objects = {"CHAMPION": b"v1\n", "v1/manifest.json": WHOLE, "v1/signature.json": signature()}
    outputs: dict[str, Any] = {"trainer_image": IMAGE, "training_job": "trainer"}
    monkeypatch.setattr(Stack, "outputs", lambda self: outputs)
    monkeypatch.setattr(job_models, "_reader", lambda stack, name: objects.get)
    monkeypatch.setattr(job_models, "public_key", lambda stack, found: pem(KEY))
    return objects


def test_the_jobs_champion_is_recorded_as_the_jobs(bucket: dict[str, bytes]) -> None:
    found = champion(Stack("prod"))
    assert (found.version, found.source, found.run) == ("v1", "job", "")
    assert found.manifest_sha256 == hashlib.sha256(WHOLE).hexdigest()


def test_a_stack_whose_job_has_named_none_says_how_to_get_one(bucket: dict[str, bytes]) -> None:
    del bucket["CHAMPION"]
    with pytest.raises(NoChampion, match="put orders into its raw bucket"):
        champion(Stack("prod"))


def test_a_champion_without_a_signature_is_not_whole(bucket: dict[str, bytes]) -> None:
    del bucket["v1/signature.json"]
    with pytest.raises(DeliveryError, match="v1/signature.json is not in the model bucket"):
        champion(Stack("prod"))


def test_a_champion_of_other_features_has_to_be_trained_anew(bucket: dict[str, bytes]) -> None:
    former = msgspec.json.encode({**msgspec.json.decode(WHOLE), "feature_set_version": "0"})
    bucket["v1/manifest.json"] = former
    bucket["v1/signature.json"] = signature(manifest_sha256=hashlib.sha256(former).hexdigest())
    with pytest.raises(DeliveryError, match="trained for feature set 0, .* has to train first"):
        champion(Stack("prod"))


def test_the_word_that_chooses_is_checked() -> None:
    assert by_job({"MODEL": "job"}) and not by_job({}) and not by_job({"MODEL": "runner"})
    with pytest.raises(DeliveryError, match="MODEL=jobs is neither"):
        by_job({"MODEL": "jobs"})
