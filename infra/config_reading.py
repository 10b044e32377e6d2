"""A stack's settings, read from the engine's text and checked before any resource is declared.

Every mistake is reported at once, each with what was found and what to write instead.
"""

import difflib
import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields

from infra.config import NAMESPACE, ConfigError, Settings, key_of
from infra.config_rules import broken
from infra.keys import GIVEN


def parse(values: Mapping[str, str]) -> Settings:
    """The settings in `values`, which is what the engine hands to a program: full keys to values, all as text (lists
    as JSON).

    Raises ConfigError with every mistake that was found.
    """
    known = {key_of(field.name): field.name for field in fields(Settings)}
    mistakes = [
        f"{key}: there is no such setting. {_suggest(key, known)}"
        for key in values
        if key.startswith(f"{NAMESPACE}:") and key not in known
    ]
    types = typing.get_type_hints(Settings)
    parsed: dict[str, object] = {}
    for key, name in known.items():
        if key not in values:
            mistakes.append(
                f"{key} is missing. Write it into the stack's file: `{key}: …`, or `pulumi config set {key} …`."
            )
            continue
        try:
            parsed[name] = _READERS[types[name]](values[key])
        except ValueError:
            shown = f"{key}: {values[key]!r} is not {_DESCRIPTIONS[types[name]]}."
            mistakes.append(_no_value_here(key) if key.partition(":")[2] in GIVEN.values() else shown)
    if len(parsed) < len(known):
        raise ConfigError(_message(mistakes))
    settings = Settings(**typing.cast(dict[str, typing.Any], parsed))
    mistakes += broken(settings)
    if mistakes:
        raise ConfigError(_message(mistakes))
    return settings


_TAKEN_OUT = {
    f"{NAMESPACE}:{name}Rotation": f"Take it out: `make secrets ROTATE={secret}` rotates."
    for name, secret in (("maskingKey", "masking-key"), ("apiKey", "api-key"))
}


def _no_value_here(key: str) -> str:
    """What to say of a secret's value among the settings, which the engine would keep; without the value."""
    return (
        f"{key} says whether there is such a secret, and holds something else. Write `{key}: true`; `make secrets` "
        "asks for the value and keeps it in Secret Manager alone."
    )


def _suggest(key: str, known: Mapping[str, str]) -> str:
    if key in _TAKEN_OUT:
        return _TAKEN_OUT[key]
    own = [name.partition(":")[2] for name in known if name.startswith(f"{NAMESPACE}:")]
    close = difflib.get_close_matches(key.partition(":")[2], own, n=1)
    return f"Did you mean `{NAMESPACE}:{close[0]}`?" if close else "Pulumi.yaml lists the settings that there are."


def _message(mistakes: list[str]) -> str:
    return "the stack's settings are wrong:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _refuse(text)


def _refuse(text: str) -> typing.NoReturn:
    raise ValueError(text)


def _list(text: str) -> tuple[str, ...]:
    items = json.loads(text)
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError(text)
    return tuple(items)


def _numbers(text: str) -> tuple[int, ...]:
    items = json.loads(text)
    if not isinstance(items, list) or not all(type(item) is int for item in items):
        raise ValueError(text)
    return tuple(items)


_READERS: dict[object, Callable[[str], object]] = {
    str: str,
    int: int,
    bool: _boolean,
    tuple[str, ...]: _list,
    tuple[int, ...]: _numbers,
}
_DESCRIPTIONS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    tuple[str, ...]: "a list of text",
    tuple[int, ...]: "a list of whole numbers",
}
