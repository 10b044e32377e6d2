"""The service's settings, read once from the environment. A mistake is explained: what was found, what to write
instead.
"""

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orderguard.masking import Keyring, MaskingKeyError

MIN_API_KEY_LENGTH = 16
MAX_API_KEYS = 2
MIN_SECRET_LENGTH = 16
MAX_SECRETS = 2
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
HISTORY_SCHEMES = ("memory:", "sqlite:", "redis://", "rediss://", "off")
CHAMPION = "champion"
ALERT_SCHEMES = ("sqlite:", "postgresql://", "off")
LOGINS = ("password", "iam")
"""How the service logs in to a server: by its password, or by a token of the account that it runs as."""
IDENTITIES = ("typed", "invoker", "iap")
"""Who an analyst is: the name that they typed, whom Cloud Run let in, or whom Identity-Aware Proxy let in."""
SERVE = ("scoring", "hooks")
"""What a service serves: everything but webhooks, or webhooks alone."""


class SettingsError(ValueError):
    """The environment doesn't make a service. The message names the variables and never repeats a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the service was told. `SETTINGS` says which variable each comes from."""

    keyring: Keyring = field(repr=False)
    api_key_hashes: tuple[bytes, ...] = field(repr=False)
    probe_key_hashes: tuple[bytes, ...] = field(default=(), repr=False)
    host: str = "127.0.0.1"
    port: int = 8080
    model_dir: Path = Path("models")
    model_version: str = CHAMPION
    model_sha256: str = ""
    shadow_model_version: str | None = None
    histories_dir: Path | None = None
    rules_file: Path | None = None
    history_url: str = field(default="memory:", repr=False)
    history_password: str = field(default="", repr=False)
    history_login: str = "password"
    history_ca: str = field(default="", repr=False)
    history_ttl_days: int = 180
    entity_ttl_days: int = 90
    alerts_url: str = field(default="off", repr=False)
    alerts_password: str = field(default="", repr=False)
    alerts_login: str = "password"
    alerts_ca: str = field(default="", repr=False)
    alerts_journal: Path | None = None
    alerts_days: int = 365
    identity: str = "typed"
    iap_audience: str = ""
    log_level: str = "INFO"
    max_body_bytes: int = 2_097_152
    max_batch: int = 1_000
    max_concurrency: int = 256
    request_timeout_seconds: float = 10.0
    serve: str = "scoring"
    shopify_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    woocommerce_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    stripe_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    tell_shop: str = ""
    tell_shop_token: str = field(default="", repr=False)
    tell_url: str = ""
    tell_secret: bytes = field(default=b"", repr=False)
    project: str | None = None
    revision: str | None = None


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.05 <= value <= 3_600:
        raise ValueError("must be a number of seconds from 0.05 to 3600")
    return value


def _version_name(text: str) -> str:
    if text in (".", "..") or any(c in text for c in "/\\\0"):
        raise ValueError("must be the name of a folder in MODEL_DIR, or `champion`")
    return text


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError("must be a SHA-256: 64 hexadecimal digits")
    return text


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def _history_url(text: str) -> str:
    if not text.startswith(HISTORY_SCHEMES) or text == "sqlite:":
        raise ValueError("must be memory:, sqlite:PATH, redis://HOST:PORT/DB, rediss://HOST:PORT/DB or off")
    return text


def _alerts_url(text: str) -> str:
    parts = urlsplit(text)
    if not text.startswith(ALERT_SCHEMES) or text == "sqlite:":
        raise ValueError("must be sqlite:PATH, postgresql://USER@HOST:PORT/DATABASE or off")
    if parts.scheme == "postgresql" and (parts.password or not parts.username or len(parts.path) < 2):
        raise ValueError("must be postgresql://USER@HOST:PORT/DATABASE, with the password in ALERTS_PASSWORD")
    return text


