"""`python -m app`: read the settings, then serve until SIGTERM."""

import gc
import os
import resource
import sys

from app.memory import bound_memory
from app.settings import SettingsError, read_settings
from orderguard.private_files import keep_private


def main() -> int:
    """Serve. 2 is for settings that make no service."""
    bound_memory()
    # While everything is being made there is nothing to collect; once it is made, `settle_memory` turns it on again.
    gc.disable()
    from app.rag.settings import read_rag_settings

    # a core dump would hold orders as they came in
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        settings = read_settings(os.environ)
        rag = read_rag_settings(os.environ)
    except SettingsError as error:
        print(f"The service can't start:\n{error}", file=sys.stderr)
        return 2
    from app.history import HistoryUnavailable
    from app.logs import LAST_FLUSH_SECONDS, LogWriter, take_over_logging
    from app.main import create_app
    from app.server import server

    logs = LogWriter(settings.log_level)
    take_over_logging(logs)
    try:
        server(create_app(settings, rag, logs), settings).run()
    except (HistoryUnavailable, SettingsError) as error:
        print(f"The service can't start:\n{error}", file=sys.stderr)
        return 2
    finally:
        logs.flush(LAST_FLUSH_SECONDS)
    return 0


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
