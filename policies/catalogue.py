"""All rules of the pack, and which of them apply to a resource type."""

from functools import cache

from policies.rule import Rule, rules_of
from policies.rules import artifact_registry, bigquery, cloud_run, duties, edge, events, iam, kms, observability
from policies.rules import placement, privacy, secret_manager, storage, workload_identity

PACK_NAME = "orderguard-gcp"
PACK_VERSION = "1.0.0"
"""As in PulumiPolicy.yaml."""

MODULES = (
    storage, iam, workload_identity, secret_manager, kms, cloud_run, privacy, duties, placement, observability, events,
    bigquery, artifact_registry, edge,
)  # fmt: skip
"""In the order in which the documentation shows them."""

RULES: tuple[Rule, ...] = tuple(rule for module in MODULES for rule in rules_of(module))


@cache
def rules_for(type_token: str) -> tuple[Rule, ...]:
    """The rules that look at single resources of this type."""
    return tuple(rule for rule in RULES if not rule.whole_stack and rule.applies_to(type_token))


def stack_rules() -> tuple[Rule, ...]:
    """The rules that look at a whole stack."""
    return tuple(rule for rule in RULES if rule.whole_stack)
