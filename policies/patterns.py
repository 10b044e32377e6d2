"""Regular expressions that are compiled when they are first used: all of them together would take longer to compile
than the whole pack may take to import.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Lazy:
    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re.compile(self._text, self._flags)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "split", "sub"):
            setattr(self, method, getattr(compiled, method))  # From now on it is found at once.
        return getattr(compiled, name)


def lazy(text: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern for its own methods (`lazy(...).search(text)`), not for the functions of `re`."""
    return cast("re.Pattern[str]", _Lazy(text, flags))
