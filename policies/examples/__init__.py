"""For every rule: resources that keep it and resources that break it. Tests run them, and the documentation counts
them.
"""

from policies.examples import data, identity, running, watching
from policies.testing import Examples, StackExamples

EXAMPLES: tuple[Examples | StackExamples, ...] = (
    *data.EXAMPLES,
    *identity.EXAMPLES,
    *running.EXAMPLES,
    *watching.EXAMPLES,
)
