"""The record of who read what, kept by Google Cloud itself, and alerts on changes of who may."""

import pulumi
import pulumi_gcp as gcp

from infra.alerts import any_lines
from infra.component import Component
from infra.config import Settings
from infra.observability import AlertChannels

AUDITED = ("secretmanager.googleapis.com", "storage.googleapis.com")

# What changed: the resource that the log names, and the lines (CIS Google Cloud Foundations 5.0: 2.5–2.7, 2.11).
CHANGES = {
    "ownership": (
        "project",
        'protoPayload.serviceName="cloudresourcemanager.googleapis.com"'
        ' AND protoPayload.serviceData.policyDelta.bindingDeltas.role="roles/owner"',
    ),
    "audit-logs": (
        "project",
        'protoPayload.methodName="SetIamPolicy" AND protoPayload.serviceData.policyDelta.auditConfigDeltas:*',
    ),
    "custom-roles": ("iam_role", 'resource.type="iam_role" AND protoPayload.methodName:"Role"'),
    "bucket-access": (
        "gcs_bucket",
        'resource.type="gcs_bucket" AND protoPayload.methodName="storage.setIamPermissions"',
    ),
}


class AuditLogs(Component):
    """Data access logs for the two services that hold what is worth stealing: orders and models, and keys."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        for service in AUDITED:
            gcp.projects.IAMAuditConfig(
                f"{name}-{service.split('.')[0]}",
                project=settings.project,
                service=service,
                audit_log_configs=[{"log_type": kind} for kind in ("ADMIN_READ", "DATA_READ", "DATA_WRITE")],
                opts=self.within,
            )
        self.register_outputs({})


class ChangeAlerts(Component):
    """Tells the team when somebody changes who owns the project, what is audited, a role or a bucket's readers."""

    def __init__(
        self, name: str, settings: Settings, channels: AlertChannels, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        for change, (resource_type, lines) in CHANGES.items():
            metric = gcp.logging.Metric(
                f"{change}-changes",
                name=settings.name(f"{change}-changes"),
                filter=lines,
                metric_descriptor={"metric_kind": "DELTA", "value_type": "INT64", "unit": "1"},
                opts=self.within,
            )
            counted = pulumi.Output.concat(
                f'resource.type="{resource_type}" AND metric.type="logging.googleapis.com/user/', metric.name, '"'
            )
            title = f"a change of {change.replace('-', ' ')}"
            gcp.monitoring.AlertPolicy(
                f"alert-{change}-changes",
                display_name=f"{settings.name()}: {title}",
                combiner="OR",
                conditions=[{"display_name": title, "condition_threshold": any_lines(counted)}],
                notification_channels=channels.names,
                documentation={
                    "content": "Changes are made by the deploy identity alone. The audit log names who made this one.",
                    "mime_type": "text/markdown",
                },
                severity="WARNING",
                opts=self.within,
            )
        self.register_outputs({})
