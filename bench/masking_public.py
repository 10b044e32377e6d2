"""Texts with personal data from public repositories, fetched for the benchmark and no part of this one."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.privacy_corpus.samples import Label, Sample

HOW = """no second corpus: say where it is, `python -m bench masking DIR` or `make bench AREA=masking CORPUS=DIR`.
The texts are public and no part of this repository. To fetch them:
  git clone https://github.com/microsoft/presidio-research DIR/presidio-research
  git clone https://github.com/Nannigalaxy/PII-synthetic_dataset DIR/PII-synthetic_dataset"""
PRESIDIO = ("presidio-research/data/synth_dataset_v2.json", "presidio-research/tests/data/generated_large.json")
NANO = "PII-synthetic_dataset/dataset/pii_syn_nano_en.json"
KINDS = {
    "PHONE_NUMBER": "PHONE",
    "PHONE": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IBAN": "IBAN",
    "EMAIL_ADDRESS": "EMAIL",
    "EMAIL": "EMAIL",
    "IP_ADDRESS": "IP",
    "US_SSN": "ID",
    "SSN": "ID",
}
GOALS = {"PHONE": 0.98, "CARD": 0.99, "IBAN": 0.99, "EMAIL": 0.99, "IP": 0.99, "ID": 0.99}
"""The recall that is promised on these; their ids are US social security numbers."""
_OTHER = "OTHER"
"""Labelled there, and not among what is promised here: names, companies, passwords and so on."""
_EDGES = re.compile(r"^(?:[\s*'\"]|SSN\b)+|[\s*'\"]+$")
_VALUE = re.compile(r"[\d@]")
_CUT = re.compile(r"\.\.\.|…")


def second_corpus(folder: str) -> dict[str, list[Sample]]:
    """The texts by their source.

    Raises:
        SystemExit: A file is missing; the message says how to fetch it.
    """
    missing = [name for name in (*PRESIDIO, NANO) if not (Path(folder) / name).is_file()]
    if missing:
        raise SystemExit(f"{folder}: no {', '.join(missing)}\n{HOW}")
    sources = {name.rpartition("/")[2]: list(_presidio(Path(folder) / name)) for name in PRESIDIO}
    return sources | {"PII-synthetic_dataset": list(_nano(Path(folder) / NANO))}


def _presidio(path: Path) -> Iterator[Sample]:
    for one in json.loads(path.read_text(encoding="utf-8")):
        labels = (
            Label(span["start_position"], span["end_position"], KINDS.get(span["entity_type"], _OTHER))
            for span in one["spans"]
        )
        yield Sample(one["full_text"], tuple(labels), "en", path.name)


def _nano(path: Path) -> Iterator[Sample]:
    for one in json.loads(path.read_text(encoding="utf-8")):
        labels = {label for entity in one["NER"] for label in _places(one["text"], entity)}
        yield Sample(one["text"], tuple(sorted(labels)), "en", path.name)


def _places(text: str, entity: dict[str, Any]) -> Iterator[Label]:
    """Wherever the value stands, without the marks and the label that some are written with; not what the set cut."""
    value = _EDGES.sub("", entity.get("entity") or "")
    kind = KINDS.get(entity.get("label", ""), _OTHER)
    if not value or value not in text or (kind != _OTHER and (_CUT.search(value) or not _VALUE.search(value))):
        return
    for match in re.finditer(re.escape(value), text):
        yield Label(match.start(), match.end(), kind)
