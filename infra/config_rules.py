"""What a schema can't say of a stack's settings: which values make sense, alone and together."""

import re
from collections.abc import Callable, Iterator

from infra.config import (
    ALERT_STORES,
    HISTORY_ENGINES,
    HISTORY_STORES,
    HOOK_SECRETS,
    IDENTITIES,
    INGRESS,
    MODEL_SOURCES,
    MULTI_REGIONS,
    PROTECTED_ENVIRONMENTS,
    RAG_PROVIDERS,
    REGIONS,
    RETENTION_LOCKS,
    VALKEY_NODES,
    Settings,
    key_of,
)

# CPUs, and the least and the most memory (in Mi) that Cloud Run gives with them in its second-generation environment:
# cloud.google.com/run/docs/configuring/services/memory-limits
_MEMORY_OF_CPUS = {"1": (512, 4_096), "2": (512, 8_192), "4": (2_048, 16_384), "8": (4_096, 32_768)}


_OF_ONE_INSTANCE = ("memory:", "sqlite:")
_PEM = r"\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)*"


def _cron_field(value: str) -> str:
    """One field of a schedule: values, ranges, steps and lists of those."""
    item = rf"(?:\*|(?:{value})(?:-(?:{value}))?)(?:/[1-9][0-9]?)?"
    return rf"{item}(?:,{item})*"


_CRON = " ".join(
    _cron_field(value)
    for value in (
        "[0-5]?[0-9]",
        "[01]?[0-9]|2[0-3]",
        "0?[1-9]|[12][0-9]|3[01]",
        "0?[1-9]|1[0-2]|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
        "[0-7]|(?i:sun|mon|tue|wed|thu|fri|sat)",
    )
)

# Field, pattern, what to write.
_PATTERNS = (
    (
        "project",
        r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "a Google Cloud project id: 6 to 30 lower-case letters, digits and hyphens",
    ),
    ("project_number", r"([1-9][0-9]{5,18})?", "the number that `gcloud projects describe PROJECT` shows"),
    ("environment", r"[a-z][a-z0-9]{0,7}", "1 to 8 lower-case letters and digits, such as prod"),
    ("team", r"[a-z][a-z0-9_-]{0,62}", "lower-case letters, digits, _ and -, such as orders"),
    ("cpu", r"[1248]", "1, 2, 4 or 8"),
    ("memory", r"[1-9][0-9]*(Mi|Gi)", "an amount such as 512Mi or 2Gi"),
    ("model_version", r"([A-Za-z0-9][A-Za-z0-9._-]*)?", "the name of a folder under models/"),
    ("shadow_model_version", r"([A-Za-z0-9][A-Za-z0-9._-]*)?", "the name of a folder under models/"),
    ("rules", r"(?!.*[.][.])([A-Za-z0-9][A-Za-z0-9._/-]*[.]toml)?", "a .toml file of the repository"),
    ("model_sha256", r"([0-9a-f]{64})?", "64 hexadecimal digits"),
    (
        "model_promoted_at",
        r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z)?",
        "a moment in UTC, such as 2026-11-29T22:30:00Z",
    ),
    ("image_digest", r"(sha256:[0-9a-f]{64})?", "sha256: and 64 hexadecimal digits, as the registry shows them"),
    (
        "trainer_image_digest",
        r"(sha256:[0-9a-f]{64})?",
        "sha256: and 64 hexadecimal digits, as the registry shows them",
    ),
    (
        "backfill_image_digest",
        r"(sha256:[0-9a-f]{64})?",
        "sha256: and 64 hexadecimal digits, as the registry shows them",
    ),
    (
        "image_registry",
        r"([a-z0-9-]+-docker[.]pkg[.]dev/[a-z0-9-]+/[a-z0-9-]+)?",
        "REGION-docker.pkg.dev/PROJECT/REPOSITORY",
    ),
    ("deployer", r"((serviceAccount|group):\S+@\S+)?", "serviceAccount:NAME@PROJECT.iam.gserviceaccount.com"),
    ("history_url", r"memory:|off|sqlite:.+|rediss?://.+", "memory:, off, sqlite:PATH or rediss://HOST"),
    ("alerts_url", r"off|sqlite:.+", "off or sqlite:PATH"),
    ("alert_store_tier", r"db-[a-z0-9]+(-[A-Za-z0-9]+)*", "a machine type of Cloud SQL such as db-custom-1-3840"),
    (
        "iap_audience",
        r"(/projects/[0-9]+/\S+)?",
        "the audience that Identity-Aware Proxy signs for: /projects/NUMBER/…",
    ),
    ("history_ca", _PEM, 'certificates in PEM: `pulumi config set orderguard:historyCa -- "$(cat ca.pem)"`'),
    ("training_schedule", f"({_CRON})?", "five fields of cron, such as 0 3 * * 1, or leave it empty"),
    ("alert_email", r"([^@\s]+@[^@\s]+\.[^@\s]+)?", "a mailbox such as on-call@example.com"),
    ("budget_currency", r"[A-Z]{3}", "a currency's code such as EUR"),
    ("billing_account", r"([0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?", "an id such as 000000-AAAAAA-000000"),
    ("attestor", r"(projects/[a-z0-9-]+/attestors/[A-Za-z0-9_.-]+)?", "projects/PROJECT/attestors/NAME"),
    ("domain", r"([a-z0-9-]+(\.[a-z0-9-]+)+)?", "a domain such as scoring.example.com"),
    ("rag_base_url", r"(https?://\S+)?", "an address that begins with https://"),
    ("tell_shop", r"([a-z0-9][a-z0-9-]{0,62}\.myshopify\.com)?", "the shop's own name, such as mugs.myshopify.com"),
    (
        "tell_url",
        r"(https://[^\s@]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/[^\s@]*)?)?",
        "an address that begins with https:// (on one machine http://127.0.0.1 will do) and holds no password",
    ),
)

