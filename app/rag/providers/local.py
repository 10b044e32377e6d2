"""The local provider: an extractive answer. It quotes the evidence's own lines and asks nobody."""

from collections.abc import AsyncIterator

from app.rag.prompt import Prompt


class LocalProvider:
    """Quotes the lines that answer, source after source."""

    name = "local"

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """One line with its number after the other."""
        for number, line in chosen_lines(prompt):
            yield f"{line} [{number}]\n"


def chosen_lines(prompt: Prompt) -> list[tuple[int, str]]:
    """The evidence's number and line of everything that the answer quotes."""
    chosen = [(evidence.number, evidence.lines[place]) for evidence in prompt.evidence for place in evidence.answers]
    return list(dict.fromkeys(chosen))
