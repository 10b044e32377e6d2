"""Cloud Armor's expressions: CEL with a few functions of its own, by Google's own library.

cloud.google.com/armor/docs/rules-language-reference. Not known here, and so never true, is what looks at attacks
(preconfigured rules, threat intelligence, adaptive protection, reCAPTCHA); a place on earth is empty.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from infra.local.balancer.request import Request

if TYPE_CHECKING:
    from cel_expr_python import cel

NEVER = (
    "evaluatePreconfiguredExpr evaluatePreconfiguredWaf evaluateThreatIntelligence evaluateAdaptiveProtection"
    " evaluateAdaptiveProtectionAutoDeploy evaluateAddressGroup evaluateOrganizationAddressGroup"
).split()
_HAS = re.compile(r"""has\(\s*(request\.headers)\s*\[\s*('[^'\\]*'|"[^"\\]*")\s*\]\s*\)""")
"""Cloud Armor's way to ask for a header, which CEL itself doesn't take."""
Holds = Callable[[Request], bool]


class NoExpression(ValueError):
    """What is no expression of Cloud Armor's; the message says where."""


def unknown_in(expression: str) -> list[str]:
    """The functions of an expression that are never true here."""
    return [name for name in NEVER if re.search(rf"\b{name}\s*\(", expression)]


def compiled(expression: str) -> Holds:
    """Whether an expression holds for a request. One that fails, as for a header that is not there, doesn't. Raises
    NoExpression.
    """
    try:
        program = _environment().compile(_HAS.sub(r"(\2 in \1)", expression))
    except RuntimeError as problem:
        raise NoExpression(str(problem).splitlines()[0]) from None

    def holds(request: Request) -> bool:
        try:
            return program.eval(data=_data(request)).value() is True
        except RuntimeError:
            return False

    return holds


def _data(request: Request) -> dict[str, Any]:
    return {
        "request": {
            "headers": dict(request.headers),
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "scheme": request.scheme,
        },
        "origin": {"ip": request.address, "user_ip": request.address, "region_code": "", "asn": 0},
        "token": {},
    }


@cache
def _environment() -> "cel.Env":
    from cel_expr_python import cel

    text, yes = cel.Type.STRING, cel.Type.BOOL
    some = cel.Type.Map(text, cel.Type.DYN)

    def function(name: str, *overloads: "cel.Overload") -> "cel.FunctionDecl":
        return cel.FunctionDecl(name, list(overloads))

    def of_text(name: str, does: Callable[[str], str]) -> "cel.FunctionDecl":
        return function(name, cel.Overload(f"{name}_text", text, [text], is_member=True, impl=does))

    never = [
        function(
            name,
            cel.Overload(f"{name}_0", yes, [], impl=lambda: False),
            cel.Overload(f"{name}_1", yes, [text], impl=lambda one: False),
            cel.Overload(f"{name}_2", yes, [text, some], impl=lambda one, other: False),
            cel.Overload(f"{name}_3", yes, [text, text], impl=lambda one, other: False),
        )
        for name in NEVER
    ]
    return cel.NewEnv(
        variables={"request": some, "origin": some, "token": some},
        functions=[
            function("inIpRange", cel.Overload("in_ip_range", yes, [text, text], impl=in_range)),
            of_text("lower", str.lower),
            of_text("upper", str.upper),
            of_text("base64Decode", _decoded),
            of_text("urlDecode", unquote),
            of_text("urlDecodeUni", unquote),
            *never,
        ],
    )


def in_range(address: str, wanted: str) -> bool:
    """Whether an address lies in a range; in none where either is none."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
