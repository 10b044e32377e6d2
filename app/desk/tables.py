"""The tables of the desk, as SQLAlchemy sees them. `app/desk/migrations` makes them; a test holds the two together."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text

METADATA = MetaData()

ALERT = Table(
    "alert",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("customer_token", Text, nullable=False),
    Column("device_token", Text),
    Column("sealed_order", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("placed_at", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("value", Float, nullable=False),
    Column("risk", Float, nullable=False),
    Column("currency", Text, nullable=False),
    Column("fact", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("channel", Text),
    Column("country", Text),
    Column("document", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="new"),
    Column("taken_by", Text),
    Column("taken_at", BigInteger),
    Column("closed_by", Text),
    Column("closed_at", BigInteger),
    Column("outcome", Text),
    Column("note", Text),
    Index("alert_by_score", "state", "score", "id"),
    Index("alert_by_risk", "state", "risk", "id"),
    Index("alert_by_age", "state", "made_at", "id"),
    Index("alert_by_closing", "state", "closed_at", "id"),
    Index("alert_made", "made_at"),
    Index("alert_customer", "customer_token"),
    Index("alert_device", "device_token"),
    Index(
        "alert_narrow",
        *("state", "taken_by", "country", "fact", "channel", "model_version", "decided_by", "outcome"),
        *("made_at", "closed_at", "score", "risk", "customer_token", "reason", "id"),
        info={"only": "sqlite"},
    ),
)
"""An alert with what became of it: `state` is `new`, `taken` or `closed`. Who acted is sealed."""

EVENT = Table(
    "alert_event",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alert_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("outcome", Text),
    Column("note", Text),
    Index("event_of_alert", "alert_id", "id"),
    Index("event_at", "at"),
)
"""What people did with an alert, and when."""

OUTCOME = Table(
    "outcome",
    METADATA,
    Column("order_token", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("customer_token", Text),
    Column("received_at", BigInteger, nullable=False),
    Index("outcome_customer", "customer_token"),
    Index("outcome_received", "received_at"),
)
"""What an order turned out to be, when that was known, and who says so. The shop tells it, or an analyst who closes."""

VERSION = Table("alembic_version", METADATA, Column("version_num", Text, primary_key=True))
"""Which migration the tables are at: alembic's own, so that its command can be used on them."""
