"""Decision rules and lists in service: what they make of scored orders, counted and told."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from app.contract import MetRule, ScoreAnswer
from app.logs import LogWriter
from app.metrics import Metrics
from app.scoring.stages import Prepared
from app.settings import Settings, SettingsError
from orderguard.reasons import ReasonInWords
from orderguard.rules import Decision, Hit, Rulebook, RulesError, load_rules

OWN_REASON = "rule"
"""The fact of a reason that a rule or a list gives, and no feature."""


class Deciding:
    """Decides by rules what the model has scored. Without a file of rules, nothing is done and nothing loads."""

    def __init__(self, settings: Settings, metrics: Metrics, logs: LogWriter) -> None:
        """Raise `SettingsError` for a file that can't be used: a service with half of its rules is none."""
        self.rules: Rulebook | None = None
        self._metrics = metrics
        self._logs = logs
        self._failing = set[str]()
        if settings.rules_file is None:
            return
        try:
            self.rules = load_rules(settings.rules_file, settings.keyring.fingerprint)
        except RulesError as error:
            raise SettingsError(
                f"RULES_FILE can't be used. python -m orderguard.rules FILE checks it.\n{error}"
            ) from None
        self.rules.on_failure = self._failed
        if stale := self.rules.stale:
            told = (
                f"{len(stale)} entries of the lists were made with another masking key and match nothing: renew them."
            )
            logs.service("WARNING", "rules", told, reason=f"lines {', '.join(str(one.line) for one in stale[:20])}")

    def description(self) -> dict[str, str | int] | None:
        """What is in force, for /v1/model; None without rules."""
        return self.rules.description() if self.rules else None

    def of(
        self, prepared: Sequence[Prepared], rows: Sequence[Sequence[float]], scores: Sequence[float], threshold: float
    ) -> list[Decision | None]:
        """The decisions about scored orders; None: the model's stands."""
        if self.rules is None:
            return [None] * len(prepared)
        decide, now = self.rules.decide, datetime.now(UTC)
        return [
            decide(order.masked, row, score, threshold, now)
            for order, row, score in zip(prepared, rows, scores, strict=True)
        ]

    def count(self, answers: Sequence[ScoreAnswer]) -> None:
        """Count what rules were met, and who decided."""
        if self.rules is None:
            return
        for answer in answers:
            self._metrics.decisions.labels(answer.decided_by).inc()
            for met in answer.rules or ():
                self._metrics.rules_met.labels(met.name, met.mode).inc()

    def _failed(self, rule: str) -> None:
        self._metrics.rule_failures.labels(rule).inc()
        if rule not in self._failing:  # once: a message for each order would fill the log
            self._failing.add(rule)
            told = "A rule could not be evaluated for an order, such as a division by 0, and does not hold for it."
            self._logs.service("WARNING", "rules", told, reason=rule)


def with_decision(answer: ScoreAnswer, decision: Decision) -> ScoreAnswer:
    """The answer as rules have decided. Where they flag, their reason is the first."""
    reasons = answer.reasons
    if decision.anomaly:
        deciding = [hit for hit in decision.hits if hit.name == decision.decided_by]
        reasons = [*(_reason(hit) for hit in deciding[:1]), *reasons]
    return msgspec.structs.replace(
        answer,
        score=decision.score,
        anomaly=decision.anomaly,
        reasons=reasons,
        decided_by=decision.decided_by,
        rules=[MetRule(hit.name, hit.action, hit.mode, hit.reason) for hit in decision.hits],
        model_score=answer.score if decision.score != answer.score else msgspec.UNSET,
    )


def _reason(hit: Hit) -> ReasonInWords:
    return ReasonInWords(hit.reason, OWN_REASON, [], 0.0, True)
