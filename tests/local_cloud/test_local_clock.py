"""A stack's clock: it outlives what is killed, shows the real time where it is damaged, and wakes who waits for it."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local import clock
from infra.local.__main__ import main
from infra.local.cloud import Cloud

CHRISTMAS = datetime(2026, 12, 24, 3, tzinfo=UTC)


@given(
    st.timedeltas(timedelta(), timedelta(days=99 * 365)).map(
        lambda span: span - timedelta(microseconds=span.microseconds)
    )
)
def test_a_duration_is_read_as_it_is_told(span: timedelta) -> None:
    assert clock.duration(clock.in_words(span)) == span


@pytest.mark.parametrize("text", ["", "3", "h", "-3h", "3h2d", "3 h", "1.5h", "٣h"])
def test_what_is_no_duration_is_told_with_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write 3h"):
        clock.duration(text)


@pytest.mark.parametrize("text", ["", "2026-12-24T03:00", "24.12.2026", "0001-01-01T00:00+14:00", "3h"])
def test_what_is_no_moment_is_told_with_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a moment: write 2026-12-24T03:00Z"):
        clock.moment(text)


def test_a_moment_is_read_in_any_time_zone() -> None:
    assert clock.moment("2026-12-24T04:00+01:00") == clock.moment("2026-12-24T03:00Z") == CHRISTMAS


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"ahead": "x", "held": ""}', b'{"ahead": 1e99, "held": ""}', b'{"ahead": 0, "held": "x"}'],
)
def test_a_damaged_clock_shows_the_real_time(cloud: Cloud, content: bytes) -> None:
    clock.set_to(cloud, CHRISTMAS, hold=True)
    (cloud.root / "clock.json").write_bytes(content)
    assert clock.clock(cloud).is_real


def test_a_clock_runs_on_stands_still_and_is_given_back(cloud: Cloud) -> None:
    assert clock.clock(cloud).is_real
    clock.set_to(cloud, CHRISTMAS)
    assert CHRISTMAS < clock.now(cloud) < clock.now(cloud) + timedelta(microseconds=1), "it runs"
    clock.set_to(cloud, CHRISTMAS, hold=True)
    clock.advance(cloud, timedelta(hours=3), hold=True)
    assert clock.now(cloud) == clock.now(Cloud(cloud.home, cloud.stack)) == CHRISTMAS + timedelta(hours=3)
    assert clock.stamp(cloud) == "2026-12-24T06:00:00.000000Z"
    assert clock.clock(Cloud(cloud.home, "another")).is_real, "each stack has its own"
    clock.go_by_real_time(cloud)
    assert clock.clock(cloud).is_real


def test_who_waits_goes_on_when_the_clock_is_moved(cloud: Cloud) -> None:
    clock.set_to(cloud, CHRISTMAS, hold=True)
    waiting = threading.Thread(target=clock.wait_until, args=(cloud, CHRISTMAS + timedelta(days=30)))
    waiting.start()
    clock.advance(cloud, timedelta(days=29), hold=True)
    assert waiting.is_alive()
    clock.advance(cloud, timedelta(days=1), hold=True)
    waiting.join()
    assert clock.now(cloud) == CHRISTMAS + timedelta(days=30)


def test_the_command_says_what_the_clock_shows(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(cloud.home.root))

    def said(*words: str) -> str:
        code = main(["clock", "--stack", cloud.stack, *words])
        shown = capsys.readouterr()
        assert code == (2 if shown.err else 0)
        return shown.out + shown.err

    assert "(the real time)" in said()
    assert said("--set", "2100-01-01T00:00Z", "--hold").startswith("test: 2100-01-01T00:00:00Z (stands still, ")
    assert said("--advance", "1d12h", "--hold").startswith("test: 2100-01-02T12:00:00Z (stands still, ")
    assert said("--advance", "1h").startswith("test: 2100-01-02T13:00:00Z (2"), "it runs"
    assert "is more than a hundred years away" in said("--set", "2300-01-01T00:00Z")
    assert "contradict each other" in said("--real", "--hold")
    assert "It went back" in said("--real")


@pytest.mark.parametrize("words", [["--advance", "x"], ["--set", "tomorrow"], ["--advance", "3h", "--real"]])
def test_a_mistyped_time_is_a_mistake_of_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["clock", *words])
    assert ended.value.code == 2
