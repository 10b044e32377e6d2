"""Where something that is to run comes from: main, by a workflow of this repository, on GitHub's own machines."""

import os
from collections.abc import Mapping

from delivery.commands import repository, run
from delivery.errors import DeliveryError

MAIN = "origin/main"
MAIN_REF = "refs/heads/main"


def on_main() -> list[str]:
    """The commits that main itself went through, the newest first.

    Of a merged pull request that is the merge alone. What its branch held in between was never main, and no review has
    to have seen it: a commit and its revert leave nothing to see. Raises `DeliveryError` where main is not known here.
    """
    try:
        return run(["git", "rev-list", "--first-parent", MAIN]).split()
    except DeliveryError:
        raise DeliveryError(f"{MAIN} is not known here: `git fetch origin main`, then run this again.") from None


def require_attestation(
    subject: str, workflow: str, ref: str, commit: str, environment: Mapping[str, str] = os.environ
) -> None:
    """Raise `DeliveryError` unless GitHub attests that `workflow` (a path in this repository) made `subject` (a file,
    or an image as `oci://…`), run on `ref` at `commit`, and as the workflow stood at that commit.
    """
    owner = repository(environment)
    made = ["--repo", owner, "--signer-workflow", f"{owner}/{workflow}", "--signer-digest", commit]
    made += ["--source-ref", ref, "--source-digest", commit, "--deny-self-hosted-runners"]
    run(["gh", "attestation", "verify", subject, *made])
