"""What is wrong with a file of rules."""

from collections.abc import Sequence


class RulesError(ValueError):
    """A file of rules that can't be used: every mistake at once, one a line, each with its rule, field and line."""

    def __init__(self, name: str, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(f"{name}: {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)
