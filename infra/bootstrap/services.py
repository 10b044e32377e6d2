"""The APIs that the one-time stack and the first deployment need."""

import pulumi
import pulumi_gcp as gcp

from infra.bootstrap.settings import Settings
from infra.component import Component

APIS = (
    "binaryauthorization.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "containeranalysis.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
)
# Their service agents get rights from a stack, so each has to be made first, which its API does for nobody by itself.
AGENTS = (
    "artifactregistry.googleapis.com",
    "eventarc.googleapis.com",
    "memorystore.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "redis.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "sqladmin.googleapis.com",
)
OF_BACKFILLS = ("compute.googleapis.com", "dataflow.googleapis.com")


class Services(Component):
    """Switched on once and never off: other stacks of the project need them."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        for api in (*APIS, *AGENTS, *(OF_BACKFILLS if settings.backfill else ())):
            gcp.projects.Service(
                api.split(".")[0], project=settings.project, service=api, disable_on_destroy=False, opts=self.within
            )
        self.register_outputs({})

    def come_first(self) -> None:
        """Make everything that is declared from now on wait until the APIs are on."""

        def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
            opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(depends_on=[self]))
            return pulumi.ResourceTransformationResult(args.props, opts)

        pulumi.runtime.register_stack_transformation(transform)
