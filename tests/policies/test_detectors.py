"""What looks like a credential or like personal data in configuration, and what must not be taken for either."""

import random
import string
import time
from uuid import UUID

import pytest

from bench.policies_planted import planted
from policies.credentials import credential_in, is_secret, is_secret_name
from policies.personal import is_card_number, is_iban, is_personal_name, personal_data_in

# Split, so that secret scanners don't take this file for a leak.
CREDENTIALS = {
    "a private key": [
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE",
        '{"type": "service_account", "private' + '_key": "x"}',
    ],
    "a Google API key": ["AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"],
    "a Google OAuth secret": ["GOCSPX-" + "abcDEF1234567890abcDEF12345"],
    "an AWS key": ["AKIA" + "IOSFODNN7EXAMPLE", "key=ASIA" + "IOSFODNN7EXAMPLE;"],
    "a GitHub token": ["ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a", "github_pat_" + "1" * 22 + "_" + "a" * 40],
    "a GitLab token": ["glpat-" + "abcdefghij0123456789"],
    "a Slack token": [
        "xoxb-" + "123456789012-abcdefABCDEF",
        "https://hooks.slack.com/" + "services/T0000/B0000/abcdefghij",
    ],
    "a Stripe key": ["sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"],
    "a SendGrid key": ["SG." + "ngeVfQFYQlKU0ufo8x5d1A" + ".TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr"],
    "a model provider's key": ["sk-" + "proj-abcdefghijklmnopqrst", "sk-ant-" + "api03-abcdefghijklmnopqr"],
    "a package registry token": ["npm_" + "a1B2" * 9],
    "a Pulumi token": ["pul-" + "0123456789abcdef0123456789abcdef01234567"],
    "a cloud token": ["dapi" + "0123456789abcdef0123456789abcdef"],
    "a JSON web token": ["eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"],
    "a URL with a password": [
        "postgres://app:" + "hunter2@db.internal:5432/orders",
        "redis://:" + "hunter2@10.0.0.3:6379",
    ],
    "an authorization header": ["Authorization: Bearer " + "abcdef0123456789abcdef"],
    "a password": [
        "password=correct-horse",
        "Server=db;User=a;Pwd=" + "Tr0ub4dor&3",
        "ALTER USER 'root'@'localhost' IDENTIFIED BY 'correct-horse';",
        "psql -c \"CREATE ROLE app LOGIN PASSWORD 'correct-horse'\"",
        "curl --silent -u admin:correct-horse https://orders.example.com",
        "docker login -u bob -p correct-horse ghcr.io",
        "echo correct-horse | docker login -u bob --password-stdin",
        "mysql -uroot -pcorrect-horse orders",
        "sshpass -p correct-horse ssh orders",
        "redis-server --requirepass correct-horse",
        "keytool -storepass correct-horse",
        "echo 'root:correct-horse' | chpasswd",
        "net user admin Correct-horse! /add",
        "aws configure set aws_secret_access_key correct/horse1",
        "machine orders.example.com login bob password correct-horse",
    ],
    "a masking key": ["k1:" + "q7w8e9r0t1y2u3i4o5p6a7s8d9f0g1h2j3k4l5z6x7c"],
    "a random secret (high entropy)": ["9xKp2Lq7" + "Vt4Rz8Wm3Yb6Nc1", "token Zm9vYm" + "Fy9QxT2kL8vR4nW7pJ3sD6 end"],
}

PERSONAL_DATA = {
    "an e-mail address": [
        "anna.schmidt@example.com",
        "contact <j.doe+shop@mail.example.co.uk>",
        "mailto:x9@example.org",
        "anna.support@example.com",
        "anna.schmidt@shop.test",
        "john.doe@shop.co.uk",
        "anna@corp.example",
        "anna@anna.de",
    ],
    "a phone number": ["+49 170 1234567", "+1-555-123-4567", "(415) 555-0132", "0049 30 901820", "tel: 030 901820 12"],
    "a card number": ["4111 1111 1111 1111", "5500-0055-5555-5559", "378282246310005", "card 6011000990139424 ok"],
    "an IBAN": ["DE89 3704 0044 0532 0130 00", "gb82WEST12345698765432", "FR1420041010050500013M02606"],
    "a social security number": ["123-45-6789"],
    "a person's name": [
        "Anna Schmidt",
        "owner: anna-schmidt",
        "maria_garcia",
        "Schuld: Jürgen Müller",
        "Thomas O'Neill",
        "lars hansen",
        "mr Smith is on call",
    ],
}

