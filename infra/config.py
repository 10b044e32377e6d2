"""The settings of a stack, typed once and checked before any resource is declared.

`Pulumi.yaml` holds the names, types, defaults and descriptions; this module holds what a schema can't say: which
values make sense, alone and together. Every mistake is reported at once, each with what was found and what to write
instead.
"""

import difflib
import json
import re
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields

NAMESPACE = "orderguard"
PROTECTED_ENVIRONMENTS = frozenset({"prod"})
INGRESS = {
    "all": "INGRESS_TRAFFIC_ALL",
    "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "load-balancer": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}
RAG_PROVIDERS = ("off", "local", "vertex", "openai")
SECRETS = ("rag_api_key",)
MODEL_SOURCES = ("folder", "bucket")
MULTI_REGIONS = {"EU": ("europe-",), "US": ("us-",)}
REGIONS = frozenset("""
    africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2
    asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2 europe-central2 europe-north1
    europe-north2 europe-southwest1 europe-west1 europe-west10 europe-west12 europe-west2 europe-west3
    europe-west4 europe-west6 europe-west8 europe-west9 me-central1 me-central2 me-west1 northamerica-northeast1
    northamerica-northeast2 northamerica-south1 southamerica-east1 southamerica-west1 us-central1 us-east1
    us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4
    """.split())


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
    model_source: str
    stable_revision: str
    canary_percent: int
    image_digest: str
    trainer_image_digest: str
    image_registry: str
    rag_provider: str
    rag_model: str
    rag_base_url: str
    rag_api_key: str
    history_url: str
    masking_key_rotation: int
    api_key_rotation: int
    rotation_reminder_days: int
    retention_days: int
    log_retention_days: int
    access_logs: bool
    audit_logs: bool
    training_schedule: str
    train_on_arrival: bool
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

    @property
    def labels(self) -> dict[str, str]:
        """The labels that every resource carries."""
        return {"application": NAMESPACE, "environment": self.environment, "team": self.team, "managed-by": "pulumi"}

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


def parse(values: Mapping[str, str], encrypted: Collection[str] = ()) -> Settings:
    """The settings in `values`, which is what the engine hands to a program: full keys to values, all as text (lists
    as JSON). `encrypted` are the keys whose values are encrypted in the stack's file.

    Raises ConfigError with every mistake that was found.
    """
    known = {key_of(field.name): field.name for field in fields(Settings)}
    mistakes = [
        f"{key}: there is no such setting. {_suggest(key, known)}"
        for key in values
        if key.startswith(f"{NAMESPACE}:") and key not in known
    ]
    mistakes += [
        f"{key} is in clear. Remove it and run `pulumi config set --secret {key}`."
        for key in map(key_of, SECRETS)
        if values.get(key) and key not in encrypted
    ]
    types = typing.get_type_hints(Settings)
    parsed: dict[str, object] = {}
    for key, name in known.items():
        if key not in values:
            mistakes.append(
                f"{key} is missing. Write it into the stack's file: `{key}: …`, or `pulumi config set {key} …`."
            )
            continue
        try:
            parsed[name] = _READERS[types[name]](values[key])
        except ValueError:
            mistakes.append(f"{key}: {values[key]!r} is not {_DESCRIPTIONS[types[name]]}.")
    if len(parsed) < len(known):
        raise ConfigError(_message(mistakes))
    settings = Settings(**typing.cast(dict[str, typing.Any], parsed))
    mistakes += _mistakes(settings)
    if mistakes:
        raise ConfigError(_message(mistakes))
    return settings


def _suggest(key: str, known: Mapping[str, str]) -> str:
    own = [name.partition(":")[2] for name in known if name.startswith(f"{NAMESPACE}:")]
    close = difflib.get_close_matches(key.partition(":")[2], own, n=1)
    return f"Did you mean `{NAMESPACE}:{close[0]}`?" if close else "Pulumi.yaml lists the settings that there are."


def _message(mistakes: list[str]) -> str:
    return "the stack's settings are wrong:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _refuse(text)


def _refuse(text: str) -> typing.NoReturn:
    raise ValueError(text)


def _list(text: str) -> tuple[str, ...]:
    items = json.loads(text)
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError(text)
    return tuple(items)


_READERS: dict[object, Callable[[str], object]] = {
    str: str,
    int: int,
    bool: _boolean,
    tuple[str, ...]: _list,
}
_DESCRIPTIONS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    tuple[str, ...]: "a list of text",
}

