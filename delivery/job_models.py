"""Models that the stack's own training job made: its champion, taken from the model bucket.

The job trains on the raw bucket under the stack's own key, signs what it made, and names the champion where no gate
failed, which it signs with the time. A deployment takes it only where both signatures are of the stack's key in Cloud
KMS, the manifest is the signed one, the image that trained it is the one that the stack's job runs (one that the
pipeline released), and no champion that was named later was deployed before: so who may write to the bucket can neither
put a model there nor put an older one back.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from delivery.asking import ask, fetch_bytes
from delivery.deployment import JOB
from delivery.errors import DeliveryError, UsageError
from delivery.models import Record, models_folder
from delivery.stack import Stack, on_google_cloud
from delivery.tokens import google_headers
from delivery.traffic import live_service, serving
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.provider.resource import Refused
from infra.local.services import kms
from orderguard.example_orders import EXPECTED, ExpectedScores
from orderguard.features import FEATURE_SET_VERSION
from orderguard.model_signature import CHAMPION_SIGNATURE, SIGNATURE, Promoted, Signed, Trained, read_signed
from orderguard.model_version import CHAMPION, MANIFEST, Manifest, model_sha256

KMS = "https://cloudkms.googleapis.com"
STORAGE = "https://storage.googleapis.com"

Read = Callable[[str], bytes | None]
"""An object's name → its content, None where there is no such object."""


class NoChampion(DeliveryError):
    """The stack's job has named none yet."""


class UnsignedChampion(NoChampion):
    """The champion was named by a job from before champions were signed."""


def by_job(environment: Mapping[str, str]) -> bool:
    """Whether models come from the stack's own job. Raises `DeliveryError` for a word that means neither."""
    chosen = environment.get("MODEL", "")
    if chosen not in ("", "runner", JOB):
        raise UsageError(f"MODEL={chosen} is neither job (the stack's own training) nor runner (GitHub's).")
    return chosen == JOB


def champion(stack: Stack) -> Record:
    """The champion of the stack's own training job, checked. Raises `NoChampion` where there is none (or, as
    `UnsignedChampion`, none yet that is signed), `DeliveryError` for one that can't be trusted or that this code can't
    serve."""
    outputs = stack.outputs()
    read = _reader(stack, str(outputs.get("models_bucket", "")))
    deployed = max((one.promoted_at for one in live_service(stack).revisions()), key=_moment, default="")
    job = outputs.get("training_job") or "the stack is not deployed yet"
    content = read(CHAMPION_SIGNATURE)
    if content is None and deployed:
        raise DeliveryError(
            f"{CHAMPION_SIGNATURE} is gone from the model bucket of {stack.name}, and a champion was deployed before: "
            f"nothing is deployed. See in the audit log who took it away; a run of the job ({job}) recreates it."
        )
    if content is None and read(CHAMPION) is None:
        raise NoChampion(
            f"The training job of {stack.name} has named no champion yet: put orders into its raw bucket, and it "
            f"trains ({job})."
        )
    if content is None:
        raise UnsignedChampion(
            f"The champion of {stack.name} was named by a job from before champions were signed. Deploy this release, "
            f"then run the job ({job}): it trains again, and signs."
        )
    named = promoted(content, public_key(stack, outputs))
    if _moment(deployed) > named.promoted_at:
        raise DeliveryError(
            f"The model bucket of {stack.name} names {named.champion} the champion as of {named.promoted_at}, and one "
            f"that was named later ({deployed}) was deployed before: somebody has put an older one back. Nothing is "
            f"deployed. See in the audit log who wrote {CHAMPION_SIGNATURE}; a run of the job ({job}) recreates it."
        )
    found = _trained(stack, outputs, read, named.champion)
    if found.manifest_sha256 != named.manifest_sha256:
        raise DeliveryError(f"{named.champion}: its manifest is not the champion's that the job named; it stays out.")
    return replace(found, promoted_at=_text(named.promoted_at))


def expected_scores(stack: Stack, model: Record) -> dict[str, float]:
    """What a version says of the example orders, by their keys; empty for a version from before that was recorded.
    Raises `DeliveryError` where its files are not those of the record."""
    read = _reader(stack, str(stack.outputs().get("models_bucket", "")))
    folder = models_folder(stack.environment) / model.version

    def file(name: str) -> bytes:
        if model.source == JOB:
            return _required(read, f"{model.version}/{name}")
        try:
            return (folder / name).read_bytes()
        except OSError as problem:
            raise DeliveryError(f"{folder / name} can't be read: {problem.strerror}") from None

    manifest = file(MANIFEST)
    if hashlib.sha256(manifest).hexdigest() != model.manifest_sha256:
        raise DeliveryError(f"{model.version}: its manifest is not the recorded one; fetch or train the version again.")
    recorded = msgspec.json.decode(manifest, type=Manifest).files.get(EXPECTED)
    if recorded is None:
        return {}
    content = file(EXPECTED)
    if hashlib.sha256(content).hexdigest() != recorded:
        raise DeliveryError(f"{model.version}/{EXPECTED} is not what the manifest says; fetch or train it again.")
    return msgspec.json.decode(content, type=ExpectedScores).scores


