"""The record of who read what, kept by Google Cloud itself."""

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings

AUDITED = ("secretmanager.googleapis.com", "storage.googleapis.com")


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
