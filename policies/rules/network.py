"""Networks: what the internet may reach, and what is logged."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from policies.patterns import lazy
from policies.rule import ADVISORY, HIGH, LOW, Resource, Stack, checkov, cis, rule, trivy
from policies.value import Finding, Findings, Undecided, Value, Violation, about, equals
from policies.wants import Want, one_of, settings, where

FIREWALL = "gcp:compute/firewall:Firewall"
POLICY_RULES = tuple(
    f"gcp:compute/{name[0].lower()}{name[1:]}:{name}"
    for name in ("FirewallPolicyRule", "NetworkFirewallPolicyRule", "RegionNetworkFirewallPolicyRule")
)
FIREWALLS = (FIREWALL, *POLICY_RULES)
NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"

_PROXY_PURPOSES = one_of("REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY", "PRIVATE_SERVICE_CONNECT", "PRIVATE_NAT")
_WIDEST = {4: 7, 6: 16}
"""A prefix of at most so many bits is the internet, or near it."""
_SERVICES = (
    20, 21, 23, 135, 139, 445, 1433, 1521, 2375, 2379, 3306, 5432, 5900, 5985, 6379, 9200, 10250, 11211, 27017,
)  # fmt: skip
_SSH, _REMOTE_DESKTOP = 22, 3389
_MOST_PORTS, _EVERY_PORT = 30, 65_535
"""What Trivy takes for a long range of ports has more."""
_OPEN_TO_ALL = (trivy("GCP-0027"), trivy("GCP-0073"))
"""Trivy asks by these for any rule that lets everybody in."""
_WITH_PORTS = frozenset({"tcp", "6", "udp", "17", "sctp", "132"})


@dataclass(frozen=True)
class _Door:
    """What a firewall rule lets through: a protocol, and its ports, or none for all of them."""

    protocol: Value
    ports: Value


def _doors(firewall: Resource, direction: str) -> Iterator[_Door | Undecided]:
    """What a rule lets through between the world and its machines in one direction."""
    if firewall.type == FIREWALL:
        ranges, doors = firewall["sourceRanges" if direction == "INGRESS" else "destinationRanges"], firewall["allows"]
        narrowing = (
            [firewall[name] for name in ("sourceTags", "sourceServiceAccounts")] if direction == "INGRESS" else []
        )
        protocol = "protocol"
    else:
        match = firewall["match"]
        ranges, doors = match["srcIpRanges" if direction == "INGRESS" else "destIpRanges"], match["layer4Configs"]
        narrowing = [match[name] for name in ("srcSecureTags", "srcAddressGroups", "srcThreatIntelligences")]
        protocol = "ipProtocol"
    stated = firewall["direction"]
    if stated.known and stated.text != direction or (stated.absent and direction != "INGRESS"):
        return
    if any(firewall[name].known and firewall[name].content is True for name in ("disabled",)):
        return
    action = firewall["action"]
    if action.known and action.text not in {"allow", "apply_security_profile_group", "goto_next"}:
        return
    if action.known and action.text == "goto_next":
        return
    unknown = _hidden(firewall, ranges, narrowing, [stated, action, firewall["disabled"]])
    if unknown is False:
        return
    for door in doors.each():
        if isinstance(unknown, Value):
            yield Undecided(unknown.path)
        yield _Door(door[protocol], door["ports"]) if unknown is True else Undecided((unknown or door).path)


def _hidden(firewall: Resource, ranges: Value, narrowing: list[Value], others: list[Value]) -> Value | bool:
    """True where a rule is about the world, False where it is not, else the unknown value that decides it."""
    entries = ranges.each()
    wide = any(entry.known and is_world(entry.text) for entry in entries)
    if not wide:
        unknown = next((entry for entry in entries if entry.unknown), None)
        if unknown is not None:
            return unknown
        if entries or any(value.known and value.content for value in narrowing):
            return False
        hidden = next((value for value in narrowing if value.unknown), None)
        if hidden is not None:
            return hidden
    return next((value for value in others if value.unknown), True)


def is_world(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return network.prefixlen <= _WIDEST[network.version]


def _lets(door: _Door, ports: Iterable[int], message: str) -> Finding:
    """A violation where one of the ports is let through; the message may name it as `{port}`."""
    protocol = door.protocol
    if protocol.unknown:
        return Undecided(protocol.path)
    name = protocol.text.lower()
    if name not in {"all", ""} | _WITH_PORTS:
        return None
    if not door.ports.each() or name in {"all", ""}:
        return Violation(protocol.path, message.format(port="every port"))
    undecided: Finding = None
    for entry in door.ports.each():
        if entry.unknown:
            undecided = Undecided(entry.path)
        elif found := next((port for port in ports if _holds(entry.text, port)), None):
            return Violation(entry.path, message.format(port=f"port {found}"))
    return undecided


_PORTS = lazy(r"[0-9]{1,5}(?:-[0-9]{1,5})?")


def _holds(text: str, port: int) -> bool:
    first, _, last = text.partition("-")
    try:
        return int(first) <= port <= int(last or first)
    except ValueError:
        return False


def _open_to_world(firewall: Resource, ports: Iterable[int], message: str) -> Findings:
    for door in _doors(firewall, "INGRESS"):
        yield door if isinstance(door, Undecided) else _lets(door, ports, message)


@rule(
    "network-ssh-closed",
    "Nobody on the internet reaches SSH.",
    types=FIREWALLS,
    severity=HIGH,
    frameworks=[cis("3.6"), checkov("CKV_GCP_2"), trivy("GCP-0071"), *_OPEN_TO_ALL],
    fix="Name the addresses that may, or let people in by IAP (35.235.240.0/20).",
)
def ssh_closed(firewall: Resource) -> Findings:
    yield from _open_to_world(firewall, (_SSH,), "lets the internet in to SSH (port 22)")


@rule(
    "network-rdp-closed",
    "Nobody on the internet reaches remote desktops.",
    types=FIREWALLS,
    severity=HIGH,
    frameworks=[cis("3.7"), checkov("CKV_GCP_3"), trivy("GCP-0070"), *_OPEN_TO_ALL],
    fix="Name the addresses that may, or let people in by IAP (35.235.240.0/20).",
)
def rdp_closed(firewall: Resource) -> Findings:
    yield from _open_to_world(firewall, (_REMOTE_DESKTOP,), "lets the internet in to remote desktops (port 3389)")


@rule(
    "network-services-closed",
    "Nobody on the internet reaches databases, file transfer or ports for administration.",
    types=FIREWALLS,
    severity=HIGH,
    frameworks=[*(checkov(f"CKV_GCP_{number}") for number in (75, 77, 88)), *_OPEN_TO_ALL],
    settings={"ports": [str(port) for port in _SERVICES]},
    fix="Name the addresses that may; what counts as such a port is the setting `ports`.",
)
def services_closed(firewall: Resource) -> Findings:
    ports = [int(port) for port in firewall.settings["ports"]]
    yield from _open_to_world(
        firewall, ports, "lets the internet in to a service that is none of its business ({port})"
    )


@rule(
    "network-not-all-ports",
    "No firewall rule lets the internet in to every port.",
    types=FIREWALLS,
    severity=HIGH,
    frameworks=[checkov("CKV2_GCP_12"), checkov("CKV_GCP_106"), trivy("GCP-0072"), *_OPEN_TO_ALL],
    fix="Name the protocols and ports that are needed.",
)
def not_all_ports(firewall: Resource) -> Findings:
    for door in _doors(firewall, "INGRESS"):
        if isinstance(door, Undecided):
            yield door
        elif door.protocol.unknown or door.protocol.text.lower() in {"all", ""} | _WITH_PORTS:
            everything = not door.ports.absent and any(
                entry.known and entry.text in {"0-65535", "1-65535"} for entry in door.ports.each()
            )
            named = door.ports.known and not everything and door.ports.each()
            if door.protocol.known and door.protocol.text.lower() in {"all", ""} or not named:
                unknown = door.protocol if door.protocol.unknown else door.ports
                yield (
                    Undecided(unknown.path)
                    if unknown.unknown
                    else Violation(door.protocol.path, "lets the internet in to every port")
                )
            else:
                hidden = next((entry for entry in door.ports.each() if entry.unknown), None)
                yield Undecided(hidden.path) if hidden else None


@rule(
    "network-ingress-known",
    "What the internet may reach is reached through a load balancer: machines open no port to the world.",
    types=FIREWALLS,
    severity=LOW,
    level=ADVISORY,
    frameworks=[checkov("CKV_GCP_106"), *_OPEN_TO_ALL],
    fix="Name the addresses that may; a load balancer comes from 35.191.0.0/16 and 130.211.0.0/22.",
)
def ingress_known(firewall: Resource) -> Findings:
    told = {_SSH, _REMOTE_DESKTOP, *_SERVICES}  # The rules for these say it already, and that for every port.
    for door in _doors(firewall, "INGRESS"):
        if isinstance(door, Undecided):
            yield door
        elif door.protocol.known and door.protocol.text.lower() not in {"all", ""} | _WITH_PORTS:
            yield Violation(door.protocol.path, "lets the whole internet in by this protocol")
        else:
            others = [port for port in door.ports.each() if port.known and not any(_holds(port.text, p) for p in told)]
            if others:
                names = ", ".join(
                    port.text if _PORTS.fullmatch(port.text) else "one that is no number" for port in others
                )
                yield Violation(others[0].path, f"lets the whole internet in (port {names})")
            elif hidden := next((value for value in (door.protocol, *door.ports.each()) if value.unknown), None):
                yield Undecided(hidden.path)


@rule(
    "network-port-ranges",
    "A firewall rule names the ports that are needed, one by one or in short ranges.",
    types=FIREWALLS,
    severity=LOW,
    level=ADVISORY,
    frameworks=[trivy("GCP-0072"), trivy("GCP-0073"), trivy("GCP-0074")],
    fix="Name the ports; a range has at most 30.",
)
def port_ranges(firewall: Resource) -> Findings:
    if firewall["disabled"].known and firewall["disabled"].content is True:
        return
    to_world = [door for direction in ("INGRESS", "EGRESS") for door in _doors(firewall, direction)]
    # Other rules say of what is open to the world that it opens every port.
    told = next((door for door in to_world if isinstance(door, Undecided)), True) if to_world else False
    for door in _opened(firewall):
        protocol, ports = door.protocol, door.ports
        if protocol.unknown or ports.unknown:
            yield Undecided((protocol if protocol.unknown else ports).path)
        elif protocol.text.lower() in {"all", ""} | _WITH_PORTS:
            if not ports.each():
                yield _unless(told, Violation(protocol.path, "opens every port"))
            for entry in ports.each():
                count = _count(entry.text) if entry.known else 0
                if entry.unknown:
                    yield Undecided(entry.path)
                elif count > _MOST_PORTS:
                    found = Violation(entry.path, f"opens {count} ports")
                    yield _unless(told, found) if count >= _EVERY_PORT else found


def _unless(told: bool | Undecided, found: Violation) -> Finding:
    return told if isinstance(told, Undecided) else None if told else found


def _opened(firewall: Resource) -> list[_Door]:
    """What a rule lets through, whoever it is about."""
    if firewall.type == FIREWALL:
        return [_Door(door["protocol"], door["ports"]) for door in firewall.each("allows")]
    action = firewall["action"]
    doors = firewall.each("match.layer4Configs") if action.unknown or action.text == "allow" else []
    return [_Door(action if action.unknown else door["ipProtocol"], door["ports"]) for door in doors]


def _count(text: str) -> int:
    first, _, last = text.partition("-")
    try:
        return int(last or first) - int(first) + 1
    except ValueError:
        return 0


@rule(
    "network-egress-known",
    "Machines call known addresses alone.",
    types=FIREWALLS,
    severity=LOW,
    level=ADVISORY,
    frameworks=[trivy("GCP-0035")],
    fix="Name the addresses that are called.",
)
def egress_known(firewall: Resource) -> Findings:
    for door in _doors(firewall, "EGRESS"):
        yield door if isinstance(door, Undecided) else Violation(door.protocol.path, "lets everything out")


@rule(
    "network-own-firewall",
    "A network has firewall rules of its own.",
    types=[NETWORK, SUBNETWORK, *FIREWALLS],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    frameworks=[checkov("CKV2_GCP_18")],
    fix="Add a gcp.compute.Firewall, or a firewall policy, for the network.",
)
def own_firewall(stack: Stack) -> Findings:
    firewalls = stack.of(*FIREWALLS)
    named = {part for firewall in firewalls if firewall["network"].known for part in [_last(firewall["network"])]}
    behind = _behind(firewalls, {resource.urn: resource for resource in stack.resources})
    policies = any(firewall.type in POLICY_RULES for firewall in firewalls)
    hidden = next((firewall for firewall in firewalls if firewall["network"].unknown), None)
    for network in stack.of(NETWORK):
        names = {_last(network[key]) for key in ("name", "selfLink", "networkId") if network[key].known}
        if network.urn in behind or policies or names & named:
            continue
        unknown = network["name"].unknown and (firewalls or None)
        if hidden is not None or unknown:
            yield Undecided("network" if hidden else "name", (hidden or network).urn)
        else:
            yield about(Violation("", "no firewall rule is made for it"), network.urn)


def _behind(resources: Iterable[Resource], known: Mapping[str, Resource]) -> set[str]:
    """The URNs of all that these are made of, over as many resources as it takes: a firewall may name the network of a
    subnet.
    """
    found: set[str] = set()
    waiting = list(resources)
    while waiting:
        new = {item.urn for items in waiting.pop().dependencies.values() for item in items} - found
        found |= new
        waiting += [known[urn] for urn in new if urn in known]
    return found


def _last(value: Value) -> str:
    return value.text.rpartition("/")[2]


flow_logs = settings(
    "network-flow-logs",
    "Subnets log what flows through them.",
    types=[SUBNETWORK],
    level=ADVISORY,
    wants=[Want("logConfig", lambda _: True, "flows are not logged")],
    frameworks=[cis("3.10"), checkov("CKV_GCP_26"), trivy("GCP-0029"), trivy("GCP-0076")],
    applies=where("purpose", lambda purpose: not _PROXY_PURPOSES(purpose)),
    fix='Set log_config={"aggregation_interval": "INTERVAL_5_SEC", "flow_sampling": 0.5}.',
)

private_access = settings(
    "network-private-google-access",
    "Machines without a public address reach Google's services from inside.",
    types=[SUBNETWORK],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("privateIpGoogleAccess", equals(True), "Google's services are reached from outside", default=False)],
    frameworks=[checkov("CKV_GCP_74"), trivy("GCP-0075")],
    applies=where("purpose", lambda purpose: not _PROXY_PURPOSES(purpose)),
    fix="Set private_ip_google_access=True.",
)

private_access_ipv6 = settings(
    "network-private-google-access-ipv6",
    "Machines with IPv6 reach Google's services from inside.",
    types=[SUBNETWORK],
    severity=LOW,
    level=ADVISORY,
    wants=[
        Want(
            "privateIpv6GoogleAccess",
            one_of("ENABLE_OUTBOUND_VM_ACCESS_TO_GOOGLE", "ENABLE_BIDIRECTIONAL_ACCESS_TO_GOOGLE"),
            "Google's services are reached from outside",
        )
    ],
    frameworks=[checkov("CKV_GCP_76")],
    applies=where("stackType", lambda kind: "IPV6" in str(kind)),
    fix='Set private_ipv6_google_access="ENABLE_OUTBOUND_VM_ACCESS_TO_GOOGLE".',
)
