"""The prediction log: what the service scored, kept for the time that the stack says."""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings
from infra.hooks import HooksService
from infra.scoring import ScoringService


class PredictionLog(Component):
    """A log bucket of its own for score lines, so that they outlive the project's other logs and can be queried.

    A score line names an order by its token: the service has masked everything else before it writes a line, and the
    filter lets nothing but score, drift and shadow lines in.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        services: Sequence[ScoringService | HooksService],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        bucket = gcp.logging.ProjectBucketConfig(
            name,
            project=settings.project,
            location=settings.region,
            bucket_id=settings.name(name),
            retention_days=settings.log_retention_days,
            enable_analytics=True,
            description="Scores, drift and shadow scores of the scoring service",
            opts=self.within,
        )
        gcp.logging.ProjectSink(
            name,
            name=settings.name(name),
            destination=pulumi.Output.concat("logging.googleapis.com/", bucket.id),
            filter=pulumi.Output.all(*(lines_of(one.name, "score", "drift", "shadow") for one in services)).apply(_any),
            unique_writer_identity=True,
            opts=self.within,
        )
        self.register_outputs({})


def _any(filters: Sequence[str]) -> str:
    return filters[0] if len(filters) == 1 else " OR ".join(f"({one})" for one in filters)


def lines_of(service: pulumi.Output[str], *events: str) -> pulumi.Output[str]:
    """The logging filter for the service's own lines about these events."""
    wanted = " OR ".join(f'"{event}"' for event in events)
    return service.apply(
        lambda name: 'resource.type="cloud_run_revision"'
        f' AND resource.labels.service_name="{name}" AND jsonPayload.event=({wanted})'
    )
