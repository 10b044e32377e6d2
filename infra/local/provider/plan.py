"""What the real provider decides while planning, by code of its own rather than by its schema: so not in Check, but in
Diff and in a preview's Create. The few special cases of the stand-in's Diff, by type.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, Literal

from infra.local.provider import equal
from infra.local.provider.named_checks import parsed
from infra.local.provider.values import Unknown, at, known

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One changed property, and whether it recreates the resource."""

    path: str
    kind: Literal["add", "update", "delete"]
    replaces: bool


def _shrinks(old: Any, new: Any) -> bool:
    """A subnetwork grows in place, and is recreated for a range that does not hold the old one."""
    try:
        before = ipaddress.ip_network(str(old), strict=False)
        after = ipaddress.ip_network(str(new), strict=False)
        return before.version != after.version or not before.subnet_of(after)  # type: ignore[arg-type]
    except ValueError:
        return False


def _version_falls(old: Any, new: Any) -> bool:
    before, after = (re.findall(r"\d+", str(value)) for value in (old, new))
    return bool(before and after) and [int(one) for one in after] < [int(one) for one in before]


def _falls(old: Any, new: Any) -> bool:
    """A number that goes down; the provider takes an unknown for 0."""
    after = 0 if isinstance(new, Unknown) else new
    return isinstance(old, (int, float)) and isinstance(after, (int, float)) and after < old


def _falls_if_known(old: Any, new: Any) -> bool:
    return not isinstance(new, Unknown) and _falls(old, new)


def _unlocked(old: Any, new: Any) -> bool:
    return old is True and new is False


