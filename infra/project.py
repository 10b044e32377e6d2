"""The project's number, and Google's own service accounts that are named by it."""

from typing import Any
from weakref import WeakKeyDictionary

import pulumi
import pulumi_gcp as gcp

from infra.config import ConfigError, Settings

# One a run of the program, which has a monitor of its own: nine resources ask for it.
_ASKED: WeakKeyDictionary[Any, pulumi.Output[str]] = WeakKeyDictionary()


def project_number(settings: Settings) -> pulumi.Output[str]:
    """The number that Google gave the project.

    A preview takes what the setting `projectNumber` declares, and asks nobody; an `up` asks Google Cloud, once, and
    raises ConfigError where the setting says otherwise. Where nothing is declared a preview asks, too.
    """
    if settings.project_number and pulumi.runtime.is_dry_run():
        return pulumi.Output.from_input(settings.project_number)
    run = pulumi.runtime.settings.get_monitor()
    if run not in _ASKED:
        asked = gcp.organizations.get_project_output(project_id=settings.project).number
        _ASKED[run] = asked.apply(lambda number: _checked(settings, number))
    return _ASKED[run]


def _checked(settings: Settings, number: str) -> str:
    if settings.project_number not in ("", number):
        raise ConfigError(
            f"orderguard:projectNumber is {settings.project_number}, and the number of {settings.project} is {number}. "
            f"Write it into the stack's file: `pulumi config set orderguard:projectNumber {number}`."
        )
    return number


def service_agent(settings: Settings, agent: str) -> pulumi.Output[str]:
    """The member of one of Google's own service accounts in this project, such as `gs-project-accounts`."""
    return pulumi.Output.concat(
        "serviceAccount:service-", project_number(settings), f"@{agent}.iam.gserviceaccount.com"
    )
