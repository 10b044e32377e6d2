"""Histories are made and loaded before a new revision gets traffic: by the stack's own jobs in the cloud, under the
stack's own key on this machine."""

from pathlib import Path
from typing import Any

import pytest

from delivery import seeding
from delivery.errors import DeliveryError
from delivery.seeding import seed
from delivery.stack import Stack
from tests.unit.delivery.conftest import CLOUD, Recorder

OUTPUTS = {
    "histories_job": "orderguard-staging-histories",
    "seeding_job": "orderguard-staging-seeder",
    "histories_bucket": "orderguard-staging-histories",
    "masking_key_secret": "masking-key",
    "model_version": "v1",
}


@pytest.fixture
def commands(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """What `follow` is asked to run, with the environments."""
    monkeypatch.setattr(seeding, "follow", recorder)
    return recorder


def stack(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], **outputs: Any) -> Stack:
    monkeypatch.setattr(Stack, "outputs", lambda _: {**OUTPUTS, **outputs})
    return Stack("staging", environment)


def test_the_stacks_jobs_make_and_load_it_in_this_order(commands: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    told = seed(stack(monkeypatch, CLOUD))
    place = "--region europe-west1 --project orderguard-staging --wait"
    assert commands.commands == [
        f"gcloud run jobs execute {OUTPUTS[name]} {place}" for name in ("histories_job", "seeding_job")
    ]
    assert "v1" in told and "loaded" in told


def test_without_a_shared_store_past_cases_are_made_all_the_same(
    commands: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no shared store" in seed(stack(monkeypatch, CLOUD, seeding_job=""))
    assert len(commands.commands) == 1 and OUTPUTS["histories_job"] in commands.commands[0]


def test_here_it_is_made_under_the_stacks_key_which_stands_in_no_argument(
    commands: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("delivery.seeding.secretmanager.value", lambda cloud, secret, version: "k1:the-stacks-own")
    seed(stack(monkeypatch, {"LOCAL_CLOUD_HOME": str(tmp_path), "DATA": "elsewhere"}))
    made, loaded = commands.commands
    assert "-m ml histories --data elsewhere" in made and made.endswith(" v1")
    assert f"--histories {tmp_path}" in made and "buckets/orderguard-staging-histories" in made
    assert "-m infra.local run-job orderguard-staging-seeder --stack staging" in loaded
    assert not any("the-stacks-own" in command for command in commands.commands)


def test_what_goes_wrong_names_the_way_on_without(commands: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise DeliveryError("the seed is of another key")

    monkeypatch.setattr(seeding, "follow", refuse)
    with pytest.raises(DeliveryError, match=r"(?s)of another key.*SEED_HISTORIES=off"):
        seed(stack(monkeypatch, CLOUD))
    assert "off" in seed(stack(monkeypatch, {**CLOUD, "SEED_HISTORIES": "off"}))


def test_a_stack_of_before_has_nothing_to_seed(commands: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no histories to seed" in seed(stack(monkeypatch, CLOUD, histories_job=""))
    assert commands.commands == []
