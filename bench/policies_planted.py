"""Made-up credentials and personal values, in the forms of the tests of detect-secrets, gitleaks and Presidio."""

import base64
import json
import random
import string
from collections.abc import Callable

Planted = tuple[str, str, str]
"""What was planted, the variable's name, and its value."""

_LETTERS, _DIGITS = string.ascii_letters, string.digits
_WORD = _LETTERS + _DIGITS
_HEX = "0123456789abcdef"
_GIVEN = "Anna Maria John Michael Sarah Thomas Julia Peter Laura David Elena Robert Sofia Daniel Nina".split()
_FAMILY = "Schmidt Garcia Smith Johnson Rossi Dupont Mueller Kowalski Hansen Silva Tanaka Brown Novak Meyer".split()
_NEUTRAL = ("SETTING", "EXTRA", "CONFIG", "NOTE", "OPTIONS")
_ASKING = "DB_PASSWORD API_KEY CLIENT_SECRET AUTH_TOKEN SMTP_PASS ENCRYPTION_KEY adafruitToken stripe_secret".split()


def planted(count: int, seed: int) -> list[Planted]:
    """So many, each form as often as the others. The same seed plants the same."""
    source = random.Random(seed)
    return [_one(source, number) for number in range(count)]


def _one(source: random.Random, number: int) -> Planted:
    kind, form = _FORMS[number % len(_FORMS)]
    name, value = form(source)
    return kind, name, value


def _some(source: random.Random, characters: str, length: int) -> str:
    return "".join(source.choices(characters, k=length))


def _issued(before: str, characters: str, length: int, after: str = "") -> Callable[[random.Random], tuple[str, str]]:
    def form(source: random.Random) -> tuple[str, str]:
        return source.choice(_NEUTRAL), before + _some(source, characters, length) + after

    return form


def _named(template: str, names: tuple[str, ...] = ()) -> Callable[[random.Random], tuple[str, str]]:
    """A secret given to a name within a value: in a script, in JSON, in a flag."""

    def form(source: random.Random) -> tuple[str, str]:
        name = source.choice(names or tuple(_ASKING))
        return source.choice(_NEUTRAL), template.replace("NAME", name).replace("VALUE", _secret(source))

    return form


def _secret(source: random.Random) -> str:
    return source.choice(
        (
            _some(source, _WORD, source.randint(12, 40)) + str(source.randint(0, 9)),
            _some(source, _HEX, 32),
            f"hunter{source.randint(10, 99)}hunter{source.randint(10, 99)}",
            "m{{h}o)p$e]nob(ody[finds>-_$#thisone}}"[source.randint(0, 9) :],
            base64.b64encode(source.randbytes(24)).decode(),
        )
    )


def _variable(source: random.Random) -> tuple[str, str]:
    return source.choice(_ASKING), _secret(source).replace("{", "x")


def _json(source: random.Random) -> tuple[str, str]:
    return "SETTINGS", json.dumps({"user": "app", source.choice(("password", "apiKey", "token")): _secret(source)})


def _basic(source: random.Random) -> tuple[str, str]:
    told = base64.b64encode(f"user:{_some(source, _WORD, 12)}".encode()).decode()
    return "HEADER", f"Authorization: Basic {told}"


def _mail(source: random.Random) -> tuple[str, str]:
    given, family = source.choice(_GIVEN).lower(), source.choice(_FAMILY).lower()
    return "NOTE", source.choice((f"{given}.{family}@example.com", f"write to {given[0]}.{family}@shop.co.uk"))


def _name(source: random.Random) -> tuple[str, str]:
    given, family = source.choice(_GIVEN), source.choice(_FAMILY)
    return "OWNER_NOTE", source.choice(
        (f"{given} {family}", f"{given.lower()}-{family.lower()}", f"call {given} {family}")
    )


def _phone(source: random.Random) -> tuple[str, str]:
    digits = _some(source, "23456789", 10)
    return "NOTE", source.choice(
        (
            f"+49 170 {digits[:7]}",
            f"({digits[:3]}) {digits[3:6]}-{digits[6:]}",
            f"+1-{digits[:3]}-{digits[3:6]}-{digits[6:]}",
        )
    )


def _card(source: random.Random) -> tuple[str, str]:
    digits = [4, *(source.randint(0, 9) for _ in range(14))]
    total = sum(d if i % 2 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(digits))
    text = "".join(map(str, [*digits, -total % 10]))
    return "NOTE", source.choice((text, " ".join(text[i : i + 4] for i in range(0, 16, 4))))


