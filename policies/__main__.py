"""What the engine starts for `--policy-pack policies`: this platform's profile, or what `ORDERGUARD_POLICIES` says."""

import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.options import VARIABLE  # noqa: E402
from policies.rule import PLATFORM  # noqa: E402
from policies.serve import serve  # noqa: E402

serve(shlex.split(os.environ.get(VARIABLE, "")), PLATFORM)
