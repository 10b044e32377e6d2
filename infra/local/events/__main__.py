"""One firing, in a process of its own: `launch.py infra.local.events HOME STACK`, told on standard input which.

The first line of its output is the answer's status and a word about it; what the answer has begun goes on after that.
"""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.events.attempt import attempt
from infra.local.events.calls import Answer, Manner
from infra.local.events.triggers import deliver, event_of
from infra.local.events.watched import Watched
from infra.local.home import Home
from infra.local.jobs import JobError
from orderguard.private_files import keep_private

AT_A_TIME = 64
"""How many objects of one look are delivered at a time; the others wait, the oldest first."""


class _Aside:
    """What goes on after the answer."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def begin(self, what: Callable[[], None]) -> None:
        """Go on with it beside the rest."""
        thread = threading.Thread(target=_logged, args=(what,))
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Return once all of it has ended."""
        for thread in self._threads:  # also those that are added meanwhile
            thread.join()


def _logged(what: Callable[[], object]) -> None:
    try:
        told = what()
    except JobError as problem:
        told = problem
    if told:
        print(told, file=sys.stderr, flush=True)


def fire(cloud: Cloud, asked: Mapping[str, Any], answered: Callable[[Answer], None]) -> None:
    """Do what is asked for: a schedule's attempt, or the delivery of objects' arrivals."""
    aside, watched = _Aside(), Watched(**asked["watched"])
    manner = Manner(lambda _, begin: aside.begin(begin))
    if "due" in asked:
        answer = attempt(cloud, watched, datetime.fromisoformat(asked["due"]), manner)
        answered(answer)
        if answer.then:
            aside.begin(answer.then)
    else:
        answered(_delivered(cloud, watched, asked["objects"], manner))
    aside.wait()


def _delivered(cloud: Cloud, trigger: Watched, objects: list[str], manner: Manner) -> Answer:
    bucket = str(next(one["value"] for one in trigger.inputs["matchingCriterias"] if one["attribute"] == "bucket"))
    failed: list[str] = []

    def one(name: str) -> None:
        try:
            told = deliver(cloud, trigger, event_of(cloud, bucket, name), manner)
            print(told, file=sys.stderr, flush=True)
        except FileNotFoundError:
            pass  # removed meanwhile
        except JobError as problem:
            failed.append(str(problem))
            print(problem, file=sys.stderr, flush=True)

    with ThreadPoolExecutor(min(AT_A_TIME, len(objects))) as pool:
        list(pool.map(one, objects))
    count = f"{len(objects)} object{'s' if len(objects) > 1 else ''}"
    return Answer(500, failed[-1]) if failed else Answer(200, f"{count} delivered")


def main(home: str, stack: str) -> None:
    """Fire what standard input tells."""

    def answered(answer: Answer) -> None:
        print(json.dumps({"status": answer.status, "told": answer.told}), flush=True)

    fire(Cloud(Home(Path(home)), stack), json.loads(sys.stdin.read()), answered)


if __name__ == "__main__":
    keep_private()
    main(*sys.argv[1:])