# Field, pattern of each element, what to write.
_ELEMENTS = (
    (
        "invokers",
        r"(serviceAccount|group|user|domain):\S+|principal(Set)?://\S+",
        "members such as serviceAccount:shop@PROJECT.iam.gserviceaccount.com; for everybody, `orderguard:openInvoker: "
        "true`",
    ),
    (
        "notification_channels",
        r"projects/[a-z0-9-]+/notificationChannels/[0-9]+",
        "projects/PROJECT/notificationChannels/ID",
    ),
)

# Field, smallest value, largest value.
_RANGES = (
    ("min_instances", 0, 1000),
    ("max_instances", 1, 1000),
    ("concurrency", 1, 1000),
    ("request_timeout_seconds", 1, 3600),
    # cloud.google.com/memorystore/docs/redis/memory-management-best-practices: an instance has 1 to 300 GB.
    ("history_store_memory_gb", 1, 300),
    ("alerts_days", 1, 3650),
    ("canary_percent", 0, 100),
    ("canary_minutes", 0, 1440),
    ("training_gather_minutes", 0, 1440),
    # The most that a job of Dataflow may have.
    ("backfill_workers", 1, 4000),
    ("rotation_reminder_days", 0, 3650),
    ("retention_days", 1, 3650),
    ("log_retention_days", 1, 3650),
    ("anomaly_alert_percent", 0, 100),
    ("error_alert_percent", 0, 100),
    ("latency_alert_milliseconds", 1, 3_600_000),
    ("budget_amount", 0, 100_000_000),
    ("requests_per_minute", 1, 1_000_000),
    ("requests_per_minute_of_key", 1, 1_000_000),
)

_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("region", tuple(sorted(REGIONS))),
    ("ingress", tuple(INGRESS)),
    ("rag_provider", RAG_PROVIDERS),
    ("history_store", ("off", *HISTORY_STORES)),
    ("history_engine", tuple(HISTORY_ENGINES)),
    ("alert_store", ("off", *ALERT_STORES)),
    ("identity", IDENTITIES),
    ("model_source", MODEL_SOURCES),
    ("access_log_retention_lock", RETENTION_LOCKS),
)

