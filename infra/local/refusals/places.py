"""Where Google Cloud is: regions, zones and multi-regions, as of November 2026.

Regions are those that the API directory of google-api-python-client 2.202.0 names (regional endpoints, examples) and
the public list at https://cloud.google.com/about/locations.
"""

import re
from typing import Any

REGIONS = frozenset(
    f"{part}{number}"
    for part, numbers in {
        "africa-south": (1,),
        "asia-east": (1, 2),
        "asia-northeast": (1, 2, 3),
        "asia-south": (1, 2),
        "asia-southeast": (1, 2, 3, 4),
        "australia-southeast": (1, 2),
        "europe-central": (2,),
        "europe-north": (1, 2, 3),
        "europe-southwest": (1,),
        "europe-west": (1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15),
        "me-central": (1, 2),
        "me-west": (1,),
        "northamerica-northeast": (1, 2),
        "northamerica-south": (1,),
        "southamerica-east": (1,),
        "southamerica-west": (1,),
        "us-central": (1, 2),
        "us-east": (1, 4, 5, 7),
        "us-south": (1,),
        "us-west": (1, 2, 3, 4, 8),
    }.items()
    for number in numbers
)
PUBLIC_REGIONS = sorted(
    REGIONS
    - {"asia-southeast3", "asia-southeast4", "europe-north3", "europe-west5", "europe-west15", "us-central2"}
    - {"us-east7", "us-west8"}
)
"""Those that every project has: cloud.google.com/compute/docs/regions-zones, November 2026."""
_ZONES = {"us-central1": "abcf", "us-east1": "bcd", "europe-west1": "bcd", "us-central2": "abcd"}
"""Regions whose zones are not a, b and c."""
_MULTI = re.compile(
    r"global|us|eu|europe|asia|asia1|in|au|ca|uk|jp|nam\d{1,2}|eur\d{1,2}|us-central|europe-west|asia-in\d?|asia\d"
    r"|nam-eur-asia\d|nam-asia\d|-|(aws|azure)-[a-z]+[a-z0-9-]*"
)
"""Multi-regions of the services, dual regions, App Engine's two old names, and BigQuery Omni's."""


def is_region(value: str) -> bool:
    """Whether there is such a region."""
    return last(value) in REGIONS


def zones_of(region: str) -> list[str]:
    """The names of a region's zones."""
    return [f"{region}-{letter}" for letter in _ZONES.get(region, "abc")]


def is_zone(value: str) -> bool:
    """Whether there is such a zone, of those for machine learning too (`us-central1-ai1a`)."""
    name = last(value)
    region, _, letter = name.rpartition("-")
    return region in REGIONS and (name in zones_of(region) or bool(re.fullmatch(r"ai\d[a-z]", letter)))


def is_location(value: str) -> bool:
    """Whether it is a region, a zone or a multi-region."""
    return is_region(value) or is_zone(value) or bool(_MULTI.fullmatch(last(value)))


def last(value: Any) -> str:
    """The name at the end of a path, in small letters: Cloud Storage and BigQuery take large ones."""
    return str(value).rstrip("/").rpartition("/")[2].lower()
