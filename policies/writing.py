"""Writing a report's outputs into a folder, each whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from policies.output.html import html
from policies.output.markdown import markdown
from policies.output.sarif import sarif
from policies.output.text import text
from policies.report import Document

OUTPUTS = {
    "json": lambda document: json.dumps(document, indent=2, ensure_ascii=False) + "\n",
    "sarif": sarif,
    "html": html,
    "md": markdown,
    "txt": text,
}


def write_reports(document: Document, folder: Path) -> None:
    """`report.json`, `report.sarif`, `report.html`, `report.md` and `report.txt`."""
    for suffix, make in OUTPUTS.items():
        write_whole(folder / f"report.{suffix}", make(document))


def clear(folder: Path) -> None:
    """Take an earlier run's reports away, so that none is taken for this run's."""
    for suffix in OUTPUTS:
        (folder / f"report.{suffix}").unlink(missing_ok=True)


def write_whole(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(content, encoding="utf-8")
    part.replace(path)
