"""Service accounts: identities that revisions and jobs run as."""

from infra.local.provider.access import triple
from infra.local.provider.outputs import digits
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs


def _outputs(inputs: Inputs, place: Place) -> Values:
    email = f"{inputs['accountId']}@{place.project}.iam.gserviceaccount.com"
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": f"projects/{place.project}/serviceAccounts/{email}",
        "uniqueId": digits(email, 21),
    }


RESOURCES = {
    "gcp:serviceaccount/account:Account": Resource(
        id="projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
        kind="enforced",
        outputs=_outputs,
        planned=("email", "member"),
    ),
    "gcp:serviceaccount/key:Key": Resource(id="{serviceAccountId}/keys/local"),
    **triple("gcp:serviceaccount/iAM", "{serviceAccountId}"),
}
