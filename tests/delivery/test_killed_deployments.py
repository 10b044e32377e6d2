"""Deployments that are killed leave the proven revision its traffic, and the next one goes on: a small sample of
`make bench AREA=deploy`, on the local cloud, with callers all along."""

from pathlib import Path

from bench.deploy.run import killed_and_repeated
from bench.deploy.stage import Kill, stage
from bench.deploy.watching import Watch
from infra.local.ports import free_port


def test_the_deployment_after_killed_ones_serves_and_no_caller_noticed(tmp_path: Path) -> None:
    """The first is killed while it moves traffic, the second, whose revision answers 500, while it goes back."""
    kills = [Kill("canary: 10 %", 1.5), Kill("local is unhealthy", 0.1, "answers 500")]
    with stage(tmp_path, free_port(), steps=[10, 100]) as made, Watch(made) as watch:
        row = killed_and_repeated(made, watch, kills)
    assert row.deployed, row
    assert row.requests > 100 and row.failed == 0, watch.failed[:5]
    assert row.too_much == 0, row.traffic
