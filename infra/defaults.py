"""What every resource of the program gets without asking: the stack's labels, and its API switched on before it."""

from collections.abc import Mapping

import pulumi

from infra.services import ProjectServices

# The types that carry labels, and the input that holds them.
LABELS_INPUT = {
    "gcp:artifactregistry/repository:Repository": "labels",
    "gcp:cloudrunv2/job:Job": "labels",
    "gcp:cloudrunv2/service:Service": "labels",
    "gcp:compute/address:Address": "labels",
    "gcp:compute/forwardingRule:ForwardingRule": "labels",
    "gcp:compute/globalAddress:GlobalAddress": "labels",
    "gcp:compute/globalForwardingRule:GlobalForwardingRule": "labels",
    "gcp:eventarc/trigger:Trigger": "labels",
    "gcp:kms/cryptoKey:CryptoKey": "labels",
    "gcp:memorystore/instance:Instance": "labels",
    "gcp:monitoring/alertPolicy:AlertPolicy": "user_labels",
    "gcp:monitoring/customService:CustomService": "user_labels",
    "gcp:monitoring/notificationChannel:NotificationChannel": "user_labels",
    "gcp:monitoring/slo:Slo": "user_labels",
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": "user_labels",
    "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy": "labels",
    "gcp:pubsub/subscription:Subscription": "labels",
    "gcp:pubsub/topic:Topic": "labels",
    "gcp:redis/instance:Instance": "labels",
    "gcp:secretmanager/secret:Secret": "labels",
    "gcp:storage/bucket:Bucket": "labels",
    "gcp:workflows/workflow:Workflow": "labels",
}


def set_defaults(labels: Mapping[str, str], services: ProjectServices) -> None:
    """Give every resource that is declared from now on the labels, and make it wait for its API."""

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        package, _, rest = args.type_.partition(":")
        if package != "gcp":
            return None
        props, opts = dict(args.props), args.opts
        if args.type_ in LABELS_INPUT:
            name = LABELS_INPUT[args.type_]
            props[name] = dict(labels)
        switched_on = services.by_module.get(rest.partition("/")[0])
        if switched_on:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=switched_on))
        return pulumi.ResourceTransformationResult(props, opts)

    pulumi.runtime.register_stack_transformation(transform)
