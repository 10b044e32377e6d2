"""`token`: what proves to a service of the stack, or to Google's interfaces here, who asks."""

from infra.local.apis.identity import OWNER, access_token, identity_token
from infra.local.cloud import Cloud
from infra.local.commands.service_port import first_service, kept
from infra.local.errors import EXIT_OK, EXIT_USAGE, LocalCloudError
from infra.local.files import read_json
from infra.local.home import Home

ACCOUNT = "gcp:serviceaccount/account:Account"


def token(home: Home, stack: str, audience: str | None, account: str | None, *, access: bool) -> int:
    """Print an identity token for `audience`, by default the URL of the stack's service; with `access` an access token.
    It is the owner's, or that of a service account of the stack. Raises LocalCloudError where there is nothing such.
    """
    cloud = Cloud(home, stack)
    known = sorted(str(one.outputs.get("email")) for one in cloud.all(ACCOUNT))
    if account is not None and account not in known:
        raise LocalCloudError(
            f"There is no service account {account} in stack {stack}; there are: {', '.join(known) or 'none'}",
            EXIT_USAGE,
        )
    who = account or OWNER
    print(access_token(cloud, who) if access else identity_token(cloud, who, audience or _service_url(cloud)))
    return EXIT_OK


def _service_url(cloud: Cloud) -> str:
    if not kept(cloud, "services"):
        raise LocalCloudError(
            f"No service is up in stack {cloud.stack}: bring it up, or name whom the token is for (--audience URL)",
            EXIT_USAGE,
        )
    return f"http://127.0.0.1:{read_json(first_service(cloud))['port']}"