# CPUs, and the least and the most memory (in Mi) that Cloud Run gives with them in its second-generation environment:
# cloud.google.com/run/docs/configuring/services/memory-limits
_MEMORY_OF_CPUS = {"1": (512, 4_096), "2": (512, 8_192), "4": (2_048, 16_384), "8": (4_096, 32_768)}


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
    ("environment", r"[a-z][a-z0-9]{0,7}", "1 to 8 lower-case letters and digits, such as prod"),
    ("team", r"[a-z][a-z0-9_-]{0,62}", "lower-case letters, digits, _ and -, such as orders"),
    ("cpu", r"[1248]", "1, 2, 4 or 8"),
    ("memory", r"[1-9][0-9]*(Mi|Gi)", "an amount such as 512Mi or 2Gi"),
    ("model_version", r"([A-Za-z0-9][A-Za-z0-9._-]*)?", "the name of a folder under models/"),
    ("shadow_model_version", r"([A-Za-z0-9][A-Za-z0-9._-]*)?", "the name of a folder under models/"),
    ("image_digest", r"(sha256:[0-9a-f]{64})?", "sha256: and 64 hexadecimal digits, as the registry shows them"),
    (
        "trainer_image_digest",
        r"(sha256:[0-9a-f]{64})?",
        "sha256: and 64 hexadecimal digits, as the registry shows them",
    ),
    (
        "image_registry",
        r"([a-z0-9-]+-docker[.]pkg[.]dev/[a-z0-9-]+/[a-z0-9-]+)?",
        "REGION-docker.pkg.dev/PROJECT/REPOSITORY",
    ),
    ("deployer", r"((serviceAccount|group):\S+@\S+)?", "serviceAccount:NAME@PROJECT.iam.gserviceaccount.com"),
    ("history_url", r"memory:|off|sqlite:.+|rediss?://.+", "memory:, off, sqlite:PATH or redis://HOST"),
    ("training_schedule", f"({_CRON})?", "five fields of cron, such as 0 3 * * 1, or leave it empty"),
    ("alert_email", r"([^@\s]+@[^@\s]+\.[^@\s]+)?", "a mailbox such as on-call@example.com"),
    ("budget_currency", r"[A-Z]{3}", "a currency's code such as EUR"),
    ("billing_account", r"([0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?", "an id such as 000000-AAAAAA-000000"),
    ("attestor", r"(projects/[a-z0-9-]+/attestors/[A-Za-z0-9_.-]+)?", "projects/PROJECT/attestors/NAME"),
    ("domain", r"([a-z0-9-]+(\.[a-z0-9-]+)+)?", "a domain such as scoring.example.com"),
    ("rag_base_url", r"(https?://\S+)?", "an address that begins with https://"),
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
    ("canary_percent", 0, 100),
    ("masking_key_rotation", 1, 10_000),
    ("api_key_rotation", 1, 10_000),
    ("rotation_reminder_days", 0, 3650),
    ("retention_days", 1, 3650),
    ("log_retention_days", 1, 3650),
    ("anomaly_alert_percent", 0, 100),
    ("error_alert_percent", 0, 100),
    ("latency_alert_milliseconds", 1, 3_600_000),
    ("budget_amount", 0, 100_000_000),
    ("requests_per_minute", 1, 1_000_000),
)

_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("region", tuple(sorted(REGIONS))),
    ("ingress", tuple(INGRESS)),
    ("rag_provider", RAG_PROVIDERS),
    ("model_source", MODEL_SOURCES),
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
        "orderguard:dataLocation does not hold gcp:region. Write the region itself, or EU with a europe-… region, "
        "or US with a us-… region.",
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
        lambda s: s.rag_provider == "openai" and not (s.rag_base_url and s.rag_model),
        "orderguard:ragProvider is openai, which needs an address and a model. Write `orderguard:ragBaseUrl: …` and "
        "`orderguard:ragModel: …`; a key goes in by `pulumi config set --secret orderguard:ragApiKey`.",
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
        lambda s: bool(s.image_registry) and not s.image_digest,
        "orderguard:imageRegistry holds images that nothing names: they would be built instead. Write "
        "`orderguard:imageDigest: sha256:…` and `orderguard:trainerImageDigest: sha256:…`, or take it out.",
    ),
)


def _location_fits(settings: Settings) -> bool:
    if settings.data_location == settings.region:
        return True
    return settings.region.startswith(MULTI_REGIONS.get(settings.data_location, ("\0",)))


def _memory_fits(settings: Settings) -> bool:
    written = re.fullmatch(r"([0-9]+)(Mi|Gi)", settings.memory)
    if written is None or settings.cpu not in _MEMORY_OF_CPUS:
        return True  # Which the patterns report.
    least, most = _MEMORY_OF_CPUS[settings.cpu]
    return least <= int(written[1]) * (1_024 if written[2] == "Gi" else 1) <= most


def _mistakes(settings: Settings) -> Iterator[str]:
    for name, pattern, wanted in _PATTERNS:
        if not re.fullmatch(pattern, getattr(settings, name)):
            yield f"{key_of(name)}: {getattr(settings, name)!r} does not fit. Write {wanted}."
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
