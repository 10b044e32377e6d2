"""A rule as a policy of the SDK, and the properties of a resource as the SDK shows them to a policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from google.protobuf import json_format
from pulumi_policy import (
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies.configuration import read, schema_properties
from policies.evaluation import Verdict, evaluate, undecided_message, violation_message
from policies.rule import Framework, Resource, Rule, Stack
from policies.value import Value


def policy(rule: Rule) -> Policy:
    """The rule as a policy of the SDK, to put into a pack of your own.

    Where the rule is undecided the engine prints the SDK's own note with our text. Exceptions in force are not
    listed: the SDK has no way to report something advisory under a mandatory policy.
    """
    common: dict[str, Any] = {
        "name": rule.name,
        "description": rule.description,
        "enforcement_level": rule.level,
        "config_schema": PolicyConfigSchema(properties=schema_properties(rule)),
        "severity": rule.severity,
        "framework": _framework(rule.frameworks),
        "tags": [str(framework) for framework in rule.frameworks],
        "remediation_steps": rule.fix,
    }

    def report(verdict: Verdict, report_violation: ReportViolation) -> None:
        for violation in verdict.violations:
            report_violation(violation_message(rule, violation), violation.urn)
        if verdict.undecided:
            error = UnknownValueError(UNKNOWN_STRING_VALUE, [])
            error.message = undecided_message(verdict.undecided)
            raise error

    def validate_resource(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if rule.applies_to(args.resource_type):
            resource = Resource(
                type=args.resource_type,
                name=args.name,
                urn=args.urn,
                properties=Value(args.props),
                protected=args.opts.protect,
                provider=Value(args.provider.props if args.provider else None),
            )
            report(evaluate(rule, resource, read(rule, args.get_config()), date.today()), report_violation)

    def validate_stack(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        known = {
            item.urn: Resource(item.resource_type, item.name, item.urn, Value(item.props), protected=item.opts.protect)
            for item in args.resources
        }
        dependencies = {
            item.urn: {key: [resource.urn for resource in on] for key, on in item.property_dependencies.items()}
            for item in args.resources
        }
        stack = stack_for(rule, known, dependencies)
        report(evaluate(rule, stack, read(rule, args.get_config()), date.today()), report_violation)

    if rule.whole_stack:
        return StackValidationPolicy(validate=validate_stack, **common)
    return ResourceValidationPolicy(validate=validate_resource, **common)


def proxied(properties: Any) -> Mapping[str, Any]:
    """Properties from the wire (a protobuf Struct), decoded and behind the proxies that raise when an unknown is
    touched.
    """
    shown: Mapping[str, Any] = unknown_checking_proxy(deserialize_properties(json_format.MessageToDict(properties)))
    return shown


def stack_for(rule: Rule, known: Mapping[str, Resource], dependencies: Mapping[str, Mapping[str, list[str]]]) -> Stack:
    """The resources (by URN) of the types that a stack rule reads, each with what its properties depend on."""
    return Stack(
        tuple(
            resource.linked(
                {key: [known[on] for on in urns if on in known] for key, urns in dependencies.get(urn, {}).items()}
            )
            for urn, resource in known.items()
            if rule.applies_to(resource.type)
        )
    )


def _framework(frameworks: tuple[Framework, ...]) -> PolicyComplianceFramework | None:
    """The SDK has room for one framework a policy; all of them are in its tags."""
    if not frameworks:
        return None
    first = frameworks[0]
    return PolicyComplianceFramework(name=first.name, version=first.version, reference=first.reference)