# When it is wrong, and what to write.
_TOGETHER: tuple[tuple[Callable[[Settings], bool], str], ...] = (
    (
        lambda s: s.min_instances > s.max_instances,
        "orderguard:minInstances is above orderguard:maxInstances. Raise maxInstances or lower minInstances.",
    ),
    (
        lambda s: not _memory_fits(s),
        "orderguard:memory does not go with orderguard:cpu. Cloud Run gives 512Mi to 4Gi with 1 CPU, to 8Gi with 2, "
        "2Gi to 16Gi with 4 and 4Gi to 32Gi with 8.",
    ),
    (
        lambda s: s.environment in PROTECTED_ENVIRONMENTS and not s.deletion_protection,
        "orderguard:deletionProtection is off in prod, where a slip would delete orders and models. Write "
        "`orderguard:deletionProtection: true`.",
    ),
    (
        lambda s: s.environment in PROTECTED_ENVIRONMENTS and s.open_invoker,
        "orderguard:openInvoker is on in prod. Name the callers instead: `orderguard:invokers: [serviceAccount:…]`.",
    ),
    (
        lambda s: not _location_fits(s),
        "orderguard:dataLocation does not hold gcp:region. Write the region itself, or EU with a europe-… region in "
        "the European Union (europe-west2, London, and europe-west6, Zurich, are not), or US with a us-… region.",
    ),
    (
        lambda s: s.access_log_retention_lock != "off" and not s.access_logs,
        "orderguard:accessLogRetentionLock locks the retention of access logs, and there are none. Write "
        "`orderguard:accessLogs: true`, or take it out.",
    ),
    (
        lambda s: s.cmek and s.data_location != s.region,
        "orderguard:cmek needs data where its key is. Write the region of gcp:region into `orderguard:dataLocation`.",
    ),
    (
        lambda s: s.canary_percent < 100 and not s.stable_revision,
        "orderguard:canaryPercent is below 100 and nothing takes the rest of the traffic. Name the revision that "
        "does: `orderguard:stableRevision: …`.",
    ),
    (
        lambda s: not s.canary_steps or list(s.canary_steps) != sorted({*s.canary_steps, 100} & set(range(1, 101))),
        "orderguard:canarySteps are the shares that a new revision gets one after the other, in percent: they rise, "
        "from at least 1 to 100. Write `orderguard:canarySteps: [1, 10, 50, 100]`.",
    ),
    (
        lambda s: s.ingress == "load-balancer" and not s.domain,
        "orderguard:ingress is load-balancer and there is none. Write `orderguard:domain: scoring.example.com`, or "
        "`orderguard:ingress: internal`.",
    ),
    (
        lambda s: bool(s.domain) and s.ingress == "internal",
        "orderguard:domain asks for a load balancer, which orderguard:ingress keeps out. Write `orderguard:ingress:"
        " load-balancer`.",
    ),
    (
        lambda s: bool(s.vpc_network) != bool(s.vpc_subnetwork),
        "orderguard:vpcNetwork and orderguard:vpcSubnetwork belong together. Write both or neither.",
    ),
    (
        lambda s: s.has_history_store and s.history_url != "memory:",
        "orderguard:historyStore makes a store, and orderguard:historyUrl names another store. Write "
        '`orderguard:historyStore: "off"`, or take historyUrl out.',
    ),
    (
        lambda s: s.history_store == "off"
        and s.history_url.startswith(_OF_ONE_INSTANCE)
        and (s.hooks or s.max_instances > 1),
        "orderguard:historyUrl is a store that each instance has for itself, and orderguard:maxInstances (or hooks) "
        "lets several run: each would see a part of a customer's orders. Write `orderguard:historyStore: basic` (or "
        "standard), or `orderguard:historyUrl: rediss://HOST` for a server that you run, or `orderguard:maxInstances: "
        "1`.",
    ),
    (
        lambda s: s.alerts_url != "off" and s.environment != "local",
        "orderguard:alertsUrl names a file, which on Cloud Run is gone with its instance. Write "
        '`orderguard:alertsUrl: "off"` and `orderguard:alertStore: basic`, or keep alerts in a file in the stack '
        "`local` alone.",
    ),
    (
        lambda s: s.has_alert_store and s.alerts_url != "off",
        "orderguard:alertStore makes a PostgreSQL, and orderguard:alertsUrl names a file. Write "
        '`orderguard:alertStore: "off"`, or take alertsUrl out.',
    ),
    (
        lambda s: (s.identity == "iap") != bool(s.iap_audience),
        "orderguard:identity: iap and orderguard:iapAudience belong together. Write both or neither.",
    ),
    (
        lambda s: s.has_alert_store and s.identity == "invoker" and s.open_invoker,
        "orderguard:openInvoker lets anybody call, so nobody verifies the identity token that orderguard:identity: "
        "invoker reads a name from. Name the callers (`orderguard:invokers`), or write `orderguard:identity: typed`.",
    ),
    (
        lambda s: "@" in s.history_url,
        "orderguard:historyUrl holds a password, and whoever reads the stack's file would have it. Take it out and "
        "write `orderguard:historyPassword: true`; `make secrets` asks for it.",
    ),
    (
        lambda s: bool(s.history_password or s.history_ca) and not s.names_redis,
        "orderguard:historyPassword and orderguard:historyCa belong to a Redis that orderguard:historyUrl names. Write "
        "`orderguard:historyUrl: rediss://HOST`, or take them out: the stack's own store needs neither.",
    ),
    (
        lambda s: s.history_engine in HISTORY_ENGINES
        and "valkey" in s.history_engines
        and s.history_store_memory_gb > max(VALKEY_NODES.values()),
        f"orderguard:historyStoreMemoryGb is above {max(VALKEY_NODES.values())}, the most that one node of a Valkey "
        "has. Write less, or `orderguard:historyEngine: redis`.",
    ),
    (
        lambda s: s.rag_provider == "openai" and not (s.rag_base_url and s.rag_model),
        "orderguard:ragProvider is openai, which needs an address and a model. Write `orderguard:ragBaseUrl: …` and "
        "`orderguard:ragModel: …`; where it wants a key, `orderguard:ragApiKey: true`, and `make secrets` asks for it.",
    ),
    (
        lambda s: s.hooks and not s.domain,
        "orderguard:hooks is on, and shops reach it through a load balancer alone. Write `orderguard:domain: "
        "scoring.example.com`.",
    ),
    (
        lambda s: s.hooks != any(getattr(s, name) for name in HOOK_SECRETS),
        "orderguard:hooks and the secrets of shops belong together. Write "
        "`orderguard:hookShopifySecret: true` (or hookWoocommerceSecret, hookStripeSecret) and `orderguard:hooks: "
        "true`.",
    ),
    (
        lambda s: bool(s.tell_shop) != bool(s.tell_shop_token) or bool(s.tell_url) != bool(s.tell_secret),
        "orderguard:tellShop goes with orderguard:tellShopToken, and orderguard:tellUrl with orderguard:tellSecret. "
        "Write `true` for the second of each; `make secrets` asks for its value.",
    ),
    (
        lambda s: bool(s.tell_shop or s.tell_url) and not s.hooks,
        "orderguard:tellShop and orderguard:tellUrl tell of anomalies among webhooks, and orderguard:hooks is off. "
        "Write `orderguard:hooks: true`, or take them out.",
    ),
    (
        lambda s: s.budget_amount > 0 and not s.billing_account,
        "orderguard:budgetAmount is set without a billing account. Write `orderguard:billingAccount: "
        "000000-AAAAAA-000000`.",
    ),
    (
        lambda s: s.alerts and not (s.alert_email or s.notification_channels),
        "orderguard:alerts is on and nobody would hear them. Write `orderguard:alertEmail: …` or "
        "`orderguard:notificationChannels: […]`.",
    ),
    (
        lambda s: s.model_source == "bucket" and not s.model_version,
        "orderguard:modelSource is bucket, where there is no champion file to read. Name the version: "
        "`orderguard:modelVersion: …`.",
    ),
    (
        lambda s: bool(s.image_digest) != bool(s.trainer_image_digest),
        "orderguard:imageDigest and orderguard:trainerImageDigest come from the same build. Write both or neither.",
    ),
    (
        lambda s: s.backfill and bool(s.image_digest) != bool(s.backfill_image_digest),
        "orderguard:imageDigest and orderguard:backfillImageDigest come from the same build. Write both or neither.",
    ),
    (
        lambda s: bool(s.image_registry) and not s.image_digest,
        "orderguard:imageRegistry holds images that nothing names: they would be built instead. Write "
        "`orderguard:imageDigest: sha256:…` and `orderguard:trainerImageDigest: sha256:…`, or take it out.",
    ),
)


