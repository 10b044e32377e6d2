"""The reminder that a key is due for rotation."""

from datetime import UTC, datetime, timedelta

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings
from infra.project import service_agent

KEPT_DAYS = 31


class RotationReminder(Component):
    """A topic that Secret Manager writes to when a secret is due. It carries names of secrets, never values.

    Secret Manager writes there whatever happens to a secret, a new version and a test message among it. The
    subscription lets through that one is due, and keeps that until somebody has acknowledged it.

    Nothing rotates by itself: callers have to change over while both keys are accepted. Whoever gets the alert runs
    `make secrets ROTATE=…` and deploys.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._days = settings.rotation_reminder_days
        self.period = f"{self._days * 86_400}s"
        topic = gcp.pubsub.Topic(
            name,
            name=settings.name(name),
            message_storage_policy={"allowed_persistence_regions": [settings.region]},
            opts=self.within,
        )
        grant = gcp.pubsub.TopicIAMMember(
            f"secret-manager-writes-{name}",
            topic=topic.name,
            role="roles/pubsub.publisher",
            member=service_agent(settings, "gcp-sa-secretmanager"),
            opts=self.within,
        )
        self.subscription_name: pulumi.Output[str] = gcp.pubsub.Subscription(
            name,
            name=settings.name(name),
            topic=topic.id,
            filter='attributes.eventType = "SECRET_ROTATE"',
            message_retention_duration=f"{KEPT_DAYS * 86_400}s",
            # Never: nobody pulls until a key is due, and after a month of that Pub/Sub would delete it.
            expiration_policy={"ttl": ""},
            opts=self.within,
        ).name
        # Secret Manager tries the topic when a secret is made: whoever takes the id waits for the grant.
        self.topic_id: pulumi.Output[str] = pulumi.Output.all(topic.id, grant.id).apply(lambda ids: str(ids[0]))
        self.register_outputs({})

    def next_time(self) -> str:
        """When a secret that is made now is due, in RFC 3339. It is asked for once: a secret ignores later answers."""
        due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=self._days)
        return due.isoformat().replace("+00:00", "Z")
