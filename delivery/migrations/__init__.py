"""The desk's database over time: alembic's migrations, and the SQL that they come to.

A migration is written once, in `versions/`, with alembic's operations. The service has no alembic in its image: it runs
the SQL that alembic writes of each for SQLite and PostgreSQL, which lies in `app/desk/migrations` and is made by
`python -m delivery.migrations`. A new migration only adds (a column that may be null, a table, an index): while a
deployment shares the traffic, the release before works on the same tables.
"""
