"""What a load balancer's rules look at of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """A request as it came. `address` is its client's; names of headers are in lower case."""

    address: str
    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    scheme: str = "https"

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, the first of each name."""
        return dict(reversed(parse_qsl(self.query, keep_blank_values=True)))

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name."""
        pairs = (pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return {name: value for name, mark, value in pairs if mark}
