"""What answers the engine: every resource is decoded once and meets only the rules for its type.

The SDK's own servicer decodes a resource again for each policy, whether or not it applies, and has no way to report
something advisory under a mandatory policy, as "undecided" and "exception in force" have to be. This one replaces its
calls that see resources and keeps the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from google.protobuf import json_format
from grpc import StatusCode
from pulumi.runtime import proto
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies.catalogue import PACK_NAME, PACK_VERSION, RULES, rules_for, stack_rules
from policies.configuration import ConfigurationError, read
from policies.evaluation import evaluate, excepted_message, undecided_message, violation_message
from policies.rule import SETTINGS, Level, Resource, Rule, Severity, Stack
from policies.sdk import decoded, stack_for
from policies.value import Value

_LEVELS: Mapping[Level, Any] = {level: getattr(proto, level.name) for level in Level}
_SEVERITIES: Mapping[Severity, Any] = {
    severity: getattr(proto, f"POLICY_SEVERITY_{severity.name}") for severity in Severity
}


class Analyzer(_PolicyAnalyzerServicer):
    """The engine's `pulumirpc.Analyzer` service. All that the SDK's servicer does beside analysing stays as it is."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._configurations = {rule.name: read(rule, None) for rule in RULES}
        self._levels: dict[str, int] = {}
        self._settings: list[Resource] = []

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        """Take the stack's settings, defaults of the project included; those that are encrypted are none of a rule's
        business.
        """
        secret = set(request.config_secret_keys)
        clear = {key: value for key, value in request.config.items() if key not in secret}
        urn = f"urn:pulumi:{request.stack}::{request.project}::{SETTINGS}::{request.project}"
        self._settings = [Resource(SETTINGS, request.project, urn, Value(clear))]
        return super().ConfigureStack(request, context)

    def Configure(self, request: Any, context: Any) -> Any:
        """Take the configuration; a bad one ends the run with a message that names the rule and the entry."""
        try:
            for rule in RULES:
                if rule.name in request.policyConfig:
                    given = request.policyConfig[rule.name]
                    self._configurations[rule.name] = read(rule, json_format.MessageToDict(given.properties))
                    self._levels[rule.name] = given.enforcementLevel
        except ConfigurationError as error:
            context.abort(StatusCode.INVALID_ARGUMENT, str(error))
        return super().Configure(request, context)  # type: ignore[no-untyped-call]

    def Analyze(self, request: Any, _context: Any) -> Any:
        response = proto.AnalyzeResponse()
        rules = [rule for rule in rules_for(request.type) if self._level(rule) != proto.DISABLED]
        if rules:
            resource = _resource(request)
            for rule in rules:
                response.diagnostics.extend(self._diagnostics(rule, resource))
        return response

    def Remediate(self, _request: Any, _context: Any) -> Any:
        """No rule rewrites resources, so none has to be decoded for it; the engine asks for each."""
        return proto.RemediateResponse()

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:
        response = proto.AnalyzeResponse()
        rules = [rule for rule in stack_rules() if self._level(rule) != proto.DISABLED]
        wanted = {item.type for item in request.resources if any(rule.applies_to(item.type) for rule in rules)}
        known = {item.urn: _resource(item) for item in request.resources if item.type in wanted}
        known |= {settings.urn: settings for settings in self._settings}
        dependencies = {
            item.urn: {key: list(on.urns) for key, on in item.propertyDependencies.items()}
            for item in request.resources
            if item.urn in known
        }
        for rule in rules:
            response.diagnostics.extend(self._diagnostics(rule, stack_for(rule, known, dependencies)))
        return response

    def _level(self, rule: Rule) -> Any:
        return self._levels.get(rule.name, _LEVELS[rule.level])

    def _diagnostics(self, rule: Rule, subject: Resource | Stack) -> Iterator[Any]:
        verdict = evaluate(rule, subject, self._configurations[rule.name], date.today())
        level = self._level(rule)
        for violation in verdict.violations:
            yield self._diagnostic(rule, level, violation_message(rule, violation), violation.urn)
        if verdict.undecided:
            yield self._diagnostic(rule, proto.ADVISORY, undecided_message(verdict.undecided))
        for excepted in verdict.excepted:
            yield self._diagnostic(rule, proto.ADVISORY, excepted_message(excepted), excepted.violation.urn)

    def _diagnostic(self, rule: Rule, level: Any, message: str, urn: str | None = None) -> Any:
        return proto.AnalyzeDiagnostic(
            policyName=rule.name,
            policyPackName=PACK_NAME,
            policyPackVersion=PACK_VERSION,
            description=rule.description,
            message=f"{rule.description}\n{message}",
            urn="" if urn is None or f"::{SETTINGS}::" in urn else urn,
            # No rule rewrites resources, so "remediate" can mean no more than "mandatory".
            enforcementLevel=proto.MANDATORY if level == proto.REMEDIATE else level,
            severity=_SEVERITIES[rule.severity],
        )


def _resource(request: Any) -> Resource:
    return Resource(
        type=request.type,
        name=request.name,
        urn=request.urn,
        properties=decoded(request.properties),
        protected=request.options.protect,
        provider=decoded(request.provider.properties) if request.HasField("provider") else Value(None),
    )
