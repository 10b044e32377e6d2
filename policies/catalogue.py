"""All rules of the pack."""

from policies.rule import Rule, rules_of
from policies.rules import artifact_registry, bigquery, cloud_run, duties, edge, events, iam, kms, observability
from policies.rules import placement, privacy, secret_manager, storage, workload_identity

MODULES = (
    storage, iam, workload_identity, secret_manager, kms, cloud_run, privacy, duties, placement, observability, events,
    bigquery, artifact_registry, edge,
)  # fmt: skip
"""In the order in which the documentation shows them."""

RULES: tuple[Rule, ...] = tuple(rule for module in MODULES for rule in rules_of(module))
