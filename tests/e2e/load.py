"""A steady load of requests from a thread of its own, and what became of each."""

import http.client
import json
import threading
import time
from collections.abc import Mapping
from typing import Any


class SteadyLoad:
    """Posts `body` to `path` on one kept-alive connection after another, from entering the block until leaving it."""

    def __init__(self, port: int, path: str, body: Any, headers: Mapping[str, str], pause: float = 0.005) -> None:
        self._port, self._path, self._headers, self._pause = port, path, dict(headers), pause
        self._body = json.dumps(body)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answered = 0
        self.versions: list[str] = []
        self.failures: list[str] = []

    def __enter__(self) -> "SteadyLoad":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._stop.is_set():
            try:
                connection.request("POST", self._path, self._body, self._headers)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.answered += 1
                    self.versions.append(json.loads(content)["model_version"])
                else:
                    self.failures.append(f"{answer.status} {content[:200]!r}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            time.sleep(self._pause)
        connection.close()
