"""Buckets for data: private, versioned, recoverable, in one place of the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings
from infra.identity import Identity

DAY_SECONDS = 86_400
RECOVERY_DAYS = 14
"""How long a replaced version stays, and after that how long it can be recovered: together 28 days, so that a person
who asks to be forgotten is so within the month that GDPR article 12(3) leaves."""
SHORT_RECOVERY_DAYS = 7
"""The least that Cloud Storage keeps what is deleted, where it keeps it at all."""
ACCESS_LOG_WRITERS = "group:cloud-storage-analytics@google.com"


@dataclass(frozen=True)
class Lifetime:
    """How long objects stay. `delete_after_days` counts from an object's creation; 0 keeps it for good.

    `old_versions` noncurrent versions of each object stay beside it, for `recovery_days`. `retained` forbids deleting
    or changing an object before `delete_after_days`; Cloud Storage offers it only without versions. Whoever may change
    the bucket can take that back, unless it is `locked`, which itself nobody can take back. Objects whose names begin
    with `scratch` go after `scratch_days`, for good: they were put aside for work that is over.
    """

    delete_after_days: int = 0
    old_versions: int = 3
    retained: bool = False
    locked: bool = False
    scratch: str = ""
    scratch_days: int = 1
    recovery_days: int = RECOVERY_DAYS


@dataclass(frozen=True)
class Access:
    """Who may read a bucket's objects, and who may also write and replace them. Keys name the identities in resource
    names.
    """

    readers: Mapping[str, Identity] = field(default_factory=dict)
    writers: Mapping[str, Identity] = field(default_factory=dict)


class Bucket(Component):
    """A bucket and who may use it. Access is uniform and never public; deleted objects can be recovered for a
    time.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        access: Access = Access(),
        lifetime: Lifetime = Lifetime(),
        access_logs: "Bucket | None" = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.bucket: gcp.storage.Bucket = gcp.storage.Bucket(
            name,
            name=settings.global_name(name),
            location=settings.data_location,
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            force_destroy=not settings.deletion_protection,
            versioning={"enabled": not lifetime.retained},
            soft_delete_policy={"retention_duration_seconds": lifetime.recovery_days * DAY_SECONDS},
            retention_policy=_retention(lifetime),
            lifecycle_rules=_lifecycle(lifetime),
            logging=_access_logging(name, access_logs),
            opts=pulumi.ResourceOptions(parent=self, protect=settings.deletion_protection),
        )
        self.name: pulumi.Output[str] = self.bucket.name
        self._grants_itself = settings.grants_itself
        for reader, identity in access.readers.items():
            self._grant(f"{reader}-reads-{name}", "roles/storage.objectViewer", identity.member)
        for writer, identity in access.writers.items():
            self._grant(f"{writer}-writes-{name}", "roles/storage.objectUser", identity.member)
        self.register_outputs({"name": self.name})

    def _grant(self, grant: str, role: str, member: pulumi.Input[str]) -> None:
        if not self._grants_itself:
            return  # infra/bootstrap/stack_rights.py: who sets a bucket's policy could read it
        gcp.storage.BucketIAMMember(grant, bucket=self.bucket.name, role=role, member=member, opts=self.within)


class AccessLogBucket(Bucket):
    """Where Cloud Storage writes who used the other buckets. An entry can't be changed or deleted before it expires.

    Whoever may change the bucket could shorten that, or take it off. With `accessLogRetentionLock: for-ever` nobody
    can, Google included: neither can the period be made shorter, nor the bucket be deleted before its last entry has
    expired.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        locked = settings.access_log_retention_lock != "off"
        lifetime = Lifetime(delete_after_days=settings.log_retention_days, retained=True, locked=locked)
        super().__init__(name, settings, Access(), lifetime, None, opts)
        self._grant(f"cloud-storage-writes-{name}", "roles/storage.objectCreator", ACCESS_LOG_WRITERS)


def _retention(lifetime: Lifetime) -> gcp.storage.BucketRetentionPolicyArgsDict | None:
    if not lifetime.retained:
        return None
    period = str(lifetime.delete_after_days * DAY_SECONDS)
    # Left out where it is not locked: a lock that somebody has set by hand is none of the program's to take back.
    return {"retention_period": period, "is_locked": True} if lifetime.locked else {"retention_period": period}


def _access_logging(name: str, logs: Bucket | None) -> gcp.storage.BucketLoggingArgsDict | None:
    return {"log_bucket": logs.name, "log_object_prefix": name} if logs else None


def _lifecycle(lifetime: Lifetime) -> list[gcp.storage.BucketLifecycleRuleArgsDict]:
    rules: list[gcp.storage.BucketLifecycleRuleArgsDict] = [
        {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}},
    ]
    if not lifetime.retained:
        rules += [
            {
                "action": {"type": "Delete"},
                "condition": {"num_newer_versions": lifetime.old_versions, "with_state": "ARCHIVED"},
            },
            {
                "action": {"type": "Delete"},
                "condition": {"days_since_noncurrent_time": lifetime.recovery_days, "with_state": "ARCHIVED"},
            },
        ]
    if lifetime.scratch:
        aside: gcp.storage.BucketLifecycleRuleConditionArgsDict = {
            "age": lifetime.scratch_days,
            "matches_prefixes": [lifetime.scratch],
        }
        rules.append({"action": {"type": "Delete"}, "condition": aside})
    if lifetime.delete_after_days:
        rules.append({"action": {"type": "Delete"}, "condition": {"age": lifetime.delete_after_days}})
    return rules
