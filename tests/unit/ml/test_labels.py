"""Outcomes for a training: what is said of them beside the orders that were read."""

from datetime import UTC, datetime
from pathlib import Path

from ml.labels import Labels, labels_of
from orderguard.masking import Keyring, new_key_text
from orderguard.outcomes import Outcome, write_outcomes

KEY, OTHER = new_key_text("k2"), new_key_text("k1")
OURS, FORMER = Keyring.from_text(KEY), Keyring.from_text(OTHER)
NAMESAKE = Keyring.from_text(new_key_text("k2"))
WHEN = datetime(2026, 11, 29, tzinfo=UTC)


def labels(folder: Path, *of: tuple[Keyring, str]) -> Labels:
    path, _ = write_outcomes(
        folder, [Outcome(keyring.token("order", name), "fraud", WHEN, "b") for keyring, name in of]
    )
    return labels_of(path)


def test_orders_that_were_not_read_are_counted_by_the_key_of_their_outcomes(tmp_path: Path) -> None:
    read = [OURS.token("order", name) for name in ("A", "B")]
    some = labels(tmp_path, (OURS, "A"), (OURS, "gone"), (FORMER, "A"), (FORMER, "B"))
    first, *others = some.told(read)
    assert first == "outcomes: 4 lines, of 4 orders, of which 1 are among those read"
    assert [line.partition(":")[0] for line in others] == [
        "outcomes of 2 orders are under the masking key k1, which was rotated"
    ]
    (said,) = labels(tmp_path, (NAMESAKE, "A")).told(read)[1:]
    assert said.startswith("outcomes of 1 orders are of none that was read, or under another key")
    assert labels_of(None).told(read) == []
