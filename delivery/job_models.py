"""Models that the stack's own training job made: its champion, taken from the model bucket.

The job trains on the raw bucket under the stack's own key, signs what it made, and names the champion where no gate
failed. A deployment takes it only where the signature is that of the stack's key in Cloud KMS, the manifest is the
signed one, and the image that trained it is the one that the stack's job runs: one that the pipeline released.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from delivery.asking import access_token, ask, fetch_bytes
from delivery.errors import DeliveryError
from delivery.models import Record
from delivery.stack import Stack, on_google_cloud
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.provider.resource import Refused
from infra.local.services import kms
from orderguard.features import FEATURE_SET_VERSION
from orderguard.model_signature import SIGNATURE, Signed, read_signed
from orderguard.model_version import CHAMPION, MANIFEST, Manifest

JOB = "job"
"""What MODEL says where the stack's own training job makes the models; `runner`, or nothing, where GitHub does."""
KMS = "https://cloudkms.googleapis.com"
STORAGE = "https://storage.googleapis.com"

Read = Callable[[str], bytes | None]
"""An object's name → its content, None where there is no such object."""


class NoChampion(DeliveryError):
    """The stack's job has named none yet."""


def by_job(environment: Mapping[str, str]) -> bool:
    """Whether models come from the stack's own job. Raises `DeliveryError` for a word that means neither."""
    chosen = environment.get("MODEL", "")
    if chosen not in ("", "runner", JOB):
        raise DeliveryError(f"MODEL={chosen} is neither job (the stack's own training) nor runner (GitHub's).")
    return chosen == JOB


def champion(stack: Stack) -> Record:
    """The champion of the stack's own training job, checked. Raises `NoChampion` where there is none, `DeliveryError`
    for one that can't be trusted or that this code can't serve."""
    outputs = stack.outputs()
    read = _reader(stack, str(outputs.get("models_bucket", "")))
    version = (read(CHAMPION) or b"").decode().strip()
    if not version:
        raise NoChampion(
            f"The training job of {stack.name} has named no champion yet: put orders into its raw bucket, and it "
            f"trains ({outputs.get('training_job') or 'the stack is not deployed yet'})."
        )
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
    return Record(version, known.commit or "", hashlib.sha256(manifest).hexdigest(), source=JOB)


def verified(version: str, manifest: bytes, signature: bytes, pem: bytes, image: str) -> Signed:
    """What the signature says. Raises `DeliveryError` where the key, the version, the manifest or the image that
    trained it is another."""
    try:
        found = read_signed(signature)
        key = load_pem_public_key(pem)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise DeliveryError(f"{version}: the stack's key for signatures is no key on a curve.")
        key.verify(found.der, found.statement.digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
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
    return found


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
    status, body = ask(KMS, f"/v1/{version}/publicKey", {"Authorization": f"Bearer {access_token()}"})
    if status != 200:
        raise DeliveryError(f"{version} can't be read: {status or 'no connection'} {body.get('error', '')}")
    return str(body["pem"]).encode()


def _reader(stack: Stack, bucket: str) -> Read:
    if not bucket:
        return lambda name: None
    if not on_google_cloud(stack.environment):
        folder = Cloud(home_from(stack.environment), stack.name).bucket(bucket)
        return lambda name: (folder / name).read_bytes() if (folder / name).is_file() else None
    token = access_token()

    def read(name: str) -> bytes | None:
        path = f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}?alt=media"
        status, content = fetch_bytes(STORAGE, path, {"Authorization": f"Bearer {token}"})
        if status not in (200, 404):
            raise DeliveryError(f"gs://{bucket}/{name} can't be read: {status or 'no connection'}")
        return content if status == 200 else None

    return read


def _required(read: Read, name: str) -> bytes:
    content = read(name)
    if content is None:
        raise DeliveryError(f"{name} is not in the model bucket: the champion is not whole, or is not signed.")
    return content
