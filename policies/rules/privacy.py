"""Personal data: masking is on wherever a container could touch an order, and nothing personal or secret stands in
configuration.
"""

from collections.abc import Callable

from policies.containers import CLOUD_RUN_TYPES, Container, containers
from policies.detectors import credential_in, is_personal_name, is_secret_name, names_a_person, personal_data_in
from policies.rule import (
    CRITICAL,
    EVERY_GOOGLE_TYPE,
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
    for container in containers(resource):
        for variable in container.variables:
            name = variable["name"]
            if name.known and (
                not is_secret_name(name.text) or matches_any(name.text, resource.settings["allowedNames"])
            ):
                continue
            clear = forbid(variable["value"], bool, "the name says that this is a secret, and its value is in clear")
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
    "additionalExperiments annotations args attributes command commands content dashboardJson defaultLabels description"
    " displayName documentation env environmentVariables envs friendlyName headers httpHeaders labels message metadata"
    " metadataStartupScript parameters pushEndpoint resourceLabels schema script sourceContents subject substitutions"
    " text title uri url userLabels value".split()
)
"""Properties whose text people write, here and in everything below them."""
_NOT_TEXT = frozenset({"valueSource"})
"""Below them: a reference to a secret is a name and a version."""
_CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
_AROUND_TEXT = frozenset("conditions containers httpTarget pubsubTarget pushConfig template".split())
"""Blocks with free text in them: while such a block is unknown, so is the text."""


@rule(
    "privacy-no-credentials-in-text",
    "No environment value, label, description, annotation, argument, script or URL looks like a credential.",
    types=[EVERY_GOOGLE_TYPE],
    severity=CRITICAL,
    frameworks=[cis("1.18")],
    fix="Take it out, revoke it, and put its successor into Secret Manager.",
)
def no_credentials_in_text(resource: Resource) -> Findings:
    for text in _texts(resource):
        yield _free_of(text, credential_in(text.text) if text.known else None)


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
    """Checks all containers but those that the settings name: one that nobody thought of is one that touches orders."""
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


def _texts(resource: Resource) -> list[Value]:
    """Every free text of a resource, keys of maps included, and every one that is not known yet."""
    found: list[Value] = []

    def walk(value: Value, key: str, inside: bool) -> None:
        inside = inside or key in _TEXT_KEYS
        if value.unknown and (inside or key in _AROUND_TEXT):
            found.append(value)
        for name, child in value.entries() if value.known else ():
            if inside:
                found.append(Value(name, child.path))
            if name not in _NOT_TEXT:
                walk(child, name, inside)
        for child in value.each() if value.known else ():
            walk(child, key, inside)
        if inside and value.known and isinstance(value.content, str):
            found.append(value)

    walk(resource.properties, "", False)
    return found


def _free_of(text: Value, kind: str | None) -> Finding:
    if text.unknown:
        return Undecided(text.path)
    return Violation(text.path, f"looks like {kind}") if kind else None
