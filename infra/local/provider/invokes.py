"""Functions of the `gcp` package that a program may call."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.provider.outputs import digits, project_number

Arguments = Mapping[str, Any]
Configured = Mapping[str, str]


def _project(arguments: Arguments, configured: Configured) -> dict[str, Any]:
    project = str(arguments.get("projectId") or configured.get("project") or "")
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


def _client_config(arguments: Arguments, configured: Configured) -> dict[str, Any]:
    project, region = configured.get("project", ""), configured.get("region", "")
    return {
        "id": f"projects/{project}/regions/{region}/zones/",
        "project": project,
        "region": region,
        "zone": configured.get("zone", ""),
        "accessToken": "",
        "defaultLabels": {},
    }


def _user_info(arguments: Arguments, configured: Configured) -> dict[str, Any]:
    return {"id": "local", "email": f"local@{configured.get('project', 'local')}.iam.gserviceaccount.com"}


def _service_account(arguments: Arguments, configured: Configured) -> dict[str, Any]:
    project = str(arguments.get("project") or configured.get("project") or "")
    account = str(arguments.get("accountId", ""))
    email = account if "@" in account else f"{account}@{project}.iam.gserviceaccount.com"
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


def _storage_account(arguments: Arguments, configured: Configured) -> dict[str, Any]:
    project = str(arguments.get("project") or configured.get("project") or "")
    email = f"service-{project_number(project)}@gs-project-accounts.iam.gserviceaccount.com"
    return {"id": email, "project": project, "emailAddress": email, "member": f"serviceAccount:{email}"}


def _iam_policy(arguments: Arguments, configured: Configured) -> dict[str, Any]:
    document = {"bindings": arguments.get("bindings") or []}
    return {"id": "policy", "policyData": json.dumps(document, sort_keys=True), **arguments}


_FUNCTIONS: dict[str, Callable[[Arguments, Configured], dict[str, Any]]] = {
    "gcp:organizations/getProject:getProject": _project,
    "gcp:organizations/getClientConfig:getClientConfig": _client_config,
    "gcp:organizations/getClientOpenIdUserInfo:getClientOpenIdUserInfo": _user_info,
    "gcp:organizations/getIAMPolicy:getIAMPolicy": _iam_policy,
    "gcp:serviceaccount/getAccount:getAccount": _service_account,
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": _storage_account,
}


def answer(token: str, arguments: Arguments, configured: Configured) -> dict[str, Any] | None:
    """What the function answers, or None where there is no such function here."""
    function = _FUNCTIONS.get(token)
    return function(arguments, configured) if function else None