def _location_fits(settings: Settings) -> bool:
    return settings.data_location == settings.region or settings.region in MULTI_REGIONS.get(settings.data_location, ())


def _memory_fits(settings: Settings) -> bool:
    written = re.fullmatch(r"([0-9]+)(Mi|Gi)", settings.memory)
    if written is None or settings.cpu not in _MEMORY_OF_CPUS:
        return True  # Which the patterns report.
    least, most = _MEMORY_OF_CPUS[settings.cpu]
    return least <= int(written[1]) * (1_024 if written[2] == "Gi" else 1) <= most


def _shown(value: str) -> str:
    """A value without the password that an address may hold."""
    return re.sub(r"//[^/]*@", "//…@", value)


def broken(settings: Settings) -> Iterator[str]:
    """The rules that the settings break, each with what was found and what to write instead."""
    for name, pattern, wanted in _PATTERNS:
        if not re.fullmatch(pattern, getattr(settings, name)):
            yield f"{key_of(name)}: {_shown(getattr(settings, name))!r} does not fit. Write {wanted}."
    for name, pattern, wanted in _ELEMENTS:
        for element in getattr(settings, name):
            if not re.fullmatch(pattern, element):
                yield f"{key_of(name)}: {element!r} does not fit. Write {wanted}."
    for name, smallest, largest in _RANGES:
        if not smallest <= (value := getattr(settings, name)) <= largest:
            yield f"{key_of(name)}: {value} is out of range. Write a number from {smallest} to {largest}."
    for name, choices in _CHOICES:
        if getattr(settings, name) not in choices:
            # YAML reads a bare `off` as false.
            quoted = ' Write `"off"` with quotation marks.' if getattr(settings, name) == "false" else ""
            yield f"{key_of(name)}: {getattr(settings, name)!r} is not one of {', '.join(choices)}.{quoted}"
    yield from (message for is_wrong, message in _TOGETHER if is_wrong(settings))
