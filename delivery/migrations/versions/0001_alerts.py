"""Alerts, what was done with them, and outcomes."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer_token", sa.Text, nullable=False),
        sa.Column("device_token", sa.Text),
        sa.Column("sealed_order", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("placed_at", sa.BigInteger, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("threshold", sa.Float, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("risk", sa.Float, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("fact", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("country", sa.Text),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="new"),
        sa.Column("taken_by", sa.Text),
        sa.Column("taken_at", sa.BigInteger),
        sa.Column("closed_by", sa.Text),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("outcome", sa.Text),
        sa.Column("note", sa.Text),
    )
    op.create_index("alert_by_score", "alert", ["state", "score", "id"])
    op.create_index("alert_by_risk", "alert", ["state", "risk", "id"])
    op.create_index("alert_by_age", "alert", ["state", "made_at", "id"])
    op.create_index("alert_by_closing", "alert", ["state", "closed_at", "id"])
    op.create_index("alert_made", "alert", ["made_at"])
    op.create_index("alert_customer", "alert", ["customer_token"])
    op.create_index("alert_device", "alert", ["device_token"])
    op.create_table(
        "alert_event",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("note", sa.Text),
    )
    op.create_index("event_of_alert", "alert_event", ["alert_id", "id"])
    op.create_index("event_at", "alert_event", ["at"])
    op.create_table(
        "outcome",
        sa.Column("order_token", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("customer_token", sa.Text),
        sa.Column("received_at", sa.BigInteger, nullable=False),
    )
    op.create_index("outcome_customer", "outcome", ["customer_token"])
    op.create_index("outcome_received", "outcome", ["received_at"])


def downgrade() -> None:
    raise NotImplementedError("a migration only adds: what is newer than a release does it no harm")
