"""`python -m data.importing`."""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import sys

from data.importing.command import main

if __name__ == "__main__":
    sys.exit(main())
