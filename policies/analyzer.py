"""What answers the engine: every resource is decoded once and meets only the rules for its type.

The SDK's own servicer decodes a resource again for each policy, whether or not it applies, and has no way to report
something advisory under a mandatory policy, as "undecided" and "exception in force" have to be. This one replaces its
calls that see resources and keeps the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from grpc import StatusCode
from pulumi.runtime import proto
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies.configuration import ConfigurationError
from policies.evaluation import (
    Verdict,
    accepted_message,
    excepted_message,
    undecided_message,
    undecided_on_many,
    violation_message,
)
from policies.pack import Pack, settings_of
from policies.remediation import REMEDIES, remedy
from policies.rule import SETTINGS, Level, Resource, Rule, Severity
from policies.sdk import decoded
from policies.value import Value
from policies.version import PACK_NAME, PACK_VERSION
from policies.wire import plain
from policies.writing import write_reports

_LEVELS: Mapping[Level, Any] = {level: getattr(proto, level.name) for level in Level}
_SEVERITIES: Mapping[Severity, Any] = {
    severity: getattr(proto, f"POLICY_SEVERITY_{severity.name}") for severity in Severity
}
_BY_NUMBER: Mapping[Any, Level] = {number: level for level, number in _LEVELS.items()}


class Analyzer(_PolicyAnalyzerServicer):
    """The engine's `pulumirpc.Analyzer` service. All that the SDK's servicer does beside analysing stays as it is."""

    def __init__(self, pack: Pack, reports: Path | None, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._pack = pack
        self._reports = reports
        self._settings: list[Resource] = []
        self._undecided: dict[str, tuple[Rule, dict[str, Verdict]]] = {}

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        """Take the stack's settings, defaults of the project included; those that are encrypted are none of a rule's
        business.
        """
        secret = set(request.config_secret_keys)
        clear = {key: value for key, value in request.config.items() if key not in secret}
        self._settings = [settings_of(request.project, request.stack, clear)]
        return super().ConfigureStack(request, context)

    def Configure(self, request: Any, context: Any) -> Any:
        """Take the configuration; a bad one ends the run with a message that names the rule and the entry."""
        try:
            for name, given in request.policyConfig.items():
                level = _BY_NUMBER[given.enforcementLevel]
                self._pack.configure(name, json_format.MessageToDict(given.properties), level)
        except ConfigurationError as error:
            context.abort(StatusCode.INVALID_ARGUMENT, str(error))
        return super().Configure(request, context)  # type: ignore[no-untyped-call]

    def Analyze(self, request: Any, _context: Any) -> Any:
        """Undecided rules are counted and told with the stack; or here, one by one, where the pack is verbose."""
        response = proto.AnalyzeResponse()
        self._pack.report.see(request.urn, request.type)
        if self._pack.rules_for(request.type):
            resource = _resource(request)
            for rule, verdict in self._pack.judge(resource):
                response.diagnostics.extend(self._diagnostics(rule, verdict))
                if verdict.undecided and self._pack.verbose:
                    response.diagnostics.append(
                        self._diagnostic(rule, Level.ADVISORY, undecided_message(verdict.undecided))
                    )
                elif verdict.undecided:
                    self._undecided.setdefault(rule.name, (rule, {}))[1][resource.urn] = verdict
        return response

    def Remediate(self, request: Any, _context: Any) -> Any:
        """The safe values of the rules whose level is `remediate`. The engine asks for each resource, so none is
        decoded for nothing.
        """
        response = proto.RemediateResponse()
        pack = self._pack
        rules = [r for r in pack.rules_for(request.type) if r.name in REMEDIES and pack.level(r) is Level.REMEDIATE]
        if not rules:
            return response
        properties, resource = json_format.MessageToDict(request.properties), _resource(request)
        for rule in rules:
            current = replace(resource, properties=Value(plain(properties)))
            if pack.would_violate(rule, current) and (changed := remedy(rule.name, properties)):
                properties = changed
                response.remediations.append(
                    proto.Remediation(
                        policyName=rule.name,
                        policyPackName=PACK_NAME,
                        policyPackVersion=PACK_VERSION,
                        description=rule.description,
                        properties=json_format.ParseDict(properties, type(request.properties)()),
                    )
                )
        return response

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:
        response = proto.AnalyzeResponse()
        rules = self._pack.stack_rules()
        wanted = {item.type for item in request.resources if any(rule.applies_to(item.type) for rule in rules)}
        known = {item.urn: _resource(item) for item in request.resources if item.type in wanted}
        known |= {settings.urn: settings for settings in self._settings}
        dependencies = {
            item.urn: {key: list(on.urns) for key, on in item.propertyDependencies.items()}
            for item in request.resources
            if item.urn in known
        }
        for rule, verdict in self._pack.judge_stack(known, dependencies):
            response.diagnostics.extend(self._diagnostics(rule, verdict))
            if verdict.undecided:
                response.diagnostics.append(
                    self._diagnostic(rule, Level.ADVISORY, undecided_message(verdict.undecided))
                )
        for rule, by_urn in self._undecided.values():
            if len(by_urn) == 1:
                ((urn, verdict),) = by_urn.items()
                message = undecided_message(verdict.undecided)
                response.diagnostics.append(self._diagnostic(rule, Level.ADVISORY, message, urn))
            else:
                message = undecided_on_many({urn: verdict.undecided for urn, verdict in by_urn.items()})
                response.diagnostics.append(self._diagnostic(rule, Level.ADVISORY, message))
        self._undecided.clear()
        if accepted := self._pack.report.accepted():
            by_rule = ", ".join(f"{name} {count}" for name, count in accepted.most_common())
            response.diagnostics.append(_note(f"in it, and let pass: {accepted.total()} ({by_rule})"))
        response.diagnostics.extend(_note(note) for note in self._pack.finish())
        if self._reports is not None:
            write_reports(self._pack.report.document(), self._reports)
        return response

    def _diagnostics(self, rule: Rule, verdict: Verdict) -> Iterator[Any]:
        level = self._pack.level(rule)
        for violation in verdict.violations:
            # The engine has asked for remedies before: what is still violated has none.
            stopping = Level.MANDATORY if level is Level.REMEDIATE else level
            yield self._diagnostic(rule, stopping, violation_message(rule, violation), violation.urn)
        for excepted in verdict.excepted:
            yield self._diagnostic(rule, Level.ADVISORY, excepted_message(excepted), excepted.violation.urn)
        if self._pack.verbose:
            for accepted in verdict.accepted:
                yield self._diagnostic(rule, Level.ADVISORY, accepted_message(accepted), accepted.violation.urn)

    def _diagnostic(self, rule: Rule, level: Level, message: str, urn: str | None = None) -> Any:
        return proto.AnalyzeDiagnostic(
            policyName=rule.name,
            policyPackName=PACK_NAME,
            policyPackVersion=PACK_VERSION,
            description=rule.description,
            message=f"{rule.description}\n{message}",
            urn="" if urn is None or f"::{SETTINGS}::" in urn else urn,
            enforcementLevel=_LEVELS[level],
            severity=_SEVERITIES[rule.severity],
        )


def _note(message: str) -> Any:
    """Advice about the baseline, which is no rule's."""
    return proto.AnalyzeDiagnostic(
        policyName="baseline",
        policyPackName=PACK_NAME,
        policyPackVersion=PACK_VERSION,
        description="What was violated when the baseline was written.",
        message=f"What was violated when the baseline was written.\n{message}",
        enforcementLevel=_LEVELS[Level.ADVISORY],
        severity=_SEVERITIES[Severity.LOW],
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
