"""Which images may run at all (Binary Authorization), for stacks that name an attestor."""

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings


class ImageAdmission(Component):
    """Only images that the attestor has signed may run in the project; anything else is blocked and put on record.

    The attestor and its key belong to the bootstrap stack: who may sign must not be decided by what is to be signed.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        gcp.binaryauthorization.Policy(
            name,
            project=settings.project,
            description="Only images that the release pipeline has signed",
            global_policy_evaluation_mode="ENABLE",
            default_admission_rule={
                "evaluation_mode": "REQUIRE_ATTESTATION",
                "enforcement_mode": "ENFORCED_BLOCK_AND_AUDIT_LOG",
                "require_attestations_bies": [settings.attestor],
            },
            opts=self.within,
        )
        self.register_outputs({})
