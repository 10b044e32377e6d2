"""How a stack is watched: log metrics, an uptime check, an objective, alert policies, a dashboard, a budget."""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.alerts import Watched, alert_conditions
from infra.backfill import Backfill
from infra.component import Component
from infra.config import Settings
from infra.dashboard import dashboard
from infra.project import project_number, service_agent
from infra.history_engine import OwnStore
from infra.hooks import HooksService
from infra.predictions import lines_of
from infra.reminder import RotationReminder
from infra.scoring import ScoringService
from infra.training import TrainingJob

OBJECTIVE = 0.995
OBJECTIVE_DAYS = 28


class AlertChannels(Component):
    """Where alerts go: the team's mailbox, channels that exist already, or both."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.names: list[pulumi.Input[str]] = list(settings.notification_channels)
        if settings.alert_email:
            mailbox = gcp.monitoring.NotificationChannel(
                "team",
                display_name=f"{settings.name()}: the team's mailbox",
                type="email",
                labels={"email_address": settings.alert_email},
                opts=self.within,
            )
            self.names.append(mailbox.id)
        self.register_outputs({})


class Observability(Component):
    """Tells the team when the service fails, is slow or sees other orders than it learnt from, and when a training
    or a backfill fails.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        service: ScoringService,
        job: TrainingJob,
        reminder: RotationReminder | None,
        store: OwnStore | None,
        channels: AlertChannels,
        hooks: HooksService | None = None,
        backfill: Backfill | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self._settings = settings
        self._service = service
        watched = Watched(
            service=service.name,
            job=job.name,
            reminders=reminder.subscription_name if reminder else None,
            store=store.metrics if store else {},
            hooks=hooks.name if hooks else None,
            uptime_check=self._uptime_check(),
            deliveries=self._deliveries(hooks) if hooks else None,
            backfills=backfill.name if backfill else "",
            **self._log_metrics(),
        )
        for alert, condition in alert_conditions(settings, watched).items():
            gcp.monitoring.AlertPolicy(
                alert,
                display_name=f"{settings.name()}: {condition.title}",
                combiner="OR",
                conditions=[condition.arguments],
                notification_channels=channels.names,
                documentation={"content": condition.advice, "mime_type": "text/markdown"},
                alert_strategy=condition.strategy,
                severity=condition.severity,
                opts=self.within,
            )
        self._objective()
        gcp.monitoring.Dashboard(name, dashboard_json=dashboard(settings, watched), opts=self.within)
        self.register_outputs({})

    def _log_metrics(self) -> dict[str, pulumi.Output[str]]:
        # A batch logs its anomalies alone; a line with a status stands for a request of one order, anomaly or not.
        one_order = pulumi.Output.concat(lines_of(self._service.name, "score"), " AND httpRequest.status=200")
        drift = pulumi.Output.concat(lines_of(self._service.name, "drift"), " AND jsonPayload.drifted=true")
        return {
            "scored": self._counter("scored-orders", one_order),
            "anomalies": self._counter("anomalies", pulumi.Output.concat(one_order, " AND jsonPayload.anomaly=true")),
            "drift": self._counter("drift", drift),
            "drift_lines": drift,
        }

    def _deliveries(self, hooks: HooksService) -> pulumi.Output[str]:
        """Webhooks by vendor and by what became of them: by their lines in the log, since a service that everybody may
        call has no /metrics.
        """
        return self._counter("hook-deliveries", lines_of(hooks.name, "hook"), ("vendor", "outcome"))

    def _counter(self, name: str, lines: pulumi.Output[str], labels: Sequence[str] = ()) -> pulumi.Output[str]:
        descriptor: gcp.logging.MetricMetricDescriptorArgsDict = {
            "metric_kind": "DELTA",
            "value_type": "INT64",
            "unit": "1",
        }
        if labels:
            descriptor["labels"] = [{"key": label, "value_type": "STRING"} for label in labels]
        return gcp.logging.Metric(
            name,
            name=self._settings.name(name),
            filter=lines,
            metric_descriptor=descriptor,
            label_extractors={label: f"EXTRACT(jsonPayload.{label})" for label in labels} or None,
            opts=self.within,
        ).name

    def _uptime_check(self) -> pulumi.Output[str]:
        """Ask /ready from outside: at the stack's domain, else at the service's address, as Google's own
        monitoring identity. Google keeps paths that end in z to itself, so /healthz and /readyz would not do.
        """
        settings, service = self._settings, self._service
        host = pulumi.Output.from_input(settings.domain) if settings.domain else service.url.apply(_host)
        gcp.cloudrunv2.ServiceIamMember(
            "monitoring-invokes-scorer",
            name=service.name,
            location=settings.region,
            role="roles/run.invoker",
            member=service_agent(settings, "gcp-sa-monitoring-notification"),
            opts=self.within,
        )
        return gcp.monitoring.UptimeCheckConfig(
            "uptime",
            display_name=pulumi.Output.concat(service.name, " answers"),
            timeout="10s",
            period="300s",
            http_check={
                "path": "/ready",
                "port": 443,
                "use_ssl": True,
                "validate_ssl": True,
                "service_agent_authentication": {"type": "OIDC_TOKEN"},
            },
            monitored_resource={"type": "uptime_url", "labels": {"project_id": settings.project, "host": host}},
            opts=self.within,
        ).uptime_check_id

    def _objective(self) -> None:
        """The share of requests over four weeks that the service answers without an error of its own."""
        settings, service = self._settings, self._service
        watched = gcp.monitoring.CustomService(
            "service",
            service_id=settings.name("scoring"),
            display_name=f"{settings.name()}: scoring",
            opts=self.within,
        )
        requests = service.name.apply(
            lambda name: 'metric.type="run.googleapis.com/request_count" AND resource.type="cloud_run_revision"'
            f' AND resource.labels.service_name="{name}"'
        )
        gcp.monitoring.Slo(
            "availability",
            service=watched.service_id,
            slo_id="availability",
            display_name=f"{OBJECTIVE:.1%} of requests are answered without a server error",
            goal=OBJECTIVE,
            rolling_period_days=OBJECTIVE_DAYS,
            request_based_sli={
                "good_total_ratio": {
                    "total_service_filter": requests,
                    "bad_service_filter": pulumi.Output.concat(
                        requests, ' AND metric.labels.response_code_class="5xx"'
                    ),
                }
            },
            opts=self.within,
        )


class Budget(Component):
    """Warns at half, at nine tenths and at all of the month's budget, and when the month is forecast to exceed it."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        channels: AlertChannels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        gcp.billing.Budget(
            name,
            billing_account=settings.billing_account,
            display_name=settings.name(),
            # By number: that is how Google answers, and an id would be a change to make at every refresh.
            budget_filter={"projects": [pulumi.Output.concat("projects/", project_number(settings))]},
            amount={
                "specified_amount": {"currency_code": settings.budget_currency, "units": str(settings.budget_amount)}
            },
            threshold_rules=[
                {"threshold_percent": 0.5},
                {"threshold_percent": 0.9},
                {"threshold_percent": 1.0},
                {"threshold_percent": 1.0, "spend_basis": "FORECASTED_SPEND"},
            ],
            all_updates_rule={"monitoring_notification_channels": channels.names} if channels.names else None,
            opts=self.within,
        )
        self.register_outputs({})


def _host(url: str) -> str:
    return url.removeprefix("https://").rstrip("/")
