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
