"""What the head of a request has to be before anything of it is believed: nothing that two servers could read in two
ways. What the HTTP parser itself refuses (a Content-Length beside a Transfer-Encoding, folded lines, NUL) never gets
here; tests/service/test_service_edge.py holds the table of both.
"""

import re

from app.exchange import Exchange
from app.problems import Problem

VERSIONS = ("1.0", "1.1")
ONCE = frozenset(
    {
        *(b"host", b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"),
        *(b"authorization", b"x-api-key"),
    }
)
"""Headers that decide what a request is, and mean nothing where they stand twice (RFC 9110, 5.3)."""
_NAME = rb"[A-Za-z0-9._~!$&'()*+;=-]++(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._~!$&'()*+;=-]*+)*+"
_HOST = re.compile(rb"(?:" + _NAME + rb"|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""A host and its port (RFC 3986, 3.2.2), without the comma: that is what a proxy makes of two Host headers."""
CLOSING = {"Connection": "close"}


def check_head(exchange: Exchange) -> None:
    """Raise `Problem` for a head that isn't one request's, or that says twice what can be said once."""
    headers = exchange.headers
    if not exchange.version:
        return  # no server made this request
    if exchange.version not in VERSIONS:
        raise Problem("invalid-request", "send HTTP/1.1", headers=CLOSING)
    if len(exchange.fields) != len(headers):
        names = [name for name, _ in exchange.fields if name in ONCE]
        if len(names) != len(set(names)):
            raise Problem(
                "invalid-request", f"a header that may occur once ({_listed()}) occurs twice", headers=CLOSING
            )
    host = headers.get(b"host")
    if host is None:
        # HTTP/1.0 knows no such header, and load balancers still ask after a server's health in it.
        if exchange.version != "1.0":
            raise Problem("invalid-request", "send the Host header")
    elif _HOST.fullmatch(host) is None:
        raise Problem("invalid-request", "the Host header contains no host")
    coding = headers.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or exchange.version == "1.0"):
        # RFC 9112, 6.1: nobody can know where such a body ends.
        raise Problem("invalid-request", "the only transfer coding is chunked, in HTTP/1.1", headers=CLOSING)


def _listed() -> str:
    return ", ".join(sorted(name.decode() for name in ONCE))
