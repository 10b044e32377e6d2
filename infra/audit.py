"""The record of who read what, kept by Google Cloud itself, and alerts on changes of who may."""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.alerts import Condition, Lines
from infra.component import Component
from infra.config import Settings
from infra.observability import AlertChannels

AUDITED = ("secretmanager.googleapis.com", "storage.googleapis.com")
# Who asks Memorystore for a Redis' password, and what is done with stores; commands to a server are not recorded.
AUDITED_STORES = {"redis": "redis.googleapis.com", "valkey": "memorystore.googleapis.com"}

ADVICE = "Changes are made by the deploy identity alone. The audit log names who made this one."
# What changed: the lines of the audit log (CIS Google Cloud Foundations 5.0: 2.5–2.7, 2.11).
CHANGES = {
    "ownership": 'protoPayload.serviceName="cloudresourcemanager.googleapis.com"'
    ' AND protoPayload.serviceData.policyDelta.bindingDeltas.role="roles/owner"',
    "audit-logs": 'protoPayload.methodName="SetIamPolicy"'
    " AND protoPayload.serviceData.policyDelta.auditConfigDeltas:*",
    "custom-roles": 'resource.type="iam_role" AND protoPayload.methodName:"Role"',
    "bucket-access": 'resource.type="gcs_bucket" AND protoPayload.methodName="storage.setIamPermissions"',
    "account-access": 'protoPayload.serviceName="iam.googleapis.com" AND protoPayload.methodName:"SetIAMPolicy"',
    # What runs as the stack's identities: a deployment changes it, and nobody else has to.
    "what-runs": 'protoPayload.serviceName=("run.googleapis.com" OR "workflows.googleapis.com"'
    ' OR "cloudscheduler.googleapis.com") AND protoPayload.methodName=~"(Create|Update|Replace)(Service|Job|Workflow)"',
}


def data_access_logs(name: str, project: str, services: Sequence[str], opts: pulumi.ResourceOptions) -> None:
    """Has Google Cloud record who reads and writes what these services hold."""
    for service in services:
        gcp.projects.IAMAuditConfig(
            f"{name}-{service.split('.')[0]}",
            project=project,
            service=service,
            audit_log_configs=[{"log_type": kind} for kind in ("ADMIN_READ", "DATA_READ", "DATA_WRITE")],
            opts=opts,
        )


class AuditLogs(Component):
    """Data access logs for the services that hold what is worth stealing: orders and models, keys, and histories.

    They are part of the project's policy: where somebody deploys for the stack, the bootstrap stack has them.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        of_stores = sorted(AUDITED_STORES[engine] for engine in settings.history_engines)
        data_access_logs(name, settings.project, (*AUDITED, *of_stores), self.within)
        self.register_outputs({})


class ChangeAlerts(Component):
    """Tells the team when somebody changes who owns the project, what is audited, a role or a bucket's readers."""

    def __init__(
        self, name: str, settings: Settings, channels: AlertChannels, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        for change, lines in CHANGES.items():
            condition = Condition(f"a change of {change.replace('-', ' ')}", Lines(lines), ADVICE, "WARNING")
            gcp.monitoring.AlertPolicy(
                f"alert-{change}-changes",
                display_name=f"{settings.name()}: {condition.title}",
                combiner="OR",
                conditions=[condition.arguments],
                notification_channels=channels.names,
                documentation={"content": condition.advice, "mime_type": "text/markdown"},
                alert_strategy=condition.strategy,
                severity=condition.severity,
                opts=self.within,
            )
        self.register_outputs({})
