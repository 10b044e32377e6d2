"""Examples for networks, their firewalls, and names."""

from typing import Any

from policies.examples.foundations import Case, Properties
from policies.rules.dns import ZONE
from policies.rules.network import FIREWALL, NETWORK, POLICY_RULES, SUBNETWORK
from policies.testing import Declared, Examples, StackExamples


def _firewall(*ports: str, source: str = "0.0.0.0/0", protocol: str = "tcp", **more: Any) -> Properties:
    return {"sourceRanges": [source], "allows": [{"protocol": protocol, "ports": list(ports)}], **more}


def _policy_rule(*ports: str, **more: Any) -> Properties:
    match = {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "tcp", "ports": list(ports)}]}
    return {"direction": "INGRESS", "action": "allow", "match": match, **more}


_CASES: tuple[Case, ...] = (
    (
        "network-ssh-closed", FIREWALL,
        [_firewall("22", source="35.235.240.0/20"), _firewall("443"), _firewall("22", disabled=True),
         _firewall("22", direction="EGRESS"),
         {"sourceTags": ["bastion"], "allows": [{"protocol": "tcp", "ports": ["22"]}]},
         {"denies": [{"protocol": "tcp", "ports": ["22"]}], "sourceRanges": ["0.0.0.0/0"]},
         _firewall("22", protocol="icmp")],
        [_firewall("22"), _firewall("20-25"), _firewall(protocol="all"), _firewall("22", source="::/0"),
         _firewall("22", source="128.0.0.0/1"), {"allows": [{"protocol": "tcp", "ports": ["22"]}]}],
    ),
    (
        "network-ssh-closed", POLICY_RULES[1],
        [_policy_rule("443"), _policy_rule("22", action="deny")], [_policy_rule("22")],
    ),
    (
        "network-rdp-closed", FIREWALL,
        [_firewall("3389", source="10.0.0.0/8")], [_firewall("3389"), _firewall("0-65535")],
    ),
    ("network-services-closed", FIREWALL, [_firewall("443", "8080")], [_firewall("3306"), _firewall("21")]),
    (
        "network-not-all-ports", FIREWALL,
        [_firewall("443"), _firewall(protocol="all", source="10.0.0.0/8"), _firewall(protocol="icmp")],
        [_firewall(protocol="all"), _firewall(), _firewall("0-65535")],
    ),
    (
        "network-ingress-known", FIREWALL,
        [_firewall("80", source="35.191.0.0/16"), _firewall("22"), _firewall("3306", "3389"),
         _firewall(protocol="all")],
        [_firewall("80"), _firewall("22", "8080"), _firewall(protocol="icmp")],
    ),
    (
        "network-port-ranges", FIREWALL,
        [_firewall("443", "8000-8029"), _firewall(protocol="icmp", source="10.0.0.0/8"), _firewall(protocol="all"),
         {"denies": [{"protocol": "all"}]}],
        [_firewall("8000-8050"), _firewall("8000-8030", source="10.0.0.0/8"), _firewall(source="10.128.0.0/9"),
         _firewall("0-65535", source="10.128.0.0/9"), _firewall(protocol="all", source="10.0.0.0/8")],
    ),
    (
        "network-port-ranges", POLICY_RULES[0],
        [{"action": "deny", "match": {"layer4Configs": [{"ipProtocol": "all"}], "srcIpRanges": ["10.0.0.0/8"]}}],
        [{"action": "allow", "match": {"layer4Configs": [{"ipProtocol": "tcp"}], "srcIpRanges": ["10.0.0.0/8"]}}],
    ),
    (
        "network-egress-known", FIREWALL,
        [{"direction": "EGRESS", "destinationRanges": ["10.0.0.0/8"], "allows": [{"protocol": "all"}]},
         _firewall("80")],
        [{"direction": "EGRESS", "destinationRanges": ["0.0.0.0/0"], "allows": [{"protocol": "all"}]}],
    ),
    (
        "network-flow-logs", SUBNETWORK,
        [{"logConfig": {"flowSampling": 0.5}}, {"purpose": "REGIONAL_MANAGED_PROXY"}],
        [{"purpose": "PRIVATE"}, {"name": "s"}],
    ),
    ("network-private-google-access", SUBNETWORK, [{"privateIpGoogleAccess": True}], [{"name": "s"}]),
    (
        "network-private-google-access-ipv6", SUBNETWORK,
        [{"stackType": "IPV4_ONLY"},
         {"stackType": "IPV4_IPV6", "privateIpv6GoogleAccess": "ENABLE_OUTBOUND_VM_ACCESS_TO_GOOGLE"}],
        [{"stackType": "IPV4_IPV6"}],
    ),
    (
        "dns-signed", ZONE,
        [{"dnssecConfig": {"state": "on"}}, {"visibility": "private"}],
        [{"dnsName": "example.com."}, {"dnssecConfig": {"state": "off"}}],
    ),
    (
        "dns-strong-keys", ZONE,
        [{"dnssecConfig": {"defaultKeySpecs": [{"algorithm": "rsasha256"}]}}],
        [{"dnssecConfig": {"defaultKeySpecs": [{"algorithm": "rsasha1", "keyType": "zoneSigning"}]}}],
    ),
    ("dns-logged", "gcp:dns/policy:Policy", [{"enableLogging": True}], [{"name": "p"}]),
)  # fmt: skip

EXAMPLES: tuple[Examples | StackExamples, ...] = (
    *(Examples(rule, kind, holds=holds, violated=violated) for rule, kind, holds, violated in _CASES),
    StackExamples(
        "network-own-firewall",
        holds=[
            [
                Declared(NETWORK, "n", {"name": "orders"}),
                Declared(FIREWALL, "f", {"network": "global/networks/orders"}),
            ],
            [Declared(NETWORK, "n", {"name": "orders"}), Declared(FIREWALL, "f", {}, depends={"network": ["n"]})],
            [
                Declared(NETWORK, "n", {}),
                Declared(SUBNETWORK, "s", {}, depends={"network": ["n"]}),
                Declared(FIREWALL, "f", {}, depends={"network": ["s"]}),
            ],
        ],
        violated=[[Declared(NETWORK, "n", {"name": "orders"})]],
    ),
)
