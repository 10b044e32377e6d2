"""Which images may run at all (Binary Authorization), for stacks that name an attestor."""

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings


def signed_images_only(name: str, project: str, attestor: str, opts: pulumi.ResourceOptions) -> None:
    """Let images alone run in the project that the attestor has signed; anything else is blocked and put on record."""
    gcp.binaryauthorization.Policy(
        name,
        project=project,
        description="Only images that the release pipeline has signed",
        global_policy_evaluation_mode="ENABLE",
        default_admission_rule={
            "evaluation_mode": "REQUIRE_ATTESTATION",
            "enforcement_mode": "ENFORCED_BLOCK_AND_AUDIT_LOG",
            "require_attestations_bies": [attestor],
        },
        opts=opts,
    )


class ImageAdmission(Component):
    """Only images that the attestor has signed may run in the project.

    The attestor and its key belong to the bootstrap stack, and where somebody deploys for the stack this policy does,
    too: who may sign, and whether that counts, must not be decided by what is to be signed.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        signed_images_only(name, settings.project, settings.attestor, self.within)
        self.register_outputs({})
