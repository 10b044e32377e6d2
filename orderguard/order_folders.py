"""Where orders are: a shop's own in `data/raw`, the sample in `data/sample`. The two never mix."""

import re
from pathlib import Path

RAW, SAMPLE = Path("data/raw"), Path("data/sample")
ORDER_FILES = (".ndjson", ".ndjson.gz")
SAMPLE_FILE = re.compile(r"sample-\d{4}-\d{2}\.ndjson")
"""What the sample's files are called. Before it had a folder of its own they stood among the shop's."""


def order_folder(repository: Path = Path()) -> Path:
    """The folder of orders where nobody names one: the shop's own if it holds any, else the sample's."""
    return RAW if holds_own_orders(repository / RAW) else SAMPLE


def holds_own_orders(folder: Path) -> bool:
    """Whether there are order files in a folder, or in those in it, besides those of the sample."""
    return any(
        path.name.endswith(ORDER_FILES) and not SAMPLE_FILE.fullmatch(path.name)
        for path in folder.rglob("*")
        if path.is_file()
    )


def keeps_apart(folder: Path) -> bool:
    """Whether a folder is one of the two."""
    return folder.resolve().parts[-2:] in (RAW.parts, SAMPLE.parts)


def is_sample(folder: Path) -> bool:
    """Whether orders from this folder, or file in it, are the sample's."""
    path = folder.resolve()
    return SAMPLE.parts in (path.parts[-2:], path.parent.parts[-2:])
