"""What suites share: the platform, brought up once a session, and how property tests run."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from infra.local.ports import free_port
from tests.local_platform import Platform, copy_of_the_tree
from bench.postgres_server import PostgresServer
from bench.redis_server import RedisServer
from tests.serving import train

# The same examples at each run, however slow the machine is: a run tells of the code alone. To look for examples that
# nobody has seen yet: `pytest --hypothesis-profile=default --hypothesis-seed=N`.
settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

processor_seconds: defaultdict[str, float] = defaultdict(float)
"""By folder of tests, of this process and of those that it started and that have ended."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Count what a test takes, its fixtures included. What a suite shares counts where it is made and taken down.

    A command that a test calls in this process may make it private for good: the next test begins as this one did.
    """
    before = sum(os.times()[:4])
    umask = os.umask(0o022)
    os.umask(umask)
    result = yield
    os.umask(umask)
    processor_seconds[item.nodeid.split("/")[1]] += sum(os.times()[:4]) - before
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The processor time of each suite: CI has a budget."""
    if processor_seconds:
        terminalreporter.section("processor seconds by suite")
        for suite, seconds in sorted(processor_seconds.items(), key=lambda pair: -pair[1]):
            terminalreporter.write_line(f"{suite:12} {seconds:7.1f}")
        terminalreporter.write_line(f"{'all':12} {sum(processor_seconds.values()):7.1f}")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The stack `local` of this tree, up and answering. Tests that share it leave it answering."""
    folder = tmp_path_factory.mktemp("platform")
    made = Platform(copy_of_the_tree(folder / "tree"), folder / "home", free_port())
    done = made.up()
    try:
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        yield made
    finally:
        made.command("down")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis server that tests share. Each empties it, or uses keys of its own, and leaves it running."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL server that tests share. Each empties the desk's tables, and leaves it running."""
    with PostgresServer(tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small trained model version, `first`, as champion. Tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("models")
    return train(folder / "models", folder / "raw")
