"""`clock`: show, move, hold or give back the clock of a stack."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.errors import EXIT_OK, EXIT_USAGE, LocalCloudError
from infra.local.home import Home
from infra.local.objects import lifecycle

SAYS = "show the stack's clock, move it, or make it stand still"


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--advance", type=_read(clock.duration), metavar="DURATION", help="move it on by 3h, 90m or 1d12h")
    how.add_argument("--set", dest="wanted", type=_read(clock.moment), metavar="TIME", help="2026-12-24T03:00Z")
    how.add_argument("--real", action="store_true", help="give it back: it shows the real time")
    parser.add_argument("--hold", action="store_true", help="let it stand still, until it is moved without this")


def _read(reader: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return reader(text)
        except ValueError as problem:
            raise argparse.ArgumentTypeError(str(problem)) from None

    return read


def show_or_set(home: Home, stack: str, given: argparse.Namespace) -> int:
    """Do what the options ask for, and print what the clock shows then."""
    cloud = Cloud(home, stack)
    if given.real and given.hold:
        raise LocalCloudError("--real and --hold contradict each other: write one of them", EXIT_USAGE)
    before = clock.now(cloud)
    try:
        if given.real:
            clock.go_by_real_time(cloud)
        elif given.wanted:
            clock.set_to(cloud, given.wanted, hold=given.hold)
        elif given.advance or given.hold:
            clock.advance(cloud, given.advance or timedelta(), hold=given.hold)
    except (ValueError, OverflowError) as problem:
        raise LocalCloudError(f"The clock can't show that: {problem}", EXIT_USAGE) from None
    print(f"{stack}: {described(clock.clock(cloud))}")
    if clock.now(cloud) < before - timedelta(seconds=1):
        print("It went back: what has happened stays, and what is due comes again.")
    if (done := lifecycle.act(cloud)).anything:
        print(f"buckets: {done.in_words()}")
    return EXIT_OK


def described(shown: clock.Clock) -> str:
    """A clock's time in words, with how it differs from the real one."""
    ahead = (shown.now() - datetime.now(UTC)).total_seconds()
    away = (
        f"{clock.in_words(timedelta(seconds=abs(round(ahead))))} {'behind' if ahead < 0 else 'ahead of'} the real time"
    )
    how = "the real time" if shown.is_real else away
    return f"{shown.now():%Y-%m-%dT%H:%M:%SZ} ({'stands still, ' if shown.held else ''}{how})"
