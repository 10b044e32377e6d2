"""Networks: declared. The load balancer before a service: what its rules say holds at a port of this machine."""

import ipaddress
from pathlib import Path

from infra.local.balancer.declared import RULE
from infra.local.cloud import Cloud
from infra.local.files import write_json
from infra.local.ports import free_port
from infra.local.provider.outputs import digits
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs
from infra.local.services import sql
from infra.local.supervisor import client


def _outputs(inputs: Inputs, place: Place) -> Values:
    number = digits(place.id, 19)
    # A documentation range (RFC 5737): nobody can take it for a real address.
    address = str(ipaddress.IPv4Address("203.0.113.0") + int(number) % 254 + 1)
    numbered = ("generatedId", "mapId", "proxyId", "certificateId")
    return {
        **{name: int(number) for name in numbered},
        "address": inputs.get("address") or address,
        "selfLink": f"https://www.googleapis.com/compute/v1/{place.id}",
        "baseForwardingRule": "",
        "forwardingRuleId": int(number),
        "gatewayAddress": "",
        "gatewayIpv4": "",
    }


def _endpoint(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    """The address of an endpoint of Private Service Connect: where what it leads to listens on this machine."""
    found = sql.endpoint(cloud, str(inputs.get("target")))
    return {"ipAddress": found} if found else {}


def _balance(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    """Let the supervisor open a load balancer, where this is the front of one."""
    if "/targetHttp" in str(inputs.get("target")) and not _balancer(cloud, inputs).exists():
        write_json(_balancer(cloud, inputs), {"port": free_port()})
        client.ensure(cloud)
    return {}


def _unbalance(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    for path in _balancer(cloud, old).parent.glob(f"{old['name']}.*"):
        path.unlink(missing_ok=True)


def _balanced(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    return {} if "/targetHttp" not in str(inputs.get("target")) or _balancer(cloud, inputs).exists() else None


def _balancer(cloud: Cloud, inputs: Inputs) -> Path:
    return cloud.run / "balancers" / f"{inputs['name']}.json"


def _table(scope: str, **kinds: str) -> dict[str, Resource]:
    return {
        f"gcp:compute/{kind}:{kind[0].upper()}{kind[1:]}": Resource(
            id=f"projects/{{project}}/{scope}/{path}/{{name}}", outputs=_outputs
        )
        for kind, path in kinds.items()
    }


RESOURCES = {
    **_table(
        "global",
        backendService="backendServices",
        firewall="firewalls",
        globalAddress="addresses",
        managedSslCertificate="sslCertificates",
        network="networks",
        sSLPolicy="sslPolicies",
        securityPolicy="securityPolicies",
        targetHttpProxy="targetHttpProxies",
        targetHttpsProxy="targetHttpsProxies",
        uRLMap="urlMaps",
    ),
    **_table(
        "regions/{region}",
        address="addresses",
        regionNetworkEndpointGroup="networkEndpointGroups",
        router="routers",
        routerNat="routerNats",
        subnetwork="subnetworks",
    ),
    RULE: Resource(
        id="projects/{project}/global/forwardingRules/{name}",
        kind="real",
        outputs=_outputs,
        recorded=lambda inputs, place: {},
        create=_balance,
        delete=_unbalance,
        read=_balanced,
    ),
    "gcp:compute/forwardingRule:ForwardingRule": Resource(
        id="projects/{project}/regions/{region}/forwardingRules/{name}",
        outputs=_outputs,
        recorded=lambda inputs, place: {},
        create=_endpoint,
        read=_endpoint,
    ),
}
