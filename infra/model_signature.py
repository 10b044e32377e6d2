"""What the training job signs its models with."""

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings
from infra.identity import Identity

NAME = "model-signature"


class ModelSignature(Component):
    """A key in Cloud KMS that the training job signs each version's manifest with: nobody else may.

    A deployment takes a model of the job's only with this signature. It needs the public half alone.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        trainer: Identity,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        protected = pulumi.ResourceOptions(parent=self, protect=settings.deletion_protection)
        # A ring of its own: that of the data's key is there only where the stack asks for it.
        ring = gcp.kms.KeyRing(name, name=settings.name("models"), location=settings.region, opts=protected)
        self.key = gcp.kms.CryptoKey(
            name,
            name=NAME,
            key_ring=ring.id,
            purpose="ASYMMETRIC_SIGN",
            version_template={"algorithm": "EC_SIGN_P256_SHA256", "protection_level": "SOFTWARE"},
            opts=protected,
        )
        if settings.grants_itself:  # else infra/bootstrap/stack_rights.py: who deploys could sign for the job
            gcp.kms.CryptoKeyIAMMember(
                f"trainer-signs-{name}",
                crypto_key_id=self.key.id,
                role="roles/cloudkms.signer",
                member=trainer.member,
                opts=self.within,
            )
        self.version: pulumi.Output[str] = pulumi.Output.concat(self.key.id, "/cryptoKeyVersions/1")
        self.register_outputs({"version": self.version})
