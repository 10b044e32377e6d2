"""A rule as a policy of the SDK, and the properties of a resource as the SDK shows them to a policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from google.protobuf import json_format
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import serialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from policies.configuration import read, schema_properties
from policies.evaluation import Verdict, evaluate, undecided_message, violation_message
from policies.pack import stack_for
from policies.rule import Framework, Resource, Rule
from policies.value import Value
from policies.wire import plain


def policy(rule: Rule) -> Policy:
    """The rule as a policy of the SDK, to put into a pack of your own.

    Where the rule is undecided the engine prints the SDK's own note with our text. Exceptions in force are not
    listed: the SDK has no way to report something advisory under a mandatory policy.
    """
    common: dict[str, Any] = {
        "name": rule.name,
        "description": rule.description,
        "enforcement_level": EnforcementLevel(rule.level.value),
        "config_schema": PolicyConfigSchema(properties=schema_properties(rule)),
        "severity": Severity(rule.severity.value),
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
                properties=_value(args.props),
                protected=args.opts.protect,
                provider=_value(args.provider.props if args.provider else None),
            )
            report(evaluate(rule, resource, read(rule, args.get_config()), date.today()), report_violation)

    def validate_stack(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        known = {
            item.urn: Resource(item.resource_type, item.name, item.urn, _value(item.props), protected=item.opts.protect)
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


def decoded(properties: Any) -> Value:
    """Properties from the wire (a protobuf Struct)."""
    return Value(plain(json_format.MessageToDict(properties)))


def _value(proxy: Mapping[str, Any] | None) -> Value:
    """Properties that the SDK hands to a policy, without the proxies that raise when an unknown is touched."""
    return Value(None if proxy is None else plain(serialize_properties(proxy)))


def _framework(frameworks: tuple[Framework, ...]) -> PolicyComplianceFramework | None:
    """The SDK has room for one framework a policy; all of them are in its tags."""
    if not frameworks:
        return None
    first = frameworks[0]
    return PolicyComplianceFramework(name=first.name, version=first.version, reference=first.reference)
