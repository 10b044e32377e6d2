"""The values of a stack's secrets are made past the program: drawn, copied, asked for, rotated; by name, and over pipes
alone."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from delivery import keys
from delivery.errors import DeliveryError
from delivery.keys import see_to_secrets
from delivery.stack import Stack
from infra.former_versions import VERSION, held, let_go
from infra.keys import DRAWN, GIVEN, SAME_AS, drawn, name_of
from infra.local.functions import answer
from infra.local.cloud import Cloud, Record
from infra.local.home import Home
from infra.local.provider.resource import Refused
from infra.local.services import secretmanager
from infra.secret import NEWEST
from orderguard.masking import Keyring
from tests.infra.recording import ROOT
from tests.unit.delivery.conftest import CLOUD, Recorder

HERE = ("masking-key", "training-key", "api-key", "probe-key", "hook-shopify")


def test_a_fresh_masking_key_is_one_that_masking_takes_and_a_rotated_one_keeps_the_key_before() -> None:
    first = drawn("masking-key", "", {})
    second = drawn("masking-key", first, {})
    third = drawn("masking-key", second, {})
    assert [Keyring.from_text(one).current_id for one in (first, second, third)] == ["k1", "k2", "k3"]
    assert second.partition(",")[2] == first and third.partition(",")[2] == second.partition(",")[0]


def test_an_api_key_is_32_random_bytes_and_a_clones_own_masking_key_is_the_first() -> None:
    key = drawn("api-key", "", {})
    assert len(base64.urlsafe_b64decode(key.removeprefix("og_") + "=")) == 32 and key != drawn("api-key", "", {})
    own = {"ORDERGUARD_MASKING_KEY": "k1:mine"}
    assert drawn("masking-key", "", own) == "k1:mine" != drawn("masking-key", "k1:mine", own)
    assert drawn("api-key", "", own).startswith("og_")


@pytest.mark.parametrize(
    ("secret", "environment", "name"),
    [
        ("orderguard-prod-api-key", "", "api-key"),
        ("projects/1/secrets/orderguard-prod-hooks-masking-key", "prod", "hooks-masking-key"),
        ("orderguard-staging-api-key", "prod", ""),
        ("another-application", "", ""),
    ],
)
def test_a_secret_is_told_by_its_name(secret: str, environment: str, name: str) -> None:
    assert name_of(secret, environment) == name


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A local cloud with secrets that have no version yet."""
    made = Cloud(Home(tmp_path), "prod")
    for name in HERE:
        secret = f"projects/orderguard-prod/secrets/orderguard-prod-{name}"
        made.put(Record(secretmanager.SECRET, secret, f"urn:{name}", "real", "", "", {"secretId": name}, {}))
    return made


