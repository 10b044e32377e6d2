"""The service's settings: typed once, with every mistake explained and no secret repeated."""

import pytest

from app.settings import SETTINGS, Settings, SettingsError, read_settings
from orderguard.masking import new_key_text

GOOD = {"PII_MASKING": "enforced", "MASKING_KEY": new_key_text(), "API_KEY": "a-key-of-enough-characters"}

MISTAKES = [
    ({"PII_MASKING": "off"}, "PII_MASKING must be `enforced`"),
    ({"PII_MASKING": ""}, "PII_MASKING must be `enforced`"),
    ({"MASKING_KEY": ""}, "MASKING_KEY"),
    ({"API_KEY": ""}, "API_KEY is missing"),
    ({"API_KEY": "short"}, "at least 16"),
    ({"API_KEY": "a" * 20 + "," + "b" * 20 + "," + "c" * 20}, "at most 2"),
    ({"API_KEY_REQUIRED": "maybe"}, "API_KEY_REQUIRED"),
    ({"PORT": "0x50"}, "PORT must be a whole number from 0 to 65535"),
    ({"PORT": "70000"}, "PORT must be a whole number from 0 to 65535"),
    ({"MAX_BATCH": "0"}, "MAX_BATCH"),
    ({"REQUEST_TIMEOUT_SECONDS": "soon"}, "REQUEST_TIMEOUT_SECONDS"),
    ({"MODEL_VERSION": "../elsewhere"}, "MODEL_VERSION"),
    ({"MODEL_VERSION": "v1", "MODEL_SHA256": "abc"}, "MODEL_SHA256 must be a SHA-256"),
    ({"MODEL_SHA256": "0" * 64}, "MODEL_SHA256 belongs to one version"),
    ({"HISTORY_URL": "mysql://x"}, "HISTORY_URL"),
    ({"HISTORY_LOGIN": "iam", "HISTORY_URL": "redis://cache", "HISTORY_CA": "x"}, "needs HISTORY_URL=rediss://HOST"),
    ({"HISTORY_LOGIN": "iam", "HISTORY_URL": "rediss://cache"}, "and HISTORY_CA, to know the server"),
    ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of"),
]


@pytest.mark.parametrize(("wrong", "explanation"), MISTAKES)
def test_a_mistake_is_explained(wrong: dict[str, str], explanation: str) -> None:
    with pytest.raises(SettingsError, match=explanation):
        read_settings({**GOOD, **wrong})


def test_all_mistakes_are_told_at_once_and_no_secret_is_repeated() -> None:
    with pytest.raises(SettingsError) as error:
        read_settings({"MASKING_KEY": "k1:sesame", "API_KEY": "swordfish", "PORT": "-1"})
    message = str(error.value)
    assert len(message.splitlines()) == 4
    assert "sesame" not in message and "swordfish" not in message


def test_settings_are_never_shown_with_their_secrets() -> None:
    shown = repr(read_settings({**GOOD, "HISTORY_URL": "redis://user:secret@host/0"}))
    assert "secret" not in shown and GOOD["API_KEY"] not in shown and GOOD["MASKING_KEY"][3:] not in shown


def test_defaults_are_safe() -> None:
    settings = read_settings(GOOD)
    assert (settings.host, settings.model_version, settings.history_url) == ("127.0.0.1", "champion", "memory:")
    assert len(settings.api_key_hashes) == 1


def test_two_keys_may_be_valid_while_one_is_rotated() -> None:
    assert len(read_settings({**GOOD, "API_KEY": "a" * 20 + ", " + "b" * 20}).api_key_hashes) == 2


def test_a_key_can_be_waived_only_by_saying_so() -> None:
    told = {"PII_MASKING": "enforced", "MASKING_KEY": GOOD["MASKING_KEY"], "API_KEY_REQUIRED": "false"}
    assert read_settings(told).api_key_hashes == ()


def test_every_variable_sets_a_field_of_its_own() -> None:
    fields = [setting.field for setting in SETTINGS]
    assert len(set(fields)) == len(fields)
    assert set(fields) | {"keyring", "api_key_hashes", "probe_key_hashes"} == set(Settings.__dataclass_fields__)
