"""pulumi-random: values that are drawn once and kept in the state."""

import base64
import random
import secrets
import string
import uuid
from typing import Any

from infra.local.cloud import Cloud
from infra.local.provider.resource import Refused
from infra.local.standins.kind import Kind, Made, Values

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"  # the provider's own set
_ADVERBS = "barely boldly busily calmly fairly firmly gladly kindly lightly mildly neatly openly partly rarely".split()
_ADJECTIVES = "able apt bold brave brief bright calm clean clear crisp eager easy fair fine fond glad keen kind".split()
_ANIMALS = (
    "ant badger bee crane deer dove finch fox hare hen heron lark lion lynx mole otter owl robin seal swan".split()
)


def _drawn(inputs: Values) -> str:
    """`length` characters, with at least so many of each class as asked for."""
    numeric = inputs.get("numeric", inputs.get("number"))
    classes = {
        "Lower": string.ascii_lowercase if inputs.get("lower") is not False else "",
        "Upper": string.ascii_uppercase if inputs.get("upper") is not False else "",
        "Numeric": string.digits if numeric is not False else "",
        "Special": (inputs.get("overrideSpecial") or _SPECIAL) if inputs.get("special") is not False else "",
    }
    alphabet, length = "".join(classes.values()), int(inputs["length"])
    if not alphabet:
        raise Refused("random: no class of characters is left to draw from")
    least = [
        secrets.choice(letters)
        for name, letters in classes.items()
        for _ in range(int(inputs.get(f"min{name}") or 0))
        if letters
    ]
    if len(least) > length:
        raise Refused(f"random: length {length} is less than the characters that are asked for ({len(least)})")
    drawn = least + [secrets.choice(alphabet) for _ in range(length - len(least))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def _string(cloud: Cloud, name: str, inputs: Values) -> Made:
    drawn = _drawn(inputs)
    return Made(drawn, {"result": drawn})


def _password(cloud: Cloud, name: str, inputs: Values) -> Made:
    return Made("none", {"result": _drawn(inputs)})


def _id(cloud: Cloud, name: str, inputs: Values) -> Made:
    data, prefix = secrets.token_bytes(int(inputs["byteLength"])), str(inputs.get("prefix") or "")
    plain = base64.urlsafe_b64encode(data).decode().rstrip("=")
    outputs = {
        "hex": prefix + data.hex(),
        "dec": f"{prefix}{int.from_bytes(data, 'big')}",
        "b64Url": prefix + plain,
        "b64Std": prefix + base64.b64encode(data).decode(),
    }
    return Made(plain, outputs)


def _seeded(inputs: Values) -> random.Random:
    return random.Random(str(inputs["seed"])) if inputs.get("seed") else secrets.SystemRandom()  # nosec B311


def _integer(cloud: Cloud, name: str, inputs: Values) -> Made:
    number = _seeded(inputs).randint(int(inputs["min"]), int(inputs["max"]))
    return Made(str(number), {"result": number})


def _pet(cloud: Cloud, name: str, inputs: Values) -> Made:
    length, separator = int(inputs.get("length") or 2), str(inputs.get("separator") or "-")
    words = [secrets.choice(_ADVERBS) for _ in range(length - 2)]
    words += [secrets.choice(_ADJECTIVES)] if length > 1 else []
    words.append(secrets.choice(_ANIMALS))
    drawn = separator.join([*([str(inputs["prefix"])] if inputs.get("prefix") else []), *words])
    return Made(drawn, {"length": length, "separator": separator})


def _shuffle(cloud: Cloud, name: str, inputs: Values) -> Made:
    listed: list[Any] = list(inputs["inputs"])
    count = int(inputs.get("resultCount") or len(listed))
    drawn: list[Any] = []
    while listed and len(drawn) < count:
        drawn += _seeded(inputs).sample(listed, len(listed))
    return Made("-", {"results": drawn[:count]})


def _uuid(cloud: Cloud, name: str, inputs: Values) -> Made:
    drawn = str(uuid.uuid4())
    return Made(drawn, {"result": drawn})


def _bytes(cloud: Cloud, name: str, inputs: Values) -> Made:
    data = secrets.token_bytes(int(inputs["length"]))
    return Made("none", {"base64": base64.b64encode(data).decode(), "hex": data.hex()})


_KINDS = {
    "RandomString": Kind(_string, ("length",)),
    "RandomPassword": Kind(_password, ("length",), secret=("result",)),
    "RandomId": Kind(_id, ("byteLength",)),
    "RandomInteger": Kind(_integer, ("min", "max")),
    "RandomPet": Kind(_pet),
    "RandomShuffle": Kind(_shuffle, ("inputs",)),
    "RandomUuid": Kind(_uuid),
    "RandomUuid4": Kind(_uuid),
    "RandomBytes": Kind(_bytes, ("length",), secret=("base64", "hex")),
}


def kind(token: str) -> Kind | None:
    """How a type of `random` acts."""
    return _KINDS.get(token.rpartition(":")[2])
