"""A manifest for tests of what is told of a model version."""

from orderguard.model_version import DataFile, Manifest

ORDERS = [
    DataFile(position=place, token=f"fil_k1_{month * 11}", sha256=month * 32, orders=1_000)
    for place, month in enumerate(("10", "11"), 1)
]


def manifest(version: str) -> Manifest:
    """Whole, but for the files."""
    return Manifest(
        version=version,
        commit=None,
        tag=None,
        dirty=False,
        data=ORDERS,
        data_sha256="ab" * 32,
        first_order="2026-10-01T00:00:00+00:00",
        last_order="2026-11-01T00:00:00+00:00",
        code_sha256="",
        lock_sha256=None,
        schema_sha256="",
        feature_set_version="",
        feature_names=[],
        threshold=0.5,
        parameters={},
        metrics={},
        libraries={},
        files={},
    )
