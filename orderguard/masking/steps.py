"""Work in steps that give way: a generator that yields between two pieces of work, and returns the result.

One piece is some milliseconds at most for whatever the schema lets in, so that an event loop that runs the pieces
answers others in between. Who has nothing else to do calls `finished`.
"""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[None, None, Result]


def finished(steps: Steps[Result]) -> Result:
    """The result of all steps, one right after another."""
    try:
        while True:
            next(steps)
    except StopIteration as done:
        result: Result = done.value
        return result
