-- Running upgrade 0001 -> 0002

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

