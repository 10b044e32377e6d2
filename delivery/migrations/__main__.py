"""`python -m delivery.migrations`: write the SQL of every migration again."""

import io
import sys
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from delivery.commands import REPOSITORY
from orderguard.private_files import open_private

FOLDER = REPOSITORY / "app/desk/migrations"
DIALECTS = ("sqlite", "postgresql")


def scripts() -> ScriptDirectory:
    """The migrations that there are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return ScriptDirectory.from_config(config)


def sql_of(revision: str, dialect: str) -> str:
    """What brings a database from the migration before to this one."""
    directory, text = scripts(), io.StringIO()
    found = directory.get_revision(revision)
    before = str(found.down_revision or "base")
    steps = EnvironmentContext(
        Config(),
        directory,
        fn=lambda current, _: directory._upgrade_revs(revision, current),
        as_sql=True,
        starting_rev=before,
        destination_rev=revision,
    )
    with steps:
        steps.configure(dialect_name=dialect, output_buffer=text, transactional_ddl=False)
        steps.run_migrations()
    return text.getvalue()


def main() -> int:
    """Write the files and say which."""
    for found in scripts().walk_revisions():
        for dialect in DIALECTS:
            path = FOLDER / f"{found.revision}.{dialect}.sql"
            with open_private(path, "wb") as file:
                file.write(sql_of(found.revision, dialect).encode())
            print(path.relative_to(REPOSITORY))
    return 0


if __name__ == "__main__":
    sys.exit(main())
