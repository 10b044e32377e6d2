"""The access token of whatever this runs as, which Google Cloud's metadata server gives to each container.

cloud.google.com/run/docs/container-contract#metadata-server; GCE_METADATA_HOST moves it, as for Google's own tools.
"""

import json
import urllib.error
import urllib.request

METADATA = "metadata.google.internal"
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"  # a path, not a token  # nosec B105
SECONDS = 30.0


def access_token(host: str = "") -> tuple[str, float]:
    """A token, and for how many seconds it is good. Raises OSError where nothing or an error answers, ValueError for an
    answer of another form.
    """
    request = urllib.request.Request(f"http://{host or METADATA}{TOKEN}", headers={"Metadata-Flavor": "Google"})
    # The server is on the machine itself, or nowhere: past a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            found = json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        refusal.close()
        raise
    try:
        return str(found["access_token"]), float(found["expires_in"])
    except (KeyError, TypeError):
        raise ValueError("the metadata server's answer holds no token") from None