def _choice(*known: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return text

    return parse


def _secrets(text: str) -> tuple[bytes, ...]:
    """One secret, or two on two lines while one is rotated: a vendor's may hold any other character."""
    found = [line.strip().encode() for line in text.splitlines() if line.strip()]
    if len(found) > MAX_SECRETS or any(len(secret) < MIN_SECRET_LENGTH for secret in found):
        raise ValueError(f"must hold one secret, or two on two lines, of at least {MIN_SECRET_LENGTH} characters each")
    return tuple(found)


def _one_secret(text: str) -> bytes:
    found = _secrets(text)
    if len(found) != 1:
        raise ValueError("must hold one secret")
    return found[0]


def _token(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be one line of plain ASCII characters")
    return text


def _shop(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com", text):
        raise ValueError("must be the shop's own name at Shopify, such as mugs.myshopify.com")
    return text


def _https(text: str) -> str:
    parts = urlsplit(text)
    schemes = ("https", "http") if is_loopback(text) else ("https",)
    if parts.username or parts.password or not parts.hostname or parts.scheme not in schemes:
        raise ValueError("must be an https address without a user or a password, such as https://shop.example/told")
    return text


def is_loopback(url: str) -> bool:
    """Whether an address never leaves this machine. Only such a one may be plain HTTP, and none is sent Google
    credentials.
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: the field it sets, how its text is read, what it is for."""

    variable: str
    field: str
    parse: Callable[[str], Any]
    meaning: str


SETTINGS = (
    Setting("HOST", "host", str, "the address to listen on"),
    Setting("PORT", "port", _whole(0, 65_535), "the port to listen on; 0 takes a free one"),
    Setting("MODEL_DIR", "model_dir", Path, "the folder that holds one folder a model version"),
    Setting("MODEL_VERSION", "model_version", _version_name, "the version to serve; `champion` follows the champion"),
    Setting("MODEL_SHA256", "model_sha256", _sha256, "what MODEL_VERSION's manifest has to say of the model"),
    Setting("SHADOW_MODEL_VERSION", "shadow_model_version", _version_name, "a challenger to score and compare"),
    Setting("HISTORIES_DIR", "histories_dir", Path, "the folder of past cases and of the histories' seed"),
    Setting("RULES_FILE", "rules_file", Path, "the file of decision rules and lists; none: the model alone decides"),
    Setting("HISTORY_URL", "history_url", _history_url, "where customers' histories are kept"),
    Setting("HISTORY_PASSWORD", "history_password", str, "the password of a Redis server, kept out of its address"),
    Setting("HISTORY_LOGIN", "history_login", _choice(*LOGINS), "how it logs in there; `iam`: as its Google account"),
    Setting("HISTORY_CA", "history_ca", str, "the certificates (PEM) that a Redis server's must be signed with"),
    Setting("HISTORY_TTL_DAYS", "history_ttl_days", _whole(1, 3_650), "when an unused history is forgotten"),
    Setting("ENTITY_TTL_DAYS", "entity_ttl_days", _whole(1, 3_650), "when a device, an address, … is forgotten"),
    Setting("ALERTS_URL", "alerts_url", _alerts_url, "where alerts and outcomes are kept"),
    Setting("ALERTS_PASSWORD", "alerts_password", str, "the password of a PostgreSQL server, kept out of its address"),
    Setting("ALERTS_LOGIN", "alerts_login", _choice(*LOGINS), "how it logs in there; `iam`: as its Google account"),
    Setting("ALERTS_CA", "alerts_ca", str, "the certificates (PEM) that a PostgreSQL server's must be signed with"),
    Setting("ALERTS_JOURNAL", "alerts_journal", Path, "the folder of alerts on their way to the database"),
    Setting("ALERTS_DAYS", "alerts_days", _whole(1, 3_650), "when an alert and its outcome are deleted"),
    Setting("IDENTITY", "identity", _choice(*IDENTITIES), "how the service knows who an analyst is"),
    Setting("IAP_AUDIENCE", "iap_audience", str, "the audience that Identity-Aware Proxy signs for"),
    Setting("LOG_LEVEL", "log_level", _log_level, "the least severity that is logged"),
    Setting("MAX_BODY_BYTES", "max_body_bytes", _whole(1_024, 67_108_864), "the largest body of an order or a batch"),
    Setting("MAX_BATCH", "max_batch", _whole(1, 10_000), "the most orders in one batch"),
    Setting("MAX_CONCURRENCY", "max_concurrency", _whole(1, 100_000), "requests in progress before load is shed"),
    Setting("REQUEST_TIMEOUT_SECONDS", "request_timeout_seconds", _seconds, "how long a client may take to send"),
    Setting("SERVE", "serve", _choice(*SERVE), "`scoring`: everything but webhooks; `hooks`: webhooks alone"),
    Setting("HOOK_SHOPIFY_SECRET", "shopify_secrets", _secrets, "what Shopify signs webhooks with: the client secret"),
    Setting("HOOK_WOOCOMMERCE_SECRET", "woocommerce_secrets", _secrets, "what WooCommerce signs webhooks with"),
    Setting("HOOK_STRIPE_SECRET", "stripe_secrets", _secrets, "what Stripe signs webhooks with: whsec_…"),
    Setting("TELL_SHOP", "tell_shop", _shop, "the shop at Shopify that is told of anomalies among its webhooks"),
    Setting("TELL_SHOP_TOKEN", "tell_shop_token", _token, "its access token, with the scope write_orders"),
    Setting("TELL_URL", "tell_url", _https, "an address that is told of anomalies among webhooks"),
    Setting("TELL_SECRET", "tell_secret", _one_secret, "what that is signed with"),
    Setting("GOOGLE_CLOUD_PROJECT", "project", str, "the project that traces belong to"),
    Setting("K_REVISION", "revision", str, "the Cloud Run revision, set by Cloud Run"),
)
"""Every variable that is neither a secret nor a switch. PII_MASKING, MASKING_KEY, MASKING_KEY_FILE, API_KEY and
API_KEY_REQUIRED, PROBE_KEY are read by `read_settings` itself."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that the environment holds.

    Raises `SettingsError` with every mistake at once, one a line.
    """
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    if environment.get("PII_MASKING") != "enforced":
        mistakes.append("PII_MASKING must be `enforced`: this service does not run without masking")
    try:
        values["keyring"] = Keyring.from_environment(environment)
    except MaskingKeyError as error:
        mistakes.append(f"MASKING_KEY: {error}")
    hooks_alone = environment.get("SERVE", "").strip() == "hooks"
    try:
        # Vendors hold no key of ours.
        values["api_key_hashes"] = () if hooks_alone else _api_key_hashes(environment)
        values["probe_key_hashes"] = () if hooks_alone else _hashes("PROBE_KEY", environment)
    except ValueError as error:
        mistakes.append(str(error))
    for setting in SETTINGS:
        text = environment.get(setting.variable, "").strip()
        if text:
            try:
                values[setting.field] = setting.parse(text)
            except ValueError as error:
                mistakes.append(f"{setting.variable} {error}")
    if not mistakes:
        settings = Settings(**values)
        mistakes = list(_mistakes_together(settings))
        if not mistakes:
            return settings
    raise SettingsError("\n".join(mistakes))


def _mistakes_together(settings: Settings) -> Iterator[str]:
    if settings.model_sha256 and settings.model_version == CHAMPION:
        yield "MODEL_SHA256 belongs to one version: name it in MODEL_VERSION"
    if settings.serve == "hooks" and not (
        settings.shopify_secrets or settings.woocommerce_secrets or settings.stripe_secrets
    ):
        yield "SERVE=hooks needs a secret: HOOK_SHOPIFY_SECRET, HOOK_WOOCOMMERCE_SECRET or HOOK_STRIPE_SECRET"
    if bool(settings.tell_shop) != bool(settings.tell_shop_token):
        yield "TELL_SHOP and TELL_SHOP_TOKEN belong together: set both or neither"
    if (settings.identity == "iap") != bool(settings.iap_audience):
        yield "IDENTITY=iap and IAP_AUDIENCE belong together: set both or neither"
    if settings.alerts_login == "iam" and (settings.alerts_password or not settings.alerts_ca):
        yield "ALERTS_LOGIN=iam sends a token: it needs ALERTS_CA, to know the server, and no ALERTS_PASSWORD"
    if settings.history_login == "iam" and (
        settings.history_password or not settings.history_ca or not settings.history_url.startswith("rediss://")
    ):
        yield (
            "HISTORY_LOGIN=iam sends a token: it needs HISTORY_URL=rediss://HOST and HISTORY_CA, to know the server,"
            " and no HISTORY_PASSWORD"
        )
    if bool(settings.tell_url) != bool(settings.tell_secret):
        yield "TELL_URL and TELL_SECRET belong together: set both or neither"


def _api_key_hashes(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """SHA-256 of each valid key; none means that no key is asked for."""
    required = environment.get("API_KEY_REQUIRED", "true").strip().lower()
    if required not in ("true", "false"):
        raise ValueError("API_KEY_REQUIRED must be `true` or `false`")
    found = _hashes("API_KEY", environment)
    if not found and required == "true":
        raise ValueError(
            "API_KEY is missing: set one key, or two while a key is rotated (API_KEY_REQUIRED=false: none)"
        )
    return found if required == "true" else ()


def _hashes(variable: str, environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """SHA-256 of each key that a variable holds."""
    keys = [key.strip() for key in environment.get(variable, "").split(",") if key.strip()]
    if len(keys) > MAX_API_KEYS:
        raise ValueError(f"{variable} holds {len(keys)} keys; at most {MAX_API_KEYS}, separated by a comma")
    if any(len(key) < MIN_API_KEY_LENGTH or not key.isascii() for key in keys):
        raise ValueError(f"{variable}: each key needs at least {MIN_API_KEY_LENGTH} plain ASCII characters")
    return tuple(hashlib.sha256(key.encode()).digest() for key in keys)
