"""BigQuery: tables of production stay, and datasets say what they hold and for how long."""

from policies.rule import ADVISORY, LOW, MEDIUM, PLATFORM, Resource, checkov, cis, gdpr, rule
from policies.value import Findings, Undecided, Violation, equals, require

DATASET = "gcp:bigquery/dataset:Dataset"
TABLE = "gcp:bigquery/table:Table"


@rule(
    "bigquery-table-deletion-protection",
    "Tables of production refuse to be deleted.",
    types=[TABLE],
    severity=MEDIUM,
    stacks=["prod*"],
    frameworks=[checkov("CKV_GCP_121")],
    fix="Set deletion_protection=True.",
)
def table_deletion_protection(table: Resource) -> Findings:
    yield require(table["deletionProtection"], equals(True), "deletion protection is off", default=True)


@rule(
    "bigquery-retention",
    "What a dataset holds is deleted after a fixed time.",
    types=[DATASET],
    severity=LOW,
    level=ADVISORY,
    frameworks=[gdpr("5(1)(e)")],
    profiles=[PLATFORM],
    fix="Set default_table_expiration_ms or default_partition_expiration_ms.",
)
def retention(dataset: Resource) -> Findings:
    tables, partitions = dataset["defaultTableExpirationMs"], dataset["defaultPartitionExpirationMs"]
    if tables.unknown or partitions.unknown:
        yield Undecided(tables.path if tables.unknown else partitions.path)
    elif not tables.known and not partitions.known:
        yield Violation("defaultTableExpirationMs", "tables are kept for ever")


@rule(
    "bigquery-classified",
    "A dataset says by a label how sensitive its data is.",
    types=[DATASET],
    severity=LOW,
    level=ADVISORY,
    frameworks=[cis("7.4")],
    settings={"label": "data-classification"},
    profiles=[PLATFORM],
    fix='Set the label "data-classification", such as public, internal, masked or personal.',
)
def classified(dataset: Resource) -> Findings:
    yield require(dataset["labels"][dataset.settings["label"]], bool, "the data is not classified")
