"""What published standards ask for, and where each of it stands: decided by a rule, undecidable for a program, or not
applicable to one.

One table a standard, `NAME-VERSION.tsv`. The titles are our own words.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from policies.rule import Framework

CIS = "CIS Google Cloud Foundations"
_TABLES = {
    CIS: ("5.0.0", "cis-5.0.0.tsv"),
    "Checkov": ("3.3", "checkov-3.3.tsv"),
    "Trivy": ("", "trivy.tsv"),
}


@dataclass(frozen=True)
class Requirement:
    """One requirement of a standard. `level` is 1 or 2 where the standard has levels, else 0. `standing` is `decided`,
    `undecidable` or `not applicable`; `why` says it of all but the first. `types` are beginnings of the types that it
    is about, where its rule looks at others, too.
    """

    framework: Framework
    level: int
    standing: str
    title: str
    why: str
    types: tuple[str, ...] = ()


_SCOPES: dict[str, tuple[str, ...]] = {
    **{"1.10": ("gcp:kms/",), "5.1": ("gcp:storage/",), "7.1": ("gcp:bigquery/",)},
    **{"7.2": ("gcp:bigquery/table",), "7.3": ("gcp:bigquery/dataset",)},
    **{"CKV_GCP_15": ("gcp:bigquery/dataset",), "CKV_GCP_28": ("gcp:storage/",), "CKV_GCP_99": ("gcp:pubsub/topic",)},
    **{"CKV_GCP_100": ("gcp:bigquery/table",), "CKV_GCP_101": ("gcp:artifactregistry/",)},
    **{"CKV_GCP_102": ("gcp:cloudrun/", "gcp:cloudrunv2/"), "CKV_GCP_107": ("gcp:cloudfunctions",)},
    **{"CKV_GCP_112": ("gcp:kms/",), "CKV2_GCP_6": ("gcp:kms/cryptoKey",), "CKV2_GCP_8": ("gcp:kms/keyRing",)},
    **{"CKV2_GCP_9": ("gcp:storage/",), "CKV_GCP_80": ("gcp:bigquery/table",), "CKV_GCP_81": ("gcp:bigquery/dataset",)},
    **{"CKV_GCP_83": ("gcp:pubsub/topic",), "CKV_GCP_84": ("gcp:artifactregistry/",)},
    **{"CKV_GCP_92": ("gcp:vertex/aiDataset",), "CKV_GCP_96": ("gcp:vertex/aiMetadataStore",)},
    **{"CKV2_GCP_24": ("gcp:vertex/aiEndpoint:",), "CKV2_GCP_25": ("gcp:vertex/aiFeatureStore:",)},
    **{"CKV2_GCP_26": ("gcp:vertex/aiTensorboard",), "CKV2_GCP_33": ("gcp:vertex/aiEndpoint:",)},
    **{"CKV2_GCP_34": ("gcp:vertex/aiIndexEndpoint:",), "GCP-0001": ("gcp:storage/",), "GCP-0046": ("gcp:bigquery/",)},
}
"""What a requirement is about, by the beginning of types, where the rule that decides it looks at more."""


@cache
def requirements() -> tuple[Requirement, ...]:
    """All requirements of all tables, in their order."""
    found = []
    for name, (version, file) in _TABLES.items():
        path = Path(__file__).with_name(file)
        if not path.exists():
            continue
        with path.open(encoding="utf-8", newline="") as table:
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
                reference, level = row["reference"], int(row["level"] or 0)
                told = (row["standing"], row["title"], row["why"] or "")
                found.append(Requirement(Framework(name, version, reference), level, *told, _SCOPES.get(reference, ())))
    return tuple(found)


@cache
def cis_levels() -> dict[str, int]:
    """The level of each recommendation of CIS, by its number."""
    return {r.framework.reference: r.level for r in requirements() if r.framework.name == CIS}
