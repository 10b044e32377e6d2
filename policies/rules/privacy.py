"""Personal data: masking is on wherever a container could touch an order, and nothing personal or secret stands in
configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from policies.containers import CLOUD_RUN_TYPES, Container, containers
from policies.credentials import credential_in, is_secret, is_secret_name, names_a_number, password_in_command
from policies.patterns import lazy
from policies.personal import is_personal_name, names_a_person, personal_data_in
from policies.rule import (
    CRITICAL,
    EVERY_GOOGLE_TYPE,
    GOOGLE_PROVIDER,
    HIGH,
    PLATFORM,
    SETTINGS,
    Resource,
    Stack,
    cis,
    gdpr,
    matches_any,
    org_policy,
    rule,
    trivy,
)
from policies.value import Finding, Findings, Undecided, Value, Violation, about, equals, forbid, require, worst

_NOT_ORDERS: dict[str, list[str]] = {"containersWithoutOrders": []}
"""Setting: patterns of container names (`otel-*`) that never see an order, such as a telemetry sidecar."""


@rule(
    "privacy-masking-enforced",
    "Every container that could touch an order masks personal data.",
    types=CLOUD_RUN_TYPES,
    severity=CRITICAL,
    frameworks=[gdpr("25"), gdpr("32(1)(a)")],
    settings=_NOT_ORDERS,
    profiles=[PLATFORM],
    fix='Set the environment variable PII_MASKING to "enforced" in this container.',
)
def masking_enforced(resource: Resource) -> Findings:
    yield from _where_orders_go(resource, _masks)


@rule(
    "privacy-masking-key-by-reference",
    "The masking key reaches a container by reference to Secret Manager, never as text.",
    types=CLOUD_RUN_TYPES,
    severity=CRITICAL,
    frameworks=[cis("1.18"), gdpr("4(5)"), gdpr("32(1)(a)")],
    settings=_NOT_ORDERS,
    profiles=[PLATFORM],
    fix="Give MASKING_KEY a value_source with a secret_key_ref, and no value.",
)
def masking_key_by_reference(resource: Resource) -> Findings:
    yield from _where_orders_go(resource, _refers_to_its_key)


@rule(
    "privacy-rag-only-masked",
    "A container may send questions to a language model only when it masks personal data.",
    types=CLOUD_RUN_TYPES,
    severity=CRITICAL,
    frameworks=[gdpr("25"), gdpr("44")],
    profiles=[PLATFORM],
    fix='Set PII_MASKING to "enforced" in this container, or RAG_PROVIDER to "off".',
)
def rag_only_masked(resource: Resource) -> Findings:
    for container in containers(resource):
        masked = _masks(container)
        for provider in container.variables_named("RAG_PROVIDER"):
            name, value = provider["name"], provider["value"]
            if value.known and value.content == "off":
                continue
            unknown = name if name.unknown else value
            yield Undecided(unknown.path) if masked is not None and unknown.unknown else masked


@rule(
    "privacy-secrets-by-reference",
    "A variable that holds a secret refers to Secret Manager; its value is never written into the configuration.",
    types=CLOUD_RUN_TYPES,
    severity=CRITICAL,
    frameworks=[cis("1.18"), org_policy("custom.cloudrunDisableEnvironmentVariablePattern")],
    settings={"allowedNames": []},
    fix="Put the value into Secret Manager and give the variable a value_source with a secret_key_ref.",
)
def secrets_by_reference(resource: Resource) -> Findings:
    message = "the name says that this is a secret, and its value is in clear"
    for container in containers(resource):
        for variable in container.variables:
            name, value = variable["name"], variable["value"]
            if name.known and (
                not is_secret_name(name.text) or matches_any(name.text, resource.settings["allowedNames"])
            ):
                continue
            clear = forbid(value, partial(_is_clear, name.text if name.known else "password"), message)
            yield Undecided(name.path) if clear and name.unknown else clear


@rule(
    "privacy-no-personal-variables",
    "No environment variable is named after personal data (CUSTOMER_EMAIL): configuration is no place for it.",
    types=CLOUD_RUN_TYPES,
    severity=HIGH,
    frameworks=[gdpr("5(1)(c)")],
    settings={"allowedNames": []},
    fix="Take the variable out; what is about a customer belongs into an order.",
)
def no_personal_variables(resource: Resource) -> Findings:
    def is_personal(name: object) -> bool:
        return is_personal_name(str(name)) and not matches_any(str(name), resource.settings["allowedNames"])

    for container in containers(resource):
        for variable in container.variables:
            yield forbid(variable["name"], is_personal, "the name says that this is personal data")


_TEXT_KEYS = frozenset(
    "additionalExperiments airflowConfigOverrides annotations args arguments attributes body buildEnvironmentVariables"
    " command commands content dashboardJson data defaultLabels description displayName documentation entrypoint env"
    " envVariables environmentVariables envs friendlyName guestFlush headers httpHeaders labels message metadata"
    " metadataStartupScript options parameters properties pushEndpoint resourceLabels schema script sourceContents"
    " subject substitutions sparkConf text title transformNameMapping uri url userLabels userEnvVars value"
    " variables".split()
)
"""Properties whose text people write, here and in everything below them."""
_VALUE_KEYS = frozenset({"stringValue", "text", "value"})
"""What stands beside a `name` or a `key` and is called by it."""
_NOT_TEXT = frozenset({"valueSource"})
"""Below them: a reference to a secret is a name and a version."""
_SECRET_KEYS = frozenset(
    "clientSecret consumerSecret diskEncryptionKeyRaw password passwordWo plaintext privateKeyWo rawKey rootPassword"
    " rootPasswordWo sasToken secretAccessKey secretData secretDataWo sharedSecret sharedSecretWo siteSecret"
    " trustHandshakeSecret".split()
)
"""Properties that take a secret, which has to be marked as one: then it is encrypted in the state."""
_HIDING_KEYS = _SECRET_KEYS | {"accessToken", "credentials"}
"""Properties that may take one, or the name of a file that holds it."""
_FLAG = lazy(r"--?[A-Za-z][\w\-]{1,60}")
_CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
_AROUND_TEXT = frozenset(
    "awsAccessKey awsS3DataSource build buildConfig conditions config containers httpTarget pubsubTarget pushConfig"
    " serviceConfig softwareConfig steps template transferSpec".split()
)
"""Blocks with free text in them: while such a block is unknown, so is the text."""


@rule(
    "privacy-no-credentials-in-text",
    "No environment value, argument, script, header, setting of a provider or password stands in clear.",
    types=[EVERY_GOOGLE_TYPE, GOOGLE_PROVIDER],
    severity=CRITICAL,
    frameworks=[cis("1.18"), trivy("GCP-0037")],
    fix="Take it out, revoke it, and put its successor into Secret Manager or mark it secret.",
)
def no_credentials_in_text(resource: Resource) -> Findings:
    for leaf in _leaves(resource):
        if leaf.value.known:
            yield _free_of(leaf.value, _credential_at(leaf))
        else:
            yield Undecided(leaf.value.path)


def _credential_at(leaf: _Leaf) -> str | None:
    """What kind of credential stands here in clear. What is marked secret is, in the state, encrypted; but what people
    write freely is stored by Google Cloud as it is.
    """
    if leaf.value.secret and not leaf.free:
        return None
    text = leaf.value.text
    if leaf.words:
        return password_in_command(text)
    if leaf.name in _SECRET_KEYS and not leaf.free and text:
        return "a secret that is not marked as one"
    if (kind := credential_in(text, by_format_alone=not leaf.free or names_a_number(leaf.name))) is not None:
        return kind
    return (
        "a secret, by the name that it stands under" if leaf.asks and leaf.name and _is_clear(leaf.name, text) else None
    )


def _is_clear(name: str, value: object) -> bool:
    return isinstance(value, str) and is_secret(name, value)


@rule(
    "privacy-no-personal-data-in-text",
    "No environment value, label, description, annotation, argument, script or URL looks like personal data.",
    types=[EVERY_GOOGLE_TYPE],
    severity=HIGH,
    frameworks=[gdpr("5(1)(c)")],
    fix="Take it out; name a team or a role instead of a person.",
)
def no_personal_data_in_text(resource: Resource) -> Findings:
    address = resource.at("labels.email_address") if resource.type == _CHANNEL else Value(None)
    for text in _texts(resource):
        if address.known and text.path == address.path:
            # Alerts have to reach some mailbox, and not every team's is known as one.
            yield _free_of(text, "a person's mailbox" if names_a_person(text.text.partition("@")[0]) else None)
        else:
            yield _free_of(text, personal_data_in(text.text) if text.known else None)


@rule(
    "privacy-no-leaks-in-outputs",
    "No output of the stack looks like a credential or personal data: outputs are printed and read by others.",
    types=["pulumi:pulumi:Stack"],
    whole_stack=True,
    severity=CRITICAL,
    frameworks=[gdpr("5(1)(f)")],
    fix="Don't export it; export the name of the secret or of the bucket that holds it.",
)
def no_leaks_in_outputs(stack: Stack) -> Findings:
    for program in stack.resources:
        for name, output in program.properties.entries():
            for text in (Value(name, name), *output.strings()):
                yield about(_free_of(text, _leak_in(text)), program.urn)


@rule(
    "privacy-no-leaks-in-settings",
    "No setting of the stack that stands in clear, nor its default, looks like a credential or personal data.",
    types=[SETTINGS],
    whole_stack=True,
    severity=CRITICAL,
    frameworks=[gdpr("5(1)(f)")],
    fix="Set it again with `pulumi config set --secret`, and revoke what was in clear.",
)
def no_leaks_in_settings(stack: Stack) -> Findings:
    for settings in stack.resources:
        for text in settings.properties.strings():
            yield about(_free_of(text, _leak_in(text)), settings.urn)


def _leak_in(text: Value) -> str | None:
    return (credential_in(text.text) or personal_data_in(text.text)) if text.known else None


def _where_orders_go(resource: Resource, check: Callable[[Container], Finding]) -> Findings:
    """Check all containers but those that the settings name: one that nobody thought of is one that touches orders."""
    patterns = resource.settings["containersWithoutOrders"]
    for container in containers(resource):
        name = container.value["name"]
        if name.known and matches_any(name.text, patterns):
            continue
        finding = check(container)
        yield Undecided(name.path) if finding and patterns and name.unknown else finding


def _refers_to_its_key(container: Container) -> Finding:
    key = container.variable("MASKING_KEY")
    if key.absent:
        return Violation(f"{container.value.path}.envs", "MASKING_KEY is not there")
    clear = forbid(key["value"], lambda _: True, "holds the masking key in clear")
    reference = require(key.at("valueSource.secretKeyRef.secret"), bool, "is no reference to a secret")
    return worst((clear, reference))


def _masks(container: Container) -> Finding:
    if container.variable("PII_MASKING").absent:
        return Violation(f"{container.value.path}.envs", "PII_MASKING is not set")
    findings: list[Finding] = []
    for variable in container.variables_named("PII_MASKING"):
        finding = require(variable["value"], equals("enforced"), "PII_MASKING is not enforced")
        findings.append(Undecided(variable["name"].path) if finding and variable["name"].unknown else finding)
    return worst(findings)


@dataclass(frozen=True)
class _Leaf:
    """One text of a resource, or one unknown that may be one. `name` is what it stands under: a variable, a header, a
    flag; `free` says that people write freely there.
    """

    value: Value
    name: str
    free: bool
    asks: bool = True
    """Whether it counts here what the name asks for: for variables of Cloud Run another rule looks at that."""
    words: bool = False
    """Whether it is a list of words that make a command: each of them is a leaf of its own as well."""


def _leaves(resource: Resource) -> Iterator[_Leaf]:
    """Every text of a resource, keys of maps that people name included, and every one that is not known yet."""
    elsewhere = resource.type in CLOUD_RUN_TYPES

    def walk(value: Value, key: str, name: str, free: bool) -> Iterator[_Leaf]:
        free = free or key in _TEXT_KEYS
        if value.unknown:
            if free or key in _AROUND_TEXT:
                yield _Leaf(value, name, True)
            elif key in _HIDING_KEYS and not value.secret:
                yield _Leaf(value, name, False)
        elif value.known and isinstance(value.content, str):
            yield _Leaf(value, name, free)
        elif value.known:
            own = value["key"] if value["name"].absent else value["name"]
            for child_key, child in value.entries():
                if free:
                    yield _Leaf(Value(child_key, child.path), "", True)
                if child_key not in _NOT_TEXT:
                    beside = child_key in _VALUE_KEYS and child.known and isinstance(child.content, str)
                    if beside and own.unknown and not elsewhere and _is_clear("password", child.text):
                        yield _Leaf(own, "", False)
                    named = child_key in _VALUE_KEYS and own.known and isinstance(own.content, str)
                    if named and elsewhere and beside:
                        yield _Leaf(child, own.text, free, asks=False)
                    else:
                        yield from walk(child, child_key, own.text if named else child_key, free)
            if free and (line := _command_line(value)) is not None:
                yield _Leaf(line, "", True, words=True)
            flag = ""
            for child in value.each():
                yield from walk(child, key, flag, free)
                said = child.text if child.known and isinstance(child.content, str) else ""
                flag = said.lstrip("-") if _FLAG.fullmatch(said) else ""

    yield from walk(resource.properties, "", "", False)


def _command_line(value: Value) -> Value | None:
    """The command that a list of single words makes, or None."""
    words = [child.text for child in value.each() if child.known and isinstance(child.content, str)]
    single = len(words) > 1 and not any(any(map(str.isspace, word)) for word in words)
    return Value(" ".join(words), value.path, value.secret) if single else None


def _texts(resource: Resource) -> list[Value]:
    """Every text that people write freely, and every one that is not known yet."""
    return [leaf.value for leaf in _leaves(resource) if leaf.free and not leaf.words]


def _free_of(text: Value, kind: str | None) -> Finding:
    if text.unknown:
        return Undecided(text.path)
    return Violation(text.path, f"looks like {kind}") if kind else None
