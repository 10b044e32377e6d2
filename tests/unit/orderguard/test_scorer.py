"""The scorer: only whole versions, the same scores by row and by batch, and no training library."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from orderguard.features import FEATURE_NAMES
from orderguard.model_version import ModelVersionError
from orderguard.scorer import Scorer


@pytest.fixture(scope="module")
def version_dir(models_dir: Path) -> Path:
    return models_dir / "first"


@pytest.fixture(scope="module")
def scorer(version_dir: Path) -> Scorer:
    return Scorer.load(version_dir)


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    values = np.random.default_rng(1).normal(scale=3, size=(200, len(FEATURE_NAMES))).astype(np.float32)
    values[::9, 3] = np.nan
    values[::11, 5] = np.inf
    return values


def test_a_row_scores_as_it_does_in_a_batch(scorer: Scorer, rows: NDArray[np.float32]) -> None:
    batch = scorer.score(rows)
    for place, row in enumerate(rows):
        alone = scorer.score_row(row)
        assert alone == pytest.approx((batch.score[place], batch.forest[place], batch.guard[place]), abs=1e-14)


def test_scores_are_in_0_to_1_and_never_below_the_guards(scorer: Scorer, rows: NDArray[np.float32]) -> None:
    scores = scorer.score(rows)
    assert np.all(scores.score >= scores.guard) and np.any(scores.score > scores.guard)
    for values in scores:
        assert values.min() >= 0 and values.max() <= 1


def test_contributions_add_up_to_the_score(scorer: Scorer, rows: NDArray[np.float32]) -> None:
    for row in rows[:50]:
        pairs = scorer.contributions(row)
        assert sorted(name for name, _ in pairs) == sorted(FEATURE_NAMES)
        assert [value for _, value in pairs] == sorted((value for _, value in pairs), reverse=True)
        expected = scorer.score_row(row).score
        assert sum(value for _, value in pairs) == pytest.approx(expected, abs=1e-9)


def test_no_rows_give_no_scores(scorer: Scorer) -> None:
    assert len(scorer.score(np.empty((0, len(FEATURE_NAMES)), np.float32)).score) == 0


def test_threads_share_a_scorer(scorer: Scorer, rows: NDArray[np.float32]) -> None:
    expected = scorer.score(rows).score
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            found = [row.score for row in pool.map(scorer.score_row, rows)]
            assert found == pytest.approx(expected, abs=1e-14)


def test_a_changed_model_is_not_loaded(version_dir: Path, tmp_path: Path) -> None:
    for path in version_dir.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(version_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    model = tmp_path / "model.onnx"
    model.write_bytes(model.read_bytes()[:-10])
    with pytest.raises(ModelVersionError, match="model.onnx"):
        Scorer.load(tmp_path)


def test_a_folder_without_a_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelVersionError, match="contains no model version"):
        Scorer.load(tmp_path)


def test_scoring_imports_no_training_library() -> None:
    code = (
        "import sys, orderguard.scorer, orderguard.drift\n"
        "heavy = {'pandas', 'sklearn', 'scipy', 'skl2onnx', 'onnx', 'matplotlib', 'ml'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