def _columns_replace(old: Any, new: Any) -> bool:
    """A table's columns: what BigQuery can change in place is a new one, a dropped one, and REQUIRED → NULLABLE."""
    if not old:
        return True
    try:
        return _columns_differ(equal.columns(parsed(str(old))), equal.columns(parsed(str(new))), top=True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def _columns_differ(old: Values, new: Values, *, top: bool) -> bool:
    gone, come = set(old) - set(new), set(new) - set(old)
    if gone and (come or not top) or any(new[name]["mode"] == "REQUIRED" for name in come):
        return True
    for name in set(old) & set(new):
        before, after = old[name], new[name]
        loosened = (before["mode"], after["mode"]) == ("REQUIRED", "NULLABLE")
        if before["type"] != after["type"] or (before["mode"] != after["mode"] and not loosened):
            return True
        if _columns_differ(before.get("fields") or {}, after.get("fields") or {}, top=False):
            return True
    return False


def _differs(old: Any, new: Any) -> bool:
    return known(new) and old != new


_REPLACES: dict[str, dict[str, Callable[[Any, Any], bool]]] = {
    "gcp:bigquery/table:Table": {"schema": _columns_replace},
    "gcp:compute/disk:Disk": {"size": _falls_if_known},
    "gcp:compute/regionDisk:RegionDisk": {"size": _falls_if_known},
    "gcp:compute/subnetwork:Subnetwork": {"ipCidrRange": _shrinks},
    "gcp:memorystore/instance:Instance": {
        path: _differs for path in ("authorizationMode", "kmsKey", "mode", "serverCaMode", "transitEncryptionMode")
    },
    "gcp:redis/instance:Instance": {"redisVersion": _version_falls},
    "gcp:storage/bucket:Bucket": {"retentionPolicy.isLocked": _unlocked},
    "gcp:vpcaccess/connector:Connector": {"minInstances": _falls, "maxInstances": _falls},
}
"""Type → path → whether this change of it replaces, by the old and the new value."""


def _by_range_name(old: Values, new: Values) -> bool:
    before, after = old.get("secondaryIpRanges") or [], new.get("secondaryIpRanges") or []
    if not after:
        return not new.get("sendSecondaryIpRangeIfEmpty")
    return known(after) and _sorted(before, "rangeName") == _sorted(after, "rangeName")


def _sorted(items: Sequence[Any], key: str) -> list[Any]:
    return sorted(items, key=lambda one: str(one.get(key)) if isinstance(one, Mapping) else str(one))


def _same_entities(old: Values, new: Values) -> bool:
    before, after = old.get("roleEntities") or [], new.get("roleEntities") or []
    return known(after) and sorted(map(str, before)) == sorted(map(str, after))


_SAME: dict[str, dict[str, Callable[[Values, Values], bool]]] = {
    "gcp:compute/subnetwork:Subnetwork": {"secondaryIpRanges": _by_range_name},
    "gcp:storage/bucketACL:BucketACL": {"roleEntities": _same_entities},
    "gcp:storage/objectACL:ObjectACL": {"roleEntities": _same_entities},
}
"""Type → property → whether its old and its new value are the same."""


def decided(token: str, old: Values, new: Values, changes: Sequence[Change]) -> Iterator[Change]:
    """The changes as the provider's own code leaves them."""
    replacing, same = _REPLACES.get(token, {}), _SAME.get(token, {})
    for change in changes:
        top = re.split(r"[.\[]", change.path)[0]
        if top in same and same[top](old, new):
            continue
        if change.path in replacing and replacing[change.path](at(old, change.path), at(new, change.path)):
            change = changed(change, replaces=True)
        yield change


def same_block(name: str, old: Any, new: Any, beside: Values, empty: bool) -> bool:
    """Whether an equality of blocks holds: `beside` are the new values beside the block, `empty` says that nothing but
    defaults is in what is added or removed.
    """
    removed, added = new is None and old is not None, old is None and new is not None
    block = old if removed else new
    rule = {
        "kept": removed,
        "keptWhenLogging": removed and beside.get("enableLogging") is True,
        "emptyBlock": (removed or added) and empty,
        "emptyBlock0": (removed or added) and empty,
        "zeroBlock": (removed or added) and bool(block) and empty,
        "removedOff": removed and isinstance(old, Mapping) and old.get("enabled") is False,
        "autoclassOff": added and isinstance(new, Mapping) and new.get("enabled") is False,
        "filterOff": isinstance(old, Mapping) and old.get("mode") == "Disabled",
        "keptWhenOff": _defence_off(old, new),
        "always": True,
    }
    return bool(rule.get(name))


_DEFENCE = "layer7DdosDefenseConfig"


def _defence_off(old: Any, new: Any) -> bool:
    if not isinstance(old, Mapping) or not set(old) <= {_DEFENCE} or (new and not isinstance(new, Mapping)):
        return False
    without = not new or (_DEFENCE not in new and not set(new) - {_DEFENCE})
    return without and (old.get(_DEFENCE) or {}).get("enable") is not True


Finds = Callable[[Values, Values], Iterator[str]]
"""Looks at the old inputs (none where the resource is new) and the new ones, and says what is wrong."""


def _one_token(old: Values, new: Values) -> Iterator[str]:
    if at(new, "httpTarget.oauthToken") and at(new, "httpTarget.oidcToken"):
        yield "Error in http_target: only one of oauth_token or oidc_token can be specified, but not both."


def _firewall(old: Values, new: Values) -> Iterator[str]:
    if new.get("logConfig") and new.get("enableLogging") is False:
        yield "log_config cannot be defined when enable_logging is false"
    sources = [new.get(name) for name in ("sourceTags", "sourceRanges", "sourceServiceAccounts")]
    # An old rule keeps the ranges that the cloud gave it.
    if not old and new.get("direction") in (None, "", "INGRESS") and not any(sources):
        yield "one of source_tags, source_ranges, or source_service_accounts must be defined"


def _router(old: Values, new: Values) -> Iterator[str]:
    bgp = new.get("bgp")
    if isinstance(bgp, Mapping) and bgp.get("advertiseMode", "DEFAULT") == "DEFAULT":
        for name, key in (("advertisedGroups", "advertised_groups"), ("advertisedIpRanges", "advertised_ip_ranges")):
            if bgp.get(name):
                yield f"Error in bgp: {key} can only be given with advertise_mode CUSTOM"


def _nat(old: Values, new: Values) -> Iterator[str]:
    drained, kept, before = (values or [] for values in (new.get("drainNatIps"), new.get("natIps"), old.get("natIps")))
    if not known([drained, kept]) or not drained:
        return
    if not old:
        yield "New RouterNat cannot have drain_nat_ips"
        return
    for one in drained:
        if one in kept:
            yield f"drain_nat_ips cannot have {one}: it is still in nat_ips"
        elif one not in before and one not in (old.get("drainNatIps") or []):
            yield f"drain_nat_ips cannot have {one}: it was never in nat_ips"


def _ssl_policy(old: Values, new: Values) -> Iterator[str]:
    profile, features = new.get("profile"), new.get("customFeatures")
    if isinstance(profile, Unknown) or isinstance(features, Unknown):
        return
    if profile == "CUSTOM" and not features:
        yield "Error in SSL Policy: the CUSTOM profile needs custom_features"
    if profile != "CUSTOM" and features:
        yield f"Error in SSL Policy: the {profile or 'COMPATIBLE'} profile takes no custom_features"


def _priorities(old: Values, new: Values) -> Iterator[str]:
    rules = [rule for rule in new.get("rules") or [] if isinstance(rule, Mapping)] if known(new.get("rules")) else []
    numbers = [rule.get("priority") for rule in rules]
    if len(set(numbers)) < len(numbers):
        yield "Two rules have the same priority, please update one of the priorities to be different."


def _secondary(old: Values, new: Values) -> Iterator[str]:
    ranges = new.get("secondaryIpRanges")
    for index, one in enumerate(ranges if isinstance(ranges, list) else ()):
        if isinstance(one, Mapping) and not one.get("ipCidrRange") and not one.get("reservedInternalRange"):
            yield f"secondary_ip_range.{index}.ip_cidr_range is required unless reserved_internal_range is set"


def _sink(old: Values, new: Values) -> Iterator[str]:
    if new.get("bigqueryOptions") and new.get("uniqueWriterIdentity") is False:
        yield "unique_writer_identity must be true when bigquery_options is supplied"


def _channel(old: Values, new: Values) -> Iterator[str]:
    sensitive, labels = new.get("sensitiveLabels"), new.get("labels")
    keys = {"authToken": "auth_token", "password": "password", "serviceKey": "service_key"}  # nosec B105
    for name, key in keys.items():
        if isinstance(sensitive, Mapping) and isinstance(labels, Mapping) and sensitive.get(name) and key in labels:
            yield f'Sensitive label "{key}" cannot be set at the same time as label "{key}".'


def _contexts(old: Values, new: Values) -> Iterator[str]:
    customs = at(new, "contexts.customs")
    keys = [str(one.get("key")) for one in customs if isinstance(one, Mapping)] if isinstance(customs, list) else []
    for key in sorted({one for one in keys if keys.count(one) > 1}):
        yield f'duplicate key "{key}" in contexts.custom'


_REFUSES: dict[str, Finds] = {
    "gcp:cloudscheduler/job:Job": _one_token,
    "gcp:compute/firewall:Firewall": _firewall,
    "gcp:compute/router:Router": _router,
    "gcp:compute/routerNat:RouterNat": _nat,
    "gcp:compute/sSLPolicy:SSLPolicy": _ssl_policy,
    "gcp:compute/securityPolicy:SecurityPolicy": _priorities,
    "gcp:compute/subnetwork:Subnetwork": _secondary,
    "gcp:logging/projectSink:ProjectSink": _sink,
    "gcp:monitoring/notificationChannel:NotificationChannel": _channel,
    "gcp:storage/bucketObject:BucketObject": _contexts,
}


def refusals(token: str, old: Values, new: Values) -> list[str]:
    """What the provider refuses while planning."""
    finds = _REFUSES.get(token)
    try:
        return list(finds(old, new)) if finds else []
    except (AttributeError, KeyError, TypeError, ValueError):
        return []  # Check has refused values of such shapes.
