"""The settings of a stack, typed once. `Pulumi.yaml` holds their names, types, defaults and descriptions.

They are read in `infra.config_reading`, and which values make sense stands in `infra.config_rules`.
"""

from dataclasses import dataclass

NAMESPACE = "orderguard"
PROTECTED_ENVIRONMENTS = frozenset({"prod"})
INGRESS = {
    "all": "INGRESS_TRAFFIC_ALL",
    "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "load-balancer": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}
CANARY_TAG = "canary"
"""The tag of a canary's revision in the service's traffic, which gives it an address of its own."""
REVISION_HEADER = "X-Orderguard-Revision"
"""What a request to the load balancer names the canary's address with."""
RAG_PROVIDERS = ("off", "local", "vertex", "openai")
HOOK_SECRETS = ("hook_shopify_secret", "hook_woocommerce_secret", "hook_stripe_secret")
MODEL_SOURCES = ("folder", "bucket")
# What Memorystore calls them.
HISTORY_STORES = {"basic": "BASIC", "standard": "STANDARD_HA"}
VALKEY_REPLICAS = {"basic": 0, "standard": 1}
VALKEY_NODES = {
    "CUSTOM_PICO": 1,
    "CUSTOM_MICRO": 2,
    "CUSTOM_MINI": 3,
    "STANDARD_SMALL": 6,
    "HIGHMEM_MEDIUM": 13,
    "HIGHMEM_XLARGE": 58,
}
"""Memorystore's nodes for Valkey and the memory of each in GB, smallest first; records get four fifths of it:
cloud.google.com/memorystore/docs/valkey/instance-node-specification
"""
HISTORY_ENGINES = {
    "": ("valkey",),
    "valkey": ("valkey",),
    "redis": ("redis",),
    "valkey-beside-redis": ("valkey", "redis"),
    "redis-beside-valkey": ("redis", "valkey"),
}
"""What keeps histories: first the engine that serves, then one that stays until nothing uses it any more."""
# What Cloud SQL calls them.
ALERT_STORES = {"basic": "ZONAL", "standard": "REGIONAL"}
IDENTITIES = ("typed", "invoker", "iap")
"""How the services know who an analyst is: app/desk/identity.py."""
RETENTION_LOCKS = ("off", "for-ever")
REGIONS = frozenset("""
    africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2
    asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2 europe-central2 europe-north1
    europe-north2 europe-southwest1 europe-west1 europe-west10 europe-west12 europe-west2 europe-west3
    europe-west4 europe-west6 europe-west8 europe-west9 me-central1 me-central2 me-west1 northamerica-northeast1
    northamerica-northeast2 northamerica-south1 southamerica-east1 southamerica-west1 us-central1 us-east1
    us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4
    """.split())


# Which regions a place of several holds. Of Europe's, London and Zurich are outside the European Union.
MULTI_REGIONS = {
    "EU": frozenset(name for name in REGIONS if name.startswith("europe-")) - {"europe-west2", "europe-west6"},
    "US": frozenset(name for name in REGIONS if name.startswith("us-")),
}


class ConfigError(ValueError):
    """The stack's settings are wrong; the message lists every mistake and what to write instead."""


@dataclass(frozen=True)
class Settings:
    """One stack's settings. Field names are the keys of `Pulumi.yaml` in snake case; an empty string means "off" or
    "not chosen".
    """

    project: str
    region: str
    environment: str
    project_number: str
    data_location: str
    team: str
    deletion_protection: bool
    deployer: str
    min_instances: int
    max_instances: int
    concurrency: int
    cpu: str
    memory: str
    request_timeout_seconds: int
    ingress: str
    open_invoker: bool
    invokers: tuple[str, ...]
    model_version: str
    shadow_model_version: str
    rules: str
    model_source: str
    model_sha256: str
    model_promoted_at: str
    stable_revision: str
    canary_percent: int
    canary_steps: tuple[int, ...]
    canary_minutes: int
    image_digest: str
    trainer_image_digest: str
    backfill_image_digest: str
    image_registry: str
    rag_provider: str
    rag_model: str
    rag_base_url: str
    rag_api_key: bool
    history_store: str
    history_store_memory_gb: int
    history_engine: str
    history_url: str
    history_password: bool
    history_ca: str
    alert_store: str
    alert_store_tier: str
    alerts_url: str
    alerts_days: int
    identity: str
    iap_audience: str
    rotation_reminder_days: int
    retention_days: int
    log_retention_days: int
    access_logs: bool
    access_log_retention_lock: str
    audit_logs: bool
    training_schedule: str
    train_on_arrival: bool
    training_gather_minutes: int
    backfill: bool
    backfill_workers: int
    alerts: bool
    alert_email: str
    notification_channels: tuple[str, ...]
    anomaly_alert_percent: int
    latency_alert_milliseconds: int
    error_alert_percent: int
    budget_amount: int
    budget_currency: str
    billing_account: str
    cmek: bool
    attestor: str
    vpc_network: str
    vpc_subnetwork: str
    domain: str
    requests_per_minute: int
    requests_per_minute_of_key: int
    hooks: bool
    hook_shopify_secret: bool
    hook_woocommerce_secret: bool
    hook_stripe_secret: bool
    tell_shop: str
    tell_shop_token: bool
    tell_url: str
    tell_secret: bool

    @property
    def labels(self) -> dict[str, str]:
        """The labels that every resource carries."""
        return {"application": NAMESPACE, "environment": self.environment, "team": self.team, "managed-by": "pulumi"}

    @property
    def grants_itself(self) -> bool:
        """Whether the stack says itself who may use its buckets, accounts and project: where nobody deploys for it. A
        deployer could give itself what it hands out, so for one the bootstrap stack makes these grants.
        """
        return not self.deployer

    @property
    def has_history_store(self) -> bool:
        """Whether the stack has a store of histories of its own."""
        return self.history_store in HISTORY_STORES

    @property
    def history_engines(self) -> tuple[str, ...]:
        """What keeps its histories there: first the engine that serves."""
        return HISTORY_ENGINES[self.history_engine] if self.has_history_store else ()

    @property
    def has_alert_store(self) -> bool:
        """Whether the stack has a PostgreSQL of its own."""
        return self.alert_store in ALERT_STORES

    @property
    def has_own_server(self) -> bool:
        """Whether the stack has a server of its own that is reached by a private address alone."""
        return self.has_history_store or self.has_alert_store

    @property
    def names_redis(self) -> bool:
        """Whether the stack uses a Redis that somebody else runs."""
        return not self.has_history_store and self.history_url.startswith(("redis://", "rediss://"))

    def name(self, suffix: str = "") -> str:
        """The name in Google Cloud of something that is unique within the project."""
        return "-".join(filter(None, (NAMESPACE, self.environment, suffix)))

    def global_name(self, suffix: str) -> str:
        """The name of something that is unique in the whole of Google Cloud, such as a bucket."""
        return f"{self.project}-{self.environment}-{suffix}"


def key_of(field: str) -> str:
    """The key in a stack's file of a field of `Settings`, such as `orderguard:minInstances`."""
    if field in ("project", "region"):
        return f"gcp:{field}"
    head, *tail = field.split("_")
    return f"{NAMESPACE}:{head}{''.join(word.capitalize() for word in tail)}"
