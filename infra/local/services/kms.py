"""Cloud KMS: keys for data at rest. Declared: the local cloud seals what it keeps with a key of its own."""

import re
from collections.abc import Iterator

from infra.local.provider.access import triple
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found


def _rotation(inputs: Inputs) -> Iterator[Problem]:
    for where, period in found(inputs, "rotationPeriod"):
        seconds = re.fullmatch(r"(\d+)(\.\d{1,9})?s", period)
        if not seconds:
            yield where, f"Invalid rotation period format: {period}"
        elif int(seconds[1]) < 86400:
            yield where, "Rotation period must be greater than one day"


def _primary(inputs: Inputs, place: Place) -> Values:
    return {"primaries": [{"name": f"{place.id}/cryptoKeyVersions/1", "state": "ENABLED"}]}


RESOURCES = {
    "gcp:kms/keyRing:KeyRing": Resource(id="projects/{project}/locations/{location}/keyRings/{name}", name="name"),
    "gcp:kms/cryptoKey:CryptoKey": Resource(
        id="{keyRing}/cryptoKeys/{name}",
        name="name",
        defaults={"purpose": "ENCRYPT_DECRYPT"},
        rules=(_rotation,),
        outputs=_primary,
    ),
    **triple("gcp:kms/cryptoKeyIAM", "{cryptoKeyId}"),
    **triple("gcp:kms/keyRingIAM", "{keyRingId}"),
}