def served(stack: Stack) -> Record | None:
    """The version that serves, checked as `champion` does, where the stack's own job has made it."""
    found = serving(live_service(stack))
    outputs = stack.outputs()
    read = _reader(stack, str(outputs.get("models_bucket", "")))
    if found is None or read(f"{found.model_version}/{SIGNATURE}") is None:
        return None
    return replace(_trained(stack, outputs, read, found.model_version), promoted_at=found.promoted_at)


def _trained(stack: Stack, outputs: Mapping[str, Any], read: Read, version: str) -> Record:
    """A version in the bucket, with the signature of who trained it checked."""
    manifest = _required(read, f"{version}/{MANIFEST}")
    signature = _required(read, f"{version}/{SIGNATURE}")
    verified(version, manifest, signature, public_key(stack, outputs), str(outputs.get("trainer_image", "")))
    known = msgspec.json.decode(manifest, type=Manifest)
    if known.feature_set_version != FEATURE_SET_VERSION:
        raise DeliveryError(
            f"{version} was trained for feature set {known.feature_set_version}, and this code computes "
            f"{FEATURE_SET_VERSION}: the job of this release has to train first. Deploy it with the pipeline's model "
            f"once (without MODEL=job), run the job {outputs.get('training_job')}, then this again."
        )
    sha256 = hashlib.sha256(manifest).hexdigest()
    return Record(version, known.commit or "", sha256, source=JOB, model_sha256=model_sha256(manifest))


def promoted(content: bytes, pem: bytes) -> Promoted:
    """Which version the job named, and when. Raises `DeliveryError` where the key is another."""
    try:
        found = read_signed(content, Promoted)
        _require_key(found, pem)
    except (ValueError, InvalidSignature):
        raise DeliveryError(
            f"{CHAMPION_SIGNATURE} is not signed by the stack's training job: who is the champion is not known, and "
            "nothing is deployed. A run of the job recreates it."
        ) from None
    return found.statement


def verified(version: str, manifest: bytes, signature: bytes, pem: bytes, image: str) -> Trained:
    """What the signature says. Raises `DeliveryError` where the key, the version, the manifest or the image that
    trained it is another."""
    try:
        found = read_signed(signature, Trained)
        _require_key(found, pem)
    except (ValueError, InvalidSignature):
        raise DeliveryError(
            f"{version} does not carry the signature of the stack's training job: it is not deployed."
        ) from None
    says = found.statement
    if (says.version, says.manifest_sha256) != (version, hashlib.sha256(manifest).hexdigest()):
        raise DeliveryError(f"{version}: its manifest is not the one that the training job signed; it stays out.")
    if "@sha256:" not in image or says.image.rpartition("@")[2] != image.rpartition("@")[2]:
        raise DeliveryError(
            f"{version} was trained by {says.image or 'an unknown image'}, and the stack's job is "
            f"{image or 'unknown'}: run the job, which trains with what was released."
        )
    return says


def _require_key(found: Signed[Trained] | Signed[Promoted], pem: bytes) -> None:
    key = load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise DeliveryError("The stack's key for signatures is no key on a curve.")
    key.verify(found.der, found.statement.digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def _moment(text: str) -> datetime:
    """A revision's own word of when its champion was named; long ago for none."""
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def public_key(stack: Stack, outputs: Mapping[str, Any]) -> bytes:
    """The public half of the key that the stack's training job signs with, as PEM."""
    version = str(outputs.get("model_signing_key", ""))
    if not version:
        raise DeliveryError(f"{stack.name} has no key for its models yet: a release from before it deployed the stack.")
    if not on_google_cloud(stack.environment):
        try:
            return kms.public_key(Cloud(home_from(stack.environment), stack.name), version)
        except Refused as refusal:
            raise DeliveryError(str(refusal)) from None
    status, body = ask(KMS, f"/v1/{version}/publicKey", google_headers())
    if status != 200:
        raise DeliveryError(f"{version} can't be read: {status or 'no connection'} {body.get('error', '')}")
    return str(body["pem"]).encode()


def _reader(stack: Stack, bucket: str) -> Read:
    if not bucket:
        return lambda name: None
    if not on_google_cloud(stack.environment):
        folder = Cloud(home_from(stack.environment), stack.name).bucket(bucket)
        return lambda name: (folder / name).read_bytes() if (folder / name).is_file() else None

    def read(name: str) -> bytes | None:
        path = f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}?alt=media"
        status, content = fetch_bytes(STORAGE, path, google_headers())
        if status not in (200, 404):
            raise DeliveryError(f"gs://{bucket}/{name} can't be read: {status or 'no connection'}")
        return content if status == 200 else None

    return read


def _required(read: Read, name: str) -> bytes:
    content = read(name)
    if content is None:
        raise DeliveryError(f"{name} is not in the model bucket: the champion is incomplete, or is not signed.")
    return content
