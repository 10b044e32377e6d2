"""The configuration is checked where it is read, and its mistakes are explained."""

from pathlib import Path

import pytest

from ml.config import DEFAULT, ConfigError, read_config


def test_every_gate_is_on_by_default() -> None:
    gates = read_config().gates
    switches = {name: getattr(gates, name).enabled for name in gates.__struct_fields__ if name != "orders"}
    assert len(switches) == 7
    assert all(switches.values()), switches


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("trees = 100", 'trees = "many"', "forest.trees"),
        ("trees = 100", "trees = 0", "forest.trees"),
        ("trees = 100", "", "trees"),
        ("trees = 100", "trees = 100\nleaves = 3", "leaves"),
        ("rate = 0.01", "rate = 1.5", "alert.rate"),
        ("train = 0.70", "train = 0.90", "split.train + split.reference"),
        ("last_level = 100.0", "last_level = 1.0", "guard.last_level"),
        ("minimum_ratio = 0.3", "minimum_ratio = 4.0", "minimum_ratio"),
        ("last_level = 100.0", "last_level = inf", "guard.last_level"),
        ("level_step = 1.05", "level_step = 1.0000001", "guard.level_step"),
        ("significance = 0.01", "significance = 0.0", "drift.significance"),
        ("significance = 0.01", "significance = 5.0", "drift.significance"),
        ("minimum_effect = 0.15", "minimum_effect = 7.0", "drift.minimum_effect"),
        ("minimum_rows = 200", "minimum_rows = -5", "drift.minimum_rows"),
        ("draws = 200", "draws = 1", "drift.draws"),
        ("orders = 6000", "orders = 100", "gates.orders"),
        ("minimum_rows = 200", "minimum_rows = 2000", "gates.drift.rows"),
        ("[forest]", "[forest", "config.toml"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, old: str, new: str, named: str) -> None:
    text = DEFAULT.read_text("utf-8")
    assert old in text
    path = tmp_path / "config.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert str(path) in str(error.value)
    assert named in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent.toml: not found"):
        read_config(tmp_path / "absent.toml")
