"""Evaluates the conditions and mappings in CEL that the programs write, on given claims or names."""

import re
from collections.abc import Mapping
from typing import Any


class Text(str):
    """A text as CEL sees it."""

    def __add__(self, other: str) -> "Text":
        return Text(str(self) + other)

    def startsWith(self, text: str) -> bool:
        return self.startswith(text)

    def endsWith(self, text: str) -> bool:
        return self.endswith(text)

    def extract(self, template: str) -> "Text":
        """cloud.google.com/iam/docs/conditions-attribute-reference#extract: what stands where the braces do."""
        before, _, rest = template.partition("{")
        after = rest.partition("}")[2]
        found, text = before in self, self.partition(before)[2]
        return Text(text.partition(after)[0] if after and after in text else "" if after else text if found else "")


def evaluate(expression: str, values: Mapping[str, str]) -> Any:
    """The value of an expression; names in it are `assertion.CLAIM` and `resource.name`. KeyError: one is missing."""
    words = re.sub(r"\b(?:assertion|resource)\.(\w+)", r"values['\1']", expression)
    words = words.replace("&&", " and ").replace("||", " or ")
    return eval(words, {}, {"values": {name: Text(value) for name, value in values.items()}})
