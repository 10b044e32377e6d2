"""In SQLite, an index that holds all that alerts are narrowed by. A row carries its document, some kilobytes, which a
scan would read, too. PostgreSQL keeps long rows' documents compressed and scans as fast without, and its indexes take
no text of any length.
"""

from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    if op.get_context().dialect.name != "sqlite":
        return
    columns = (
        *("state", "taken_by", "country", "fact", "channel", "model_version", "decided_by", "outcome"),
        *("made_at", "closed_at", "score", "risk", "customer_token", "reason", "id"),
    )
    op.create_index("alert_narrow", "alert", columns)


def downgrade() -> None:
    raise NotImplementedError("a migration only adds: what is newer than a release does it no harm")
