"""gcloud is asked for a token once in some minutes, not at each request."""

import pytest

from delivery import tokens
from tests.unit.delivery.conftest import Recorder


def test_a_token_is_used_again_until_it_is_some_minutes_old(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.answers["gcloud auth print-access-token"] = "a-token\n"
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for _ in range(3):
        assert tokens.google_headers() == {"Authorization": "Bearer a-token"}
    assert len(recorder.commands) == 1
    now[0] += tokens.KEPT_SECONDS + 1
    tokens.access_token()
    assert len(recorder.commands) == 2
