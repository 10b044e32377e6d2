"""The version of the repository: of the packages, the policy pack, the service's interface and the tag of a release.

It is set in the file VERSION beside this one, and nowhere else.
"""

from pathlib import Path

VERSION = Path(__file__).with_name("VERSION").read_text("ascii").strip()
