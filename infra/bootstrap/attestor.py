"""Whose signature says that an image came from the release pipeline."""

import pulumi
import pulumi_gcp as gcp

from infra.bootstrap.github import Identities
from infra.bootstrap.settings import Settings
from infra.bootstrap.state import LABELS
from infra.component import Component

NAME = "built-by-deploy"


class Attestor(Component):
    """A Binary Authorization attestor and the key that the deploy identity signs image digests with.

    The public half is put into the attestor by `gcloud container binauthz attestors public-keys add` (see the docs): it
    exists only once the key does. Stacks name the attestor in `orderguard:attestor`.
    """

    def __init__(
        self, name: str, settings: Settings, identities: Identities, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        protected = pulumi.ResourceOptions.merge(self.within, pulumi.ResourceOptions(protect=True))
        note = gcp.containeranalysis.Note(
            name,
            name=NAME,
            project=settings.project,
            attestation_authority={
                "hint": {"human_readable_name": "Built, scanned and tested by the release pipeline"}
            },
            opts=self.within,
        )
        attestor = gcp.binaryauthorization.Attestor(
            name,
            name=NAME,
            project=settings.project,
            attestation_authority_note={"note_reference": note.name},
            # Else an `up` after a refresh would take the public half out again, and nothing could be deployed.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["attestationAuthorityNote.publicKeys"]),
        )
        ring = gcp.kms.KeyRing(name, name=NAME, project=settings.project, location=settings.region, opts=protected)
        key = gcp.kms.CryptoKey(
            name,
            name="signature",
            key_ring=ring.id,
            purpose="ASYMMETRIC_SIGN",
            version_template={"algorithm": "EC_SIGN_P256_SHA256", "protection_level": "SOFTWARE"},
            labels=LABELS,
            opts=protected,
        )
        gcp.kms.CryptoKeyIAMMember(
            "deploy-signs-images",
            crypto_key_id=key.id,
            # gcloud reads the public half to find out how to sign.
            role="roles/cloudkms.signerVerifier",
            member=pulumi.Output.concat("serviceAccount:", identities.deploy),
            opts=self.within,
        )
        self.id: pulumi.Output[str] = attestor.name.apply(
            lambda found: f"projects/{settings.project}/attestors/{found}"
        )
        self.key_id: pulumi.Output[str] = key.id
        self.register_outputs({"id": self.id})