@pytest.fixture
def see(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`make secrets`, with somebody who types what `typed` says."""
    monkeypatch.setattr(Stack, "let_go_of_versions", lambda self: [])
    monkeypatch.setattr(keys, "wanted", lambda stack: set(HERE))

    def run(typed: Mapping[str, str] | None = None, **variables: str) -> list[str]:
        stack = Stack("prod", {"LOCAL_CLOUD_HOME": str(cloud.home.root), **variables})
        return see_to_secrets(stack, lambda name: (typed or {}).get(name, ""))

    return run


def values(cloud: Cloud, name: str) -> list[str]:
    found = secretmanager.versions(cloud, f"orderguard-prod-{name}")
    return [str(one.inputs["secretData"]) for one in found]


def test_each_secret_gets_one_version_however_often_it_is_asked(cloud: Cloud, see: Callable[..., list[str]]) -> None:
    see({"hook-shopify": "of the app"})
    before = {name: values(cloud, name) for name in HERE}
    assert before["training-key"] == before["masking-key"] and before["hook-shopify"] == ["of the app"]
    assert {len(found) for found in before.values()} == {1}
    assert see() == ["each of 5 secrets has a version"]
    assert {name: values(cloud, name) for name in HERE} == before


def test_a_value_that_nobody_gave_is_named_and_all_others_are_made(cloud: Cloud, see: Callable[..., list[str]]) -> None:
    with pytest.raises(DeliveryError, match=r"no value yet: hook-shopify.*make secrets SECRET=") as told:
        see()
    assert all(values(cloud, name) for name in (*DRAWN, "training-key"))
    assert not any(value in str(told.value) for name in HERE for value in values(cloud, name))
    assert see({"hook-shopify": "one\ntwo"}, SECRET="hook-shopify") == ["hook-shopify: taken"]
    assert see({"hook-shopify": "one\ntwo"}, SECRET="hook-shopify") == ["hook-shopify: has this value already"]
    assert values(cloud, "hook-shopify") == ["one\ntwo"]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"SECRET": "api-key"}, "whose value is given are: hook-shopify"),
        ({"SECRET": "hook-stripe"}, "whose value is given are: hook-shopify"),
        ({"SECRET": "hook-shopify"}, "No value"),
        ({"ROTATE": "hook-shopify"}, "what is drawn, and so rotated, is masking-key, api-key, probe-key"),
        ({"ROTATE": "api-key"}, "has no key yet"),
    ],
)
def test_what_is_asked_for_wrongly_is_explained(
    variables: dict[str, str], told: str, cloud: Cloud, see: Callable[..., list[str]]
) -> None:
    with pytest.raises(DeliveryError, match=told):
        see(**variables)
    assert not any(values(cloud, name) for name in HERE)


def test_a_rotation_keeps_the_key_before_and_reaches_all_that_have_it(
    cloud: Cloud, see: Callable[..., list[str]]
) -> None:
    see({"hook-shopify": "of the app"})
    see(ROTATE="masking-key")
    old, new = values(cloud, "masking-key")
    assert re.fullmatch(r"k2:[\w-]+,k1:[\w-]+", new) and new.endswith(f",{old}")
    assert values(cloud, "training-key") == [old, new] and len(values(cloud, "api-key")) == 1


def test_a_rotation_that_was_cut_off_is_ended_before_another_begins(
    cloud: Cloud, see: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    see({"hook-shopify": "of the app"})
    with monkeypatch.context() as patch:
        patch.setattr(keys, "_followed", _killed_the_second_time())
        with pytest.raises(KeyboardInterrupt):
            see(ROTATE="masking-key")
    assert (len(values(cloud, "masking-key")), len(values(cloud, "training-key"))) == (2, 1)
    assert "was interrupted and is now complete" in "\n".join(see(ROTATE="masking-key"))
    assert values(cloud, "training-key") == values(cloud, "masking-key")


def _killed_the_second_time() -> Callable[..., list[str]]:
    calls: list[int] = []

    def followed(*_: object) -> list[str]:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return []

    return followed


def test_secrets_that_are_not_there_are_declared_first_without_a_value(
    see: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[str] = []
    monkeypatch.setattr(Stack, "up_parts", lambda self, targets, message: parts.extend([*targets, message]))
    see({"hook-shopify": "of the app"})
    assert parts == []
    monkeypatch.setattr(keys, "wanted", lambda stack: {*HERE, "tell-secret"})
    with pytest.raises(KeyError):
        see()
    assert parts == [*keys.PARTS, "secrets: tell-secret"]


def test_which_secrets_a_stack_has_its_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = {"masking-key", "training-key", "api-key", "probe-key"}
    assert keys.wanted("prod") == usual, "what opens the stack's own Redis Google makes up"
    on = {"orderguard:hooks", "orderguard:historyPassword", "orderguard:hookShopifySecret", "orderguard:backfill"}
    monkeypatch.setattr("delivery.keys.local_pulumi.setting", lambda stack, key: key in on)
    assert keys.wanted("prod") == {
        *usual,
        *("history-password", "hook-shopify", "hooks-masking-key", "hooks-history-password", "backfill-masking-key"),
    }


class Gcloud(Recorder):
    """Secret Manager as `gcloud` shows it: versions by secret, added from standard input."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.kept: dict[str, list[str]] = {f"orderguard-staging-{name}": [] for name in names}
        self.kept["another-application"] = []

    def __call__(self, command: Any, *, given: str = "", **_: Any) -> str:
        super().__call__(command, given=given)
        words = [*command]
        if words[2] == "list":
            return "\n".join(self.kept)
        if words[3] == "list":
            return "1" if self.kept[words[4]] else ""
        if words[3] == "access":
            return self.kept[words[words.index("--secret") + 1]][-1]
        self.kept[words[4]].append(given)
        return ""


def test_in_google_cloud_values_go_over_pipes_and_stand_in_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    gcloud = Gcloud("masking-key", "training-key", "api-key", "probe-key", "history-password")
    monkeypatch.setattr(keys, "run", gcloud)
    monkeypatch.setattr(Stack, "let_go_of_versions", lambda self: ["masking-key-1"])
    told = see_to_secrets(Stack("staging", CLOUD))
    assert "masking-key-1: no longer in the state; it stays in Secret Manager" in told
    see_to_secrets(Stack("staging", {**CLOUD, "ROTATE": "api-key"}))
    kept = {name.removeprefix("orderguard-staging-"): found for name, found in gcloud.kept.items()}
    assert {name: len(found) for name, found in kept.items()} == {
        **{"masking-key": 1, "training-key": 1, "api-key": 2, "probe-key": 1},
        **{"history-password": 0, "another-application": 0},
    }
    assert kept["training-key"] == kept["masking-key"]
    secret = [part for found in kept.values() for value in found for part in value.split(",")]
    assert not [line for line in (*gcloud.commands, *told) for value in secret if value in line]
    added = [command for command in gcloud.commands if " add " in command]
    assert added and all(command.endswith("--project orderguard-staging --data-file=-") for command in added)


URN = "urn:pulumi:prod::orderguard::orderguard:platform:"
OWN = f"{URN}HistoryStore$gcp:redis/instance:Instance::histories"


@pytest.mark.parametrize(
    ("chain", "name", "with_store", "is_held"),
    [
        ("Secret", "masking-key-1", True, True),
        ("HooksService$orderguard:platform:Secret", "hooks-masking-key-2", True, True),
        ("GivenSecret", "rag-api-key", True, True),
        ("HooksService$orderguard:platform:GivenSecret", "hook-shopify", True, True),
        ("NamedStore$orderguard:platform:GivenSecret", "history-password", False, True),
        ("NamedStore$orderguard:platform:GivenSecret", "history-ca", False, False),
        ("HistoryStore$orderguard:platform:GivenSecret", "history-password", True, False),
        ("HooksService$orderguard:platform:GivenSecret", "hooks-history-password", True, False),
    ],
)
def test_what_a_former_release_made_is_told_from_what_the_program_fills(
    chain: str, name: str, with_store: bool, is_held: bool
) -> None:
    urn = f"{URN}{chain}${VERSION}::{name}"
    assert held([urn, *([OWN] if with_store else [])]) == ([urn] if is_held else [])
    assert held([f"urn:pulumi:prod::orderguard::{VERSION}::of-somebody"]) == []


def test_versions_leave_the_state_in_one_write_and_nothing_depends_on_them_any_more() -> None:
    urn = f"{URN}Secret${VERSION}::masking-key-1"
    service = {"urn": "urn:service", "dependencies": ["urn:bucket", urn], "propertyDependencies": {"template": [urn]}}
    state = {"deployment": {"resources": [{"urn": urn}, service]}}
    commands: list[list[str]] = []

    def engine(words: list[str]) -> str:
        commands.append(words)
        if words[1] == "import":
            state.update(json.loads(Path(words[3]).read_text()))
        return json.dumps(state)

    assert let_go(engine) == ["masking-key-1"] and let_go(engine) == []
    assert [words[1] for words in commands] == ["export", "import", "export"]
    assert state["deployment"]["resources"] == [
        {"urn": "urn:service", "dependencies": ["urn:bucket"], "propertyDependencies": {"template": []}}
    ]


def test_the_local_cloud_draws_a_key_where_a_program_asks_for_its_version(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As orderguard-cloud.yaml says, which agrees with `infra.keys`."""
    monkeypatch.chdir(ROOT / "infra")  # where the engine starts the plugin
    monkeypatch.delenv("LOCAL_CLOUD_PROJECT", raising=False)

    def ask(name: str) -> dict[str, Any]:
        secret = f"projects/orderguard-prod/secrets/orderguard-prod-{name}"
        return answer(NEWEST, {"secret": secret, "fetchSecretData": False}, {"project": "orderguard-prod"}, cloud)

    assert (ask("training-key")["version"], ask("training-key")["secretData"]) == ("1", "")
    assert values(cloud, "training-key") == values(cloud, "masking-key"), "whichever is asked for first"
    for name in DRAWN:
        assert ask(name)["version"] == "1"
        (made,) = values(cloud, name)
        assert [re.sub(r"[\w-]{43}$", "", text) for text in (made, drawn(name, "", {}))] == [
            "k1:" if name == "masking-key" else "og_"
        ] * 2
    for name in (*GIVEN, "unknown"):
        with pytest.raises(Refused, match="not found or has no versions"):
            ask(name)
    same = {name for name in SAME_AS if SAME_AS[name] in DRAWN and ask(name)}
    assert same == {"training-key", "hooks-masking-key", "backfill-masking-key"}
