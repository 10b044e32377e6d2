"""`open`: a link that opens the service's page with the API key, once."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from infra.local.errors import EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.home import Home
from infra.local.ports import straight

_SECONDS = 10.0
HOW_LONG = "works once, for ten minutes"


def open_page(home: Home) -> int:
    """Print the link. Raises LocalCloudError where no service is up."""
    noted, header = home.root / "url", home.root / "api-key.header"
    if not noted.is_file() or not header.is_file():
        raise LocalCloudError("No service is up here. Bring it up first: make up", EXIT_USAGE)
    url = noted.read_text("utf-8").strip()
    link = page_link(url, header)
    if link is None:
        raise LocalCloudError(f"{url} gives no link: it does not answer, or is older. Run: make up", EXIT_UNEXPECTED)
    print(f"{link}\n({HOW_LONG}; the key itself is in {shown(header)})")
    return EXIT_OK


def page_link(url: str, header: Path) -> str | None:
    """A link with a code in its fragment, which browsers send to nobody; None where the service gives none."""
    name, _, key = header.read_text("utf-8").strip().partition(":")
    request = urllib.request.Request(f"{url}/v1/door", b"", {name: key.strip()}, method="POST")
    try:
        with straight().open(request, timeout=_SECONDS) as answer:
            return f"{url}/#code={json.load(answer)['code']}"
    except (OSError, ValueError, KeyError):
        return None


def way_in(url: str, header: Path, *, terminal: bool) -> str:
    """What `up` says of the page: a link on a terminal alone, since what is kept in a file outlives its code."""
    link = page_link(url, header) if terminal else None
    if link is None:
        return "`make open` prints a link that lets you in"
    return f"{link}\n                   ({HOW_LONG}; `make open` prints another)"


def shown(path: Path) -> str:
    """A path as a person here would write it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
