"""Who and where the program is: project, client, service accounts, policy documents."""

import json

from infra.local.cloud import Values
from infra.local.functions.asked import Asked, Function
from infra.local.provider.outputs import digits, project_number

_ACCOUNT = "gcp:serviceaccount/account:Account"
_BILLING = "000000-000000-000000"


def _project(asked: Asked) -> Values:
    project = str(asked.arguments.get("projectId") or asked.project)
    return {
        "id": f"projects/{project}",
        "projectId": project,
        "name": project,
        "number": project_number(project),
        "labels": {},
        "pulumiLabels": {},
        "effectiveLabels": {},
        "orgId": "",
        "folderId": "",
        "billingAccount": "",
        "autoCreateNetwork": True,
        "deletionPolicy": "PREVENT",
        "tags": {},
    }


def _client_config(asked: Asked) -> Values:
    project, region = asked.configured.get("project", ""), asked.configured.get("region", "")
    return {
        "id": f"projects/{project}/regions/{region}/zones/",
        "project": project,
        "region": region,
        "zone": asked.configured.get("zone", ""),
        "accessToken": "",
        "defaultLabels": {},
    }


def _user_info(asked: Asked) -> Values:
    return {"id": "local", "email": f"local@{asked.project}.iam.gserviceaccount.com"}


def _service_account(asked: Asked) -> Values:
    project = asked.project
    account = str(asked.arguments.get("accountId", ""))
    email = account if "@" in account else f"{account}@{project}.iam.gserviceaccount.com"
    if record := asked.record(_ACCOUNT, email=email):
        return {**record.outputs, "id": record.id}
    return {
        "id": f"projects/{project}/serviceAccounts/{email}",
        "name": f"projects/{project}/serviceAccounts/{email}",
        "accountId": account,
        "project": project,
        "email": email,
        "member": f"serviceAccount:{email}",
        "uniqueId": digits(email, 21),
        "displayName": "",
        "disabled": False,
    }


def _storage_account(asked: Asked) -> Values:
    project = asked.project
    email = f"service-{project_number(project)}@gs-project-accounts.iam.gserviceaccount.com"
    return {"id": email, "project": project, "emailAddress": email, "member": f"serviceAccount:{email}"}


def _iam_policy(asked: Asked) -> Values:
    bindings = asked.arguments.get("bindings") or []
    document: Values = {"bindings": [{**one, "members": sorted(one.get("members") or [])} for one in bindings]}
    if configs := asked.arguments.get("auditConfigs"):
        document["auditConfigs"] = configs
    return {"id": "policy", "policyData": json.dumps(document, sort_keys=True), **asked.arguments}


def _default_account(address: str) -> Function:
    """The account that Google makes with a service; `{number}` and `{project}` stand in its address."""

    def function(asked: Asked) -> Values:
        project = asked.project
        email = address.format(number=project_number(project), project=project)
        return {
            "id": f"projects/{project}/serviceAccounts/{email}",
            "name": f"projects/{project}/serviceAccounts/{email}",
            "project": project,
            "email": email,
            "member": f"serviceAccount:{email}",
            "uniqueId": digits(email, 21),
            "displayName": "Default service account",
        }

    return function


def _organization(asked: Asked) -> Values:
    number = str(asked.arguments.get("organization") or digits(str(asked.arguments.get("domain", "local")), 12))
    number = number.removeprefix("organizations/")
    return {
        "id": f"organizations/{number}",
        "name": f"organizations/{number}",
        "orgId": number,
        "domain": str(asked.arguments.get("domain") or "local.example"),
        "createTime": "2020-01-01T00:00:00Z",
        "directoryCustomerId": f"C{digits(number, 8)}",
        "lifecycleState": "ACTIVE",
    }


def _billing_account(asked: Asked) -> Values:
    account = str(asked.arguments.get("billingAccount") or _BILLING).removeprefix("billingAccounts/")
    return {
        "id": account,
        "name": f"billingAccounts/{account}",
        "billingAccount": account,
        "displayName": str(asked.arguments.get("displayName") or "Local cloud"),
        "open": True,
        "projectIds": [asked.project],
        "lookupProjects": True,
    }


def _projects(asked: Asked) -> Values:
    project = asked.project
    one = {"projectId": project, "name": project, "number": project_number(project), "lifecycleState": "ACTIVE"}
    return {"id": str(asked.arguments.get("filter", "")), "projects": [one], **asked.arguments}


def _token(asked: Asked) -> Values:
    """A token that opens nothing, in place of one of Google's."""
    return {"id": str(asked.arguments.get("targetServiceAccount", "")), "accessToken": "local", **asked.arguments}


def _identity_token(asked: Asked) -> Values:
    return {"id": str(asked.arguments.get("targetAudience", "")), "idToken": "local", **asked.arguments}


FUNCTIONS: dict[str, Function] = {
    "gcp:organizations/getProject:getProject": _project,
    "gcp:organizations/getClientConfig:getClientConfig": _client_config,
    "gcp:organizations/getClientOpenIdUserInfo:getClientOpenIdUserInfo": _user_info,
    "gcp:organizations/getIAMPolicy:getIAMPolicy": _iam_policy,
    "gcp:organizations/getOrganization:getOrganization": _organization,
    "gcp:organizations/getBillingAccount:getBillingAccount": _billing_account,
    "gcp:projects/getProject:getProject": _projects,
    "gcp:serviceaccount/getAccount:getAccount": _service_account,
    "gcp:serviceaccount/getAccountAccessToken:getAccountAccessToken": _token,
    "gcp:serviceaccount/getAccountIdToken:getAccountIdToken": _identity_token,
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": _storage_account,
    "gcp:storage/getTransferProjectServiceAccount:getTransferProjectServiceAccount": _default_account(
        "project-{number}@storage-transfer-service.iam.gserviceaccount.com"
    ),
    "gcp:compute/getDefaultServiceAccount:getDefaultServiceAccount": _default_account(
        "{number}-compute@developer.gserviceaccount.com"
    ),
    "gcp:appengine/getDefaultServiceAccount:getDefaultServiceAccount": _default_account(
        "{project}@appspot.gserviceaccount.com"
    ),
    "gcp:bigquery/getDefaultServiceAccount:getDefaultServiceAccount": _default_account(
        "bq-{number}@bigquery-encryption.iam.gserviceaccount.com"
    ),
}
