-- Running upgrade 0001 -> 0002

CREATE INDEX alert_narrow ON alert (state, taken_by, country, fact, channel, model_version, decided_by, outcome, made_at, closed_at, score, risk, customer_token, reason, id);

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