HARMLESS = [
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "europe-west1-docker.pkg.dev/p-123/images/scorer@sha256:" + "9f86d081" * 8,
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-1234-1234-1234-123456789012",
    "gs://orderguard-prod-raw/2026/01/31/orders-00001.ndjson.gz",
    "orderguard-prod-prod-models",
    "https://scorer-6kq3fj2lza-ew.a.run.app/v1/score",
    "https://www.googleapis.com/auth/cloud-platform",
    "projects/orderguard-prod/locations/europe-west1/keyRings/orderguard-prod/cryptoKeys/data/cryptoKeyVersions/12",
    "projects/123456789012/secrets/orderguard-prod-masking-key/versions/7",
    "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/github/providers/actions",
    "1.2.3", "v10.0.1-rc.2+build.20260131", "2026-01-31-abc1234", "3.11.9", "10.0.0.0/8", "192.168.178.1:8080",
    "2026-01-31T12:00:00+00:00", "1769860800000", "0 3 * * 1", "30s", "512Mi", "86400",
    "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "EXECUTION_ENVIRONMENT_GEN2", "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST",
    "scorer@orderguard-prod.iam.gserviceaccount.com",
    "0123456789abcdef0123456789abcdef0123456789abcdef@group.calendar.google.com",
    "120363041234567890@g.us",
    "service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
    "ops@example.com",
    "no-reply@example.com", "orders-on-call@example.com",
    "git@github.com:org/repo.git", "pulumi-gcp@10.2.0", "@types/node@20.1.0",
    "redis://10.0.0.3:6379/0", "https://user@example.com:8443/path", "memory:", "/mnt/models", "/secrets/masking-key",
    "Scores orders; higher is more anomalous", "The Isolation Forest of the year", "max-instances", "mark-done",
    "anna-service", "maria-db", "customer-orders", "Cloud Run", "Grace period", "will-run", "gpt-4o-mini-2024-07-18",
    'resource.type="cloud_run_revision" AND metric.type="run.googleapis.com/request_latencies"',
    "assertion.repository_id == '123456789' && assertion.repository_owner_id == '987654321'",
    "MyVeryLongServiceNameWithManyWords2024Edition",
    "theQuickBrownFoxJumpsOverTheLazyDog1", "us-central1-docker.pkg.dev",
    "4111111111111112", "1234567890123456", "DE89370400440532013001", "000-12-3456", "{{resource.label.service_name}}",
    "password: ${PASSWORD}", "password=", "passwordless login", "bearer of bad news", "sk-learn", "basic",
    "mysql -u root -p", "mysql -uroot -p${DB_PASSWORD} orders", "docker login -u bob -p $TOKEN ghcr.io",
    "gcloud auth print-access-token | docker login -u oauth2accesstoken --password-stdin https://eu-docker.pkg.dev",
    "curl -u $USER:$PASS https://orders.example.com", "docker run -u 1000:1000 orders", "ALTER USER app PASSWORD :pw",
    "the user's login and password are kept in Secret Manager", "aws configure set region eu-west-1",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8f7z5m3Qk9Lw2Xr8Tb4Vn6Yc1Zd0Hs7",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEbGG9xQk2Lw8Xr4Tb9Vn6Yc1Zd0Hs7Jq3Kp5Mf\n-----END CERTIFICATE-----",
    "anon.NlUiJWkTKZtZ7jgGVob9Loe4vkHphhoBJJQ.v001@s.whatsapp.net", "julia-lang",
    "og-b5c1d2e", "cus_k1_", "AKIA", "eyJ", "ghp_", "tel aviv", "call 911", "phone support 24/7",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in CREDENTIALS.items() for text in texts])
def test_a_credential_is_told_by_its_kind(kind: str, text: str) -> None:
    assert credential_in(text) == kind


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PERSONAL_DATA.items() for text in texts])
def test_personal_data_is_told_by_its_kind(kind: str, text: str) -> None:
    assert personal_data_in(text) == kind


