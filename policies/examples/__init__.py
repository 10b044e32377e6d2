"""For every rule: resources that keep it and resources that break it. Tests run them, and the documentation counts
them.
"""

from policies.examples import data, federation, foundations, identity, leaks, networks, running, watching
from policies.testing import Examples, StackExamples

EXAMPLES: tuple[Examples | StackExamples, ...] = (
    *data.EXAMPLES,
    *foundations.EXAMPLES,
    *networks.EXAMPLES,
    *identity.EXAMPLES,
    *federation.EXAMPLES,
    *running.EXAMPLES,
    *leaks.EXAMPLES,
    *watching.EXAMPLES,
)
