"""A stack's settings, read from the engine's text and checked before any resource is declared.

Every mistake is reported at once, each with what was found and what to write instead.
"""

import difflib
import json
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields

from infra.config import NAMESPACE, SECRETS, ConfigError, Settings, key_of
from infra.config_rules import broken


def parse(values: Mapping[str, str], encrypted: Collection[str] = ()) -> Settings:
    """The settings in `values`, which is what the engine hands to a program: full keys to values, all as text (lists
    as JSON). `encrypted` are the keys whose values are encrypted in the stack's file.

    Raises ConfigError with every mistake that was found.
    """
    known = {key_of(field.name): field.name for field in fields(Settings)}
    mistakes = [
        f"{key}: there is no such setting. {_suggest(key, known)}"
        for key in values
        if key.startswith(f"{NAMESPACE}:") and key not in known
    ]
    mistakes += [
        f"{key} is in clear. Remove it and run `pulumi config set --secret {key}`."
        for key in map(key_of, SECRETS)
        if values.get(key) and key not in encrypted
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
            mistakes.append(f"{key}: {values[key]!r} is not {_DESCRIPTIONS[types[name]]}.")
    if len(parsed) < len(known):
        raise ConfigError(_message(mistakes))
    settings = Settings(**typing.cast(dict[str, typing.Any], parsed))
    mistakes += broken(settings)
    if mistakes:
        raise ConfigError(_message(mistakes))
    return settings


def _suggest(key: str, known: Mapping[str, str]) -> str:
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
