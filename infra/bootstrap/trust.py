"""Which runs of which workflows may become which identity.

A run is told by claims that GitHub signs and that nobody can take over: the numbers of the repository and of its owner,
the environment that the job waited for, the workflow file that holds the job, and the ref that it ran on. A job without
an environment has no such claim and becomes nobody.
"""

from dataclasses import dataclass

MAIN = "refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
_FILE = "assertion.job_workflow_ref.extract('.github/workflows/{file}@')"
_JOB = f"assertion.repository_id + ':' + assertion.environment + ':' + {_FILE} + ':' + "
MAPPING = {
    "google.subject": "assertion.sub",
    "attribute.repository_id": "assertion.repository_id",
    "attribute.repository_owner_id": "assertion.repository_owner_id",
    # 123:production:deploy.yml:refs/heads/main, for what runs on one ref
    "attribute.job": f"{_JOB}assertion.ref",
    # 123:production:deploy.yml:tag, for what runs on each version tag or each pull request
    "attribute.job_kind": f"{_JOB}assertion.ref_type",
}
GITHUB_ENVIRONMENTS = {"prod": "production"}
"""What GitHub calls the environment that a stack is deployed from, where it is not the stack's own name."""


def condition(repository: str, owner: str) -> str:
    """The condition on every token: this repository by its number, a workflow file of its own, on main, a version tag
    or a pull request.
    """
    return (
        f"assertion.repository_owner_id == '{owner}' && assertion.repository_id == '{repository}'"
        " && assertion.job_workflow_ref.startsWith(assertion.repository + '/.github/workflows/')"
        f" && (assertion.ref == '{MAIN}' || assertion.ref.startsWith('refs/tags/v')"
        " || assertion.event_name == 'pull_request')"
    )


@dataclass(frozen=True)
class Run:
    """A job of one workflow file in one environment; on `ref`, or, where that is empty, on any ref of a `kind` that the
    condition lets in.
    """

    environment: str
    workflow: str
    ref: str = ""
    kind: str = ""

    def attribute(self, repository: str) -> tuple[str, str]:
        """The attribute that tells this run, and its value."""
        asked, last = ("job", self.ref) if self.ref else ("job_kind", self.kind)
        return asked, f"{repository}:{self.environment}:{self.workflow}:{last}"


def trusted(stack: str) -> dict[str, tuple[Run, ...]]:
    """Identity → the runs that become it, for the project of one stack.

    A pull request's own code runs under `preview` once somebody has approved it: its environment names reviewers.
    """
    return {
        "preview": (
            Run(f"preview-{stack}", "preview.yml", kind="branch"),
            Run(f"drift-{stack}", "drift.yml", MAIN),
        ),
        "publish": (Run("models", "train_model.yml", MAIN),),
        "deploy": (
            Run(GITHUB_ENVIRONMENTS.get(stack, stack), "deploy.yml", kind="tag"),
            Run(f"promotion-{stack}", "promote.yml", MAIN),
        ),
    }
