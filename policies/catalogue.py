"""All rules of the pack."""

from policies.rule import Rule, rules_of
from policies.rules import artifact_registry, bigquery, cloud_run, compute, data_services, dataflow, dns, duties, edge
from policies.rules import events
from policies.rules import functions, gke, iam, kms, least_rights, network, observability, organization, placement
from policies.rules import privacy, secret_manager, sql, storage, workload_identity

MODULES = (
    storage, iam, workload_identity, least_rights, secret_manager, kms, cloud_run, privacy, duties, placement,
    observability, events, bigquery, artifact_registry, edge, compute, network, dns, sql, gke, functions, data_services,
    dataflow, organization,
)  # fmt: skip
"""In the order in which the documentation shows them."""

RULES: tuple[Rule, ...] = tuple(rule for module in MODULES for rule in rules_of(module))
