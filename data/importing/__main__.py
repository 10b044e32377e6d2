"""`python -m data.importing`."""

import sys

from data.importing.command import main

if __name__ == "__main__":
    sys.exit(main())
