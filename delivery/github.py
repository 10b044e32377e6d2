"""The three places in which GitHub Actions takes text from a step: its outputs, the run's page, and `gh`."""

import os
from collections.abc import Mapping
from pathlib import Path


def output(values: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """Hand values to later steps: appended to the file that GITHUB_OUTPUT names; printed too, so that a person sees
    them anywhere."""
    lines = [f"{name}={value}" for name, value in values.items()]
    for line in lines:
        print(line)
    append(environment.get("GITHUB_OUTPUT"), "\n".join(lines))


def summary(markdown: str, environment: Mapping[str, str] = os.environ, *, log: str = "") -> None:
    """Put Markdown on the run's page (GITHUB_STEP_SUMMARY); printed where there is no such page. `log` is printed in
    its place, there and here.
    """
    if log or not environment.get("GITHUB_STEP_SUMMARY"):
        print(log or markdown)
    append(environment.get("GITHUB_STEP_SUMMARY"), markdown)


def run_page(environment: Mapping[str, str] = os.environ) -> str:
    """The address of this run's page."""
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    return f"{server}/{repository}/actions/runs/{environment.get('GITHUB_RUN_ID', '')}"


def append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
