"""`run-template`: a flex template of Dataflow, launched on this machine."""

from collections.abc import Sequence

from infra.local.cloud import Cloud
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.home import Home
from infra.local.jobs import JobError
from infra.local.templates import Launch, TemplateError, launch


def run_template(home: Home, stack: str, template: str, name: str, parameters: Sequence[str]) -> int:
    """Launch the template and wait. Raises LocalCloudError where it can't run; 1 where its job failed."""
    if unnamed := [one for one in parameters if "=" not in one]:
        raise LocalCloudError(f"{unnamed[0]!r} is no parameter: write NAME=VALUE", EXIT_USAGE)
    told = dict(one.split("=", 1) for one in parameters)
    try:
        code = launch(Cloud(home, stack), Launch(template, name, told))
    except TemplateError as problem:
        raise LocalCloudError(str(problem), EXIT_USAGE) from None
    except JobError as problem:
        raise LocalCloudError(str(problem), EXIT_REFUSED) from None
    print(f"job {name}: {'done' if code == 0 else f'failed with code {code}'}")
    return EXIT_OK if code == 0 else EXIT_UNEXPECTED