def _iban(source: random.Random) -> tuple[str, str]:
    account = _some(source, _DIGITS, 18)
    check = 98 - int(account + "131400") % 97
    return "NOTE", f"DE{check:02}{account}"


def _social(source: random.Random) -> tuple[str, str]:
    return "NOTE", f"{source.randint(100, 665)}-{source.randint(10, 99)}-{source.randint(1000, 9999)}"


def _spanish(source: random.Random) -> tuple[str, str]:
    number = source.randint(10_000_000, 99_999_999)
    return "NOTE", f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


_FORMS: tuple[tuple[str, Callable[[random.Random], tuple[str, str]]], ...] = (
    ("Google API key", _issued("AIza", _WORD, 35)),
    ("AWS key", _issued("AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
    ("GitHub token", _issued("ghp_", _WORD, 36)),
    ("GitLab token", _issued("glpat-", _WORD, 20)),
    ("Slack token", _issued("xoxb-", _DIGITS, 12, "-" + "aB3" * 8)),
    ("Stripe key", _issued("sk_" + "live_", _WORD, 24)),
    ("SendGrid key", _issued("SG.", _WORD, 22, "." + "aB3-" * 10)),
    ("npm token", _issued("npm_", _WORD, 36)),
    ("PyPI token", _issued("pypi-AgEIcHlwaS5vcmc", _WORD, 60)),
    ("Pulumi token", _issued("pul-", _HEX, 40)),
    ("DigitalOcean token", _issued("dop_v1_", _HEX, 64)),
    ("Databricks token", _issued("dapi", _HEX, 32)),
    ("Twilio key", _issued("SK", _HEX, 32)),
    ("Telegram token", _issued("123456789:", _WORD, 35)),
    ("Discord token", _issued("MTk4NjIyNDgzNDcxOTI1MjQ4.", _WORD, 6, "." + "aB3" * 9)),
    ("Mailchimp key", _issued("", _HEX, 32, "-us12")),
    ("Square token", _issued("sq0csp-", _WORD, 43)),
    ("Shopify token", _issued("shpat_", _HEX, 32)),
    ("Azure storage key", _issued("DefaultEndpointsProtocol=https;AccountKey=", _WORD, 86, "==")),
    ("OpenAI key", _issued("sk-", _WORD, 20, "T3BlbkFJ" + "aB3x" * 5)),
    ("Anthropic key", _issued("sk-ant-" + "api03-", _WORD, 93, "AA")),
    ("Hugging Face token", _issued("hf_", _LETTERS, 34)),
    ("JSON web token", _issued("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx", _WORD, 20, "." + "aB3" * 14)),
    ("private key", _issued("-----BEGIN RSA " + "PRIVATE KEY-----\n", _WORD, 64)),
    ("URL with a password", _issued("postgres://app:", _WORD, 14, "@10.0.0.3:5432/orders")),
    ("Vault token", _issued("hvs.", _WORD, 95)),
    ("Linear key", _issued("lin_api_", _WORD, 40)),
    ("Grafana token", _issued("glsa_", _WORD, 32, "_0a1b2c3d")),
    ("random characters", _issued("", _WORD, 40)),
    *((kind, _variable) for kind in ("variable", "variable", "variable")),
    ("shell", _named('sh -c "export NAME=VALUE && start"')),
    ("quoted", _named('NAME = "VALUE"')),
    ("YAML", _named("host: db\nNAME: VALUE\n")),
    ("Go", _named("NAME := `VALUE`")),
    ("property", _named('System.setProperty("NAME", "VALUE")')),
    ("arrow", _named('"NAME" => "VALUE"')),
    ("make", _named('NAME ?= "VALUE"')),
    ("flag", _named("--db-password VALUE")),
    ("flag with =", _named("--client-secret=VALUE --verbose")),
    ("query", _named("https://example.com/hook?access_token=VALUE&x=1")),
    ("JSON", _json),
    ("header", _basic),
    ("bearer", _issued("Authorization: Bearer a1", _WORD, 30)),
    ("e-mail address", _mail),
    ("name", _name),
    ("phone number", _phone),
    ("card number", _card),
    ("IBAN", _iban),
    ("social security number", _social),
    ("Spanish number", _spanish),
)
