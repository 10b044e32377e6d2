"""Orders with a date that can't be right are set apart, with their line and the reason; a training goes on."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml.date_range import out_of_range
from ml.feature_engineering import FeatureConfig, build_features
from orderguard.masking import Keyring

DAY = 86_400.0
EARLIEST = date(1990, 1, 1)


def order(number: int, moment: str) -> bytes:
    plain = {"order_id": str(number), "created_at": moment, "customer": {"id": "c"}, "currency": "EUR"}
    return json.dumps(plain | {"items": [{"sku": "a", "quantity": 1, "unit_price": 2.0}]}).encode()


def test_misdated_orders_are_quarantined_with_line_and_reason(tmp_path: Path, key_text: str) -> None:
    good = [order(number, f"2026-{number // 28 % 12 + 1:02d}-{number % 28 + 1:02d}T10:00:00Z") for number in range(150)]
    one, two = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    late, early = order(900, "2150-01-01T00:00:00Z"), order(901, "1970-01-01T00:00:00Z")
    ends = [order(902, "0001-01-01T00:00:00+14:00"), order(903, "9999-12-31T23:59:59-14:00")]
    one.write_bytes(b"\n".join([good[0], b"", b"{", late, *good[1:60]]))
    two.write_bytes(b"\xef\xbb\xbf" + b"\n".join([early, *good[60:], *ends]))
    quarantine = tmp_path / "bad.ndjson"
    table = build_features([one, two], Keyring.from_text(key_text), FeatureConfig(quarantine=quarantine))
    assert (len(table.X), table.report.orders) == (150, 150)
    assert [file.orders for file in table.data_files] == [60, 90]
    found = {(bad["position"], bad["line"]): bad for bad in map(json.loads, quarantine.read_text().splitlines())}
    assert set(found) == {(1, 3), (1, 4), (2, 1), (2, 92), (2, 93)}
    assert found[1, 4]["field"] == "created_at"
    assert found[1, 4]["file"] == Keyring.from_text(key_text).token("file", "a.ndjson")
    assert found[1, 4]["reason"].startswith("more than 730 days away from the other orders")
    assert found[2, 1]["reason"] == "before 1990-01-01, see input.earliest"
    assert found[2, 92]["reason"] == "not in the years 1970 to 2199"
    assert not any("2150" in bad["excerpt"] for bad in found.values())
    assert table.report.quarantined["created_at: not in the years 1970 to 2199"] == 2


@pytest.mark.parametrize(
    ("moments", "rows"),
    [
        ([], []),
        ([5_000], []),
        ([8_000, 9_000], []),
        ([*range(8_000, 8_200), 9_500], [200]),
        ([*range(8_000, 8_200), 9_500, 12_000], [200, 201]),
        ([*range(8_000, 8_200), 9_500, 9_501, 9_502], []),  # more than 1 in 100: a shop that paused
        ([7_305, *range(9_000, 9_200)], [0]),
        ([*range(8_000, 8_500, 5), 8_700], []),
    ],
)
def test_what_stands_far_from_all_others_is_told_by_the_orders_alone(moments: list[int], rows: list[int]) -> None:
    """In days since 1970."""
    assert sorted(out_of_range(np.array(moments, float) * DAY, EARLIEST, 730)) == [
        row for row in range(len(moments)) if row in rows or moments[row] < 7_305
    ]


@given(arrays.arrays(np.float64, st.integers(0, 60), elements=st.floats(-6e10, 6e10)))
def test_most_orders_always_stay(at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    found = out_of_range(at, EARLIEST, 730)
    late = np.flatnonzero(at >= 7_305 * DAY)
    assert len(set(late.tolist()) & set(found)) <= max(0, min(len(late) - 1, 2))
