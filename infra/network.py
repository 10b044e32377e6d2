"""Through which network Cloud Run sends what leaves it: the one that the stack names, or one of the stack's own."""

from dataclasses import dataclass
from typing import Literal

import pulumi

from infra.component import Component
from infra.config import Settings
from infra.sdk import declared_by_type

# Room for the four addresses an instance that Google advises, at the thousand instances that a service may have:
# cloud.google.com/run/docs/configuring/vpc-direct-vpc
ADDRESSES = "10.8.0.0/20"


@dataclass(frozen=True)
class Egress:
    """A network and a subnetwork of it, each by name or by full name, and what goes through them."""

    network: pulumi.Output[str]
    subnetwork: pulumi.Output[str]
    traffic: Literal["ALL_TRAFFIC", "PRIVATE_RANGES_ONLY"]


def egress(settings: Settings) -> Egress | None:
    """The way out of the stack's services; None where they reach nothing but public addresses.

    A network that the stack names takes all traffic: it was named so that somebody sees it. One of the stack's own
    takes what goes to private addresses, since it leads to the stack's own Redis and PostgreSQL alone.
    """
    if settings.vpc_network:
        named = pulumi.Output.from_input(settings.vpc_network), pulumi.Output.from_input(settings.vpc_subnetwork)
        return Egress(*named, "ALL_TRAFFIC")
    if settings.has_own_server:
        own = Network("network", settings)
        return Egress(own.name, own.subnetwork, "PRIVATE_RANGES_ONLY")
    return None


class WorkersNetwork(Component):
    """Where machines without a public address work: in the stack's network, which is made for them where the stack has
    none otherwise. They reach Google's own interfaces and each other, and nothing else.

    Google's interfaces are behind the internet's gateway, so there is a route to it. A machine without a public address
    comes no further on it, and the network has no address translation. In a network that the stack names somebody
    else has seen to both: its subnetwork needs private access to Google.
    """

    def __init__(
        self, name: str, settings: Settings, network: Egress | None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        if settings.vpc_network:
            self.subnetwork = pulumi.Output.from_input(_in_full(settings.vpc_subnetwork, settings.region))
            self.register_outputs({})
            return
        own: Network | Egress = network or Network("network", settings, self.within)
        self.subnetwork = own.subnetwork.apply(lambda short: _in_full(short, settings.region))
        where = own.name if isinstance(own, Network) else own.network
        declared_by_type(
            self,
            "gcp:compute/route:Route",
            name,
            {
                "name": settings.name("google"),
                "network": where,
                "destRange": "0.0.0.0/0",
                "nextHopGateway": "default-internet-gateway",
                "description": "To Google's interfaces: machines here have no public address",
            },
        )
        declared_by_type(
            self,
            "gcp:compute/firewall:Firewall",
            name,
            {
                "name": settings.name("dataflow"),
                "network": where,
                "direction": "INGRESS",
                # Dataflow gives its machines this tag: cloud.google.com/dataflow/docs/guides/routes-firewall
                "sourceTags": ["dataflow"],
                "targetTags": ["dataflow"],
                "allows": [{"protocol": "tcp", "ports": ["12345", "12346"]}],
                "logConfig": {"metadata": "INCLUDE_ALL_METADATA"},
            },
        )
        self.register_outputs({})


def _in_full(subnetwork: str, region: str) -> str:
    """A subnetwork as Dataflow takes it: a short name with its region, one of another project as an address."""
    if "/" not in subnetwork:
        return f"regions/{region}/subnetworks/{subnetwork}"
    return f"https://www.googleapis.com/compute/v1/{subnetwork}" if subnetwork.startswith("projects/") else subnetwork


class Network(Component):
    """A network with one subnetwork in the stack's region and no way to the internet: it has no default route, and no
    firewall rule lets anything in.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        network = declared_by_type(
            self,
            "gcp:compute/network:Network",
            name,
            {"name": settings.name(), "autoCreateSubnetworks": False, "deleteDefaultRoutesOnCreate": True},
        )
        self.name: pulumi.Output[str] = pulumi.get(network, "name")
        subnetwork = declared_by_type(
            self,
            "gcp:compute/subnetwork:Subnetwork",
            name,
            {
                "name": settings.name(),
                "network": self.name,
                "region": settings.region,
                "ipCidrRange": ADDRESSES,
                "privateIpGoogleAccess": True,
                # As CIS asks for them; here the connections of a few instances to one server.
                "logConfig": {
                    "aggregationInterval": "INTERVAL_5_SEC",
                    "flowSampling": 1,
                    "metadata": "INCLUDE_ALL_METADATA",
                },
            },
        )
        self.subnetwork: pulumi.Output[str] = pulumi.get(subnetwork, "name")
        self.register_outputs({"name": self.name})
