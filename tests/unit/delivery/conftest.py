"""What stands for Docker, gcloud, gh and git: one machine has no Google Cloud, so the commands themselves are the
promise."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from delivery import images, models, provenance, records, release, tokens

CLOUD = {"PULUMI_BACKEND_URL": "gs://state"}


class Recorder:
    """Stands for `run`: notes commands and what was given to them; answers by the first words that fit."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.given: list[str] = []
        self.answers: dict[str, str] = {
            "git rev-parse": "c" * 40,
            "git tag": "v1.2.0",
            "git rev-list --first-parent origin/main": " ".join(letter * 40 for letter in "fcba"),
        }

    def __call__(
        self,
        command: Sequence[str],
        *,
        given: str = "",
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        line = " ".join(command)
        self.commands.append(line)
        self.given.append(given)
        return next((answer for words, answer in self.answers.items() if line.startswith(words)), "")

    def those(self, words: str) -> list[str]:
        return [command for command in self.commands if command.startswith(words)]


@pytest.fixture(autouse=True)
def no_token_of_another_test() -> None:
    tokens.forget()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    for module in (images, models, provenance, records, release, tokens):
        monkeypatch.setattr(module, "run", made)
    monkeypatch.setattr("delivery.commands.run", made)
    return made