@pytest.mark.parametrize("text", HARMLESS)
def test_what_configuration_is_full_of_is_taken_for_neither(text: str) -> None:
    assert (credential_in(text), personal_data_in(text)) == (None, None)


def test_most_random_secrets_are_found_and_hardly_any_identifier_is() -> None:
    source = random.Random(7)
    alphabet = string.ascii_letters + string.digits
    secrets = ["".join(source.choices(alphabet, k=32)) for _ in range(1_000)]
    digests = [f"{source.getrandbits(256):064x}" for _ in range(1_000)]
    uuids = [str(UUID(int=source.getrandbits(128))) for _ in range(1_000)]
    assert sum(credential_in(secret) is not None for secret in secrets) > 950
    assert not [text for text in digests + uuids if credential_in(text) or personal_data_in(text)]


@pytest.mark.parametrize(
    "name",
    [
        "API_KEY", "DB_PASSWORD", "GITHUB_TOKEN", "client-secret", "MASKING_KEY", "SIGNING_KEY_V2", "hmac",
        "CREDENTIALS", "PGPASSWORD", "dbPassword", "clientSecret", "AUTHTOKEN", "SMTP_PASS", "API_KEYS",
        "SECRET_KEY_BASE", "PRIVATE_KEY_PEM", "GITHUB_PAT", "apiKey",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "API_KEY_REQUIRED",
        "MASKING_KEY_FILE",
        "TOKENIZER",
        "PUBLIC_KEY",
        "PARTITION_KEY",
        "KEYBOARD",
        "SECRETARY",
        "PORT",
        "MAX_TOKENS",
        "KMS_KEY",
        "MONKEY",
        "FIRST_PASS",
        "BYPASS",
        "PUBLIC_KEY_PEM",
        "tokenUrl",
    ],
)
def test_names_that_only_speak_of_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "CUSTOMER_EMAIL", "customer_name", "FIRST_NAME", "billing-address", "IBAN", "CARD_NUMBER", "EMAIL", "dob",
        "customerName", "clientFullName", "CustomerEmail",
    ],
)  # fmt: skip
def test_names_of_personal_data(name: str) -> None:
    assert is_personal_name(name)


@pytest.mark.parametrize(
    "name",
    ["SERVICE_NAME", "EMAIL_PROVIDER", "BIND_ADDRESS", "CARDINALITY", "USERNAME_FIELD", "HOSTNAME", "ALERT_EMAIL"],
)
def test_names_that_only_sound_personal(name: str) -> None:
    assert not is_personal_name(name)


@pytest.mark.parametrize(
    "piece",
    [
        "a", "a@", "a@a.", "1", "4 ", "+49 1", "a-", "Anna ", "aB3", "a://b:", "eyJ", "a.", "DE12 ", "password= ",
        "docker login -u ", "curl -u a ", "user password ", "echo a ", "aws configure token", "AAAAB", "-----BEGIN ",
    ],
)  # fmt: skip
def test_a_long_text_takes_no_longer_for_what_it_repeats(piece: str) -> None:
    """Eight times the text takes some eight times as long, not sixty-four times, however busy the machine is."""

    def seconds(times: int) -> float:
        begun = time.process_time()
        credential_in(piece * times)
        personal_data_in(piece * times)
        return time.process_time() - begun

    assert min(seconds(8_000) for _ in range(2)) < 24 * max(0.001, min(seconds(1_000) for _ in range(3)))


def test_changing_one_digit_breaks_the_checksums() -> None:
    card, iban = "4111111111111111", "DE89370400440532013000"
    for place in range(1, len(card)):
        assert not is_card_number(card[:place] + str((int(card[place]) + 1) % 10) + card[place + 1 :])
    for place in range(4, len(iban)):
        assert not is_iban(iban[:place] + str((int(iban[place]) + 1) % 10) + iban[place + 1 :])
    assert is_card_number(card) and is_iban(iban)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2hunter2"), ("DB_PASSWORD", "correct-horse"), ("API_KEY", "hunter2!"),
        ("JWT_SECRET", "0123abcd" * 4), ("HEROKU_API_KEY", "550e8400-e29b-41d4-a716-446655440000"),
        ("PASSWORD1", "swordfish"), ("PASSWORD_DB", "hunter2hunter2"), ("ADMIN_PW", "swordfish"),
        ("REDIS_AUTH", "Zk3p9!xq2L"), ("BASIC_AUTH", "admin:hunter2hunter2"), ("API_KEY_STAGING", "hunter2!"),
        ("accessToken", "a1B2c3D4e5"), ("core-fernet_key", "kT8vQ2xvQ2xvQ2x="), ("_DEPLOY_TOKEN", "x7Kq2Lm9"),
    ],
)  # fmt: skip
def test_a_value_is_a_secret_where_the_name_asks_for_one(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_KEY", "sk-learn-isolation-forest-v2"),
        ("ENCRYPTION_KEY", "projects/p/locations/eu/keyRings/r/cryptoKeys/k"),
        ("DB_PASSWORD", "projects/p/secrets/db/versions/3"), ("DB_PASSWORD", "sm://p/db"),
        ("API_KEY", "berglas://b/key"),
        ("DB_PASSWORD", "${DB_PASSWORD}"), ("TOKEN", "vault:secret/data/app#token"), ("MAX_TOKEN", "4096"),
        ("SESSION_KEY", "3600"), ("DB_PASSWORD", "30"), ("CACHE_KEY", "orders:v1"), ("TLS_KEY", "/etc/tls/tls.key"),
        ("DB_PASSWORD", ""), ("API_TOKEN", "true"), ("DB_PASSWORD", "<password>"), ("SECRET", "orders-db-credentials"),
        ("SIGNING_KEY", "gcpkms://projects/p/locations/eu"),
        ("DB_PASSWORD", "//secretmanager.googleapis.com/projects/p/secrets/x"),
        ("BASIC_AUTH", "false"), ("REDIS_AUTH", "enabled"), ("PASSWORD_LOGIN", "enabled"), ("PASSWORD_AUTH", "ldap"),
        ("PARTITION_KEY", "customer1"), ("AUTH_TOKEN", "https://oauth2.googleapis.com/token"), ("MONKEY", "hunter2!"),
    ],
)  # fmt: skip
def test_a_reference_a_number_or_a_name_is_none_whatever_it_stands_under(name: str, value: str) -> None:
    assert not is_secret(name, value)


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=hunter2hunter2", '{"password": "hunter2hunter2"}', '{\\"password\\": \\"hunter2hunter2\\"}',
        "--db-password hunter2hunter2", 'sh -c "export DB_PASSWORD=hunter2hunter2"', "#!/bin/sh\nTOKEN=a1b2c3d4\n",
        "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
        "user: app\npassword: swordfish1\n",
        "https://example.com/hook?access_token=a1b2c3d4e5", "app:" + "hunter2@tcp(10.0.0.3:3306)/orders",
        "Authorization: Basic YXBwOmh1bnRl" + "cjJodW50ZXIy",
    ],
)  # fmt: skip
def test_a_secret_is_found_where_programs_write_one(text: str) -> None:
    assert credential_in(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-isolation-forest-v2", "Basic infrastructure-monitoring-of-orders", "adam-optimizer",
        "jan-mar",
        "maria-backup", "martin-flow", "Adam Optimizer", "Martin Flow",
        "export DB_PASSWORD=$(gcloud secrets versions)",
        "${DB_PASSWORD:-changeme1}",
        "--password-file /run/secrets/db", "--max-tokens 4096", "token: a word of the text",
        "the password: required for all", '{"password": "${DB_PASSWORD}"}', "bearer of the-bad-news-of-yesterday",
        "SECRET=projects/p/secrets/s", "key=value", "api_key: optional", "Victoria Metrics", "blog@example.com",
        "john.doe@example.com", "j.doe@mail.example.org", "user-1@shop.test", "first.last@corp.invalid",
        "pgadmin4@pgadmin.org", "mail@shop.co.uk", "XXXXX@shop.co.uk",
    ],
)  # fmt: skip
def test_words_of_engineering_are_neither(text: str) -> None:
    assert (credential_in(text), personal_data_in(text)) == (None, None)


def test_most_planted_values_are_found() -> None:
    found = [
        credential_in(value) or is_secret(name, value) or personal_data_in(value)
        for _, name, value in planted(100, seed=7)
    ]
    assert sum(map(bool, found)) >= 97
