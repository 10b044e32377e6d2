"""The commands on versions that there are: list, trace, promote, roll back, export, describe. Each returns an exit
code.
"""

import argparse
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ml import registry, signature
from ml.order_files import NAMESPACE, numbered
from ml.reading import order_files
from orderguard.masking import Keyring, MaskingKeyError
from orderguard.model_version import Manifest, ModelVersionError, champion, sha256, verify
from orderguard.private_files import make_private_folder
from orderguard.scorer import MODEL


def export(options: argparse.Namespace) -> int:
    """A copy of model.onnx, named after its version, and of the manifest that links it to its commit."""
    version = chosen(options)
    folder = registry.known(options.models, version)
    verify(folder)
    make_private_folder(options.to)
    copies = {MODEL: options.to / f"orderguard-{version}.onnx"}
    copies["manifest.json"] = options.to / f"orderguard-{version}.manifest.json"
    for name, target in copies.items():
        shutil.copyfile(folder / name, target)
    output(options, [str(target) for target in copies.values()], {"version": version, "model": str(copies[MODEL])})
    return 0


def promote(options: argparse.Namespace) -> int:
    """Make a version the champion."""
    return _said(options, registry.promote(options.models, options.version, at=datetime.now(UTC), force=options.force))


def rollback(options: argparse.Namespace) -> int:
    """Go back to the champion before this one."""
    return _said(options, registry.rollback(options.models, at=datetime.now(UTC)))


def card(options: argparse.Namespace) -> int:
    """Print a model card."""
    folder = registry.known(options.models, chosen(options))
    verify(folder)
    text = (folder / "card.md").read_text("utf-8")
    output(options, [text.rstrip()], {"card": text, "report": str(folder / "report.html")})
    return 0


def models(options: argparse.Namespace) -> int:
    """List the versions, champion marked."""
    listed = registry.versions(options.models)
    rows = [["", "VERSION", "COMMIT", "TAG", "DATA", "ORDERS", "LAST ORDER", "GATES"]]
    for entry in listed:
        state = "unusable" if entry.verdict is None else "FAILED" if entry.verdict == "failed" else entry.verdict
        lineage = _lineage(entry.manifest) if entry.manifest else [entry.version, *["?"] * 5]
        rows.append(["*" if entry.champion else "", *lineage, state])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{entry.version}: {entry.trouble}" for entry in listed if entry.trouble]
    if not listed:
        lines = [f"no versions in {options.models} yet: run `make train`"]
    output(options, lines, [msgspec.to_builtins(entry) for entry in listed])
    return 0


def trace(options: argparse.Namespace) -> int:
    """From a tag, a commit, data or a file to the versions that hold it. An order file is found by its bytes, else by
    its name.
    """
    path = Path(options.clue)
    found = registry.trace(options.models, sha256(path)) if path.is_file() else []
    found = found or registry.trace(options.models, path.name, _tokens(path.name))
    if not found:
        there = (
            ", ".join(path.name for path in registry.version_folders(options.models)) or "none yet: run `make train`"
        )
        raise ModelVersionError(f"{options.models}: no version has anything to do with that; there are: {there}")
    lines = []
    for manifest in found:
        lines += [
            manifest.version,
            f"  commit {manifest.commit}{' + changes' if manifest.dirty else ''}, tag {manifest.tag}",
        ]
        lines += [f"  data   {manifest.data_sha256}"]
        lines += [f"         {file.sha256}  {file} ({file.orders:,} orders)" for file in manifest.data]
        lines += [f"  model  {manifest.files[MODEL]}", f"  code   {manifest.code_sha256}, lock {manifest.lock_sha256}"]
    output(options, lines, [msgspec.to_builtins(manifest) for manifest in found])
    return 0


def _tokens(name: str) -> list[str]:
    """The pseudonyms of an order file's name, as far as there is a key to make them with."""
    try:
        return Keyring.from_environment(os.environ).tokens(NAMESPACE, name)
    except MaskingKeyError:
        return []


def files(options: argparse.Namespace) -> int:
    """Which order file is which, for the owner's screen: position, pseudonym and SHA-256 beside the name."""
    keyring = Keyring.from_environment(os.environ)
    found = numbered(order_files(options.data), keyring)
    facts = [
        {"position": file.position, "tokens": keyring.tokens(NAMESPACE, file.path.name), "path": str(file.path)}
        for file in found
    ]
    lines = [f"{file.position:>4}  {file.token}  {sha256(file.path)[:16]}  {file.path}" for file in found]
    output(options, lines, facts)
    return 0


def _lineage(manifest: Manifest) -> list[str]:
    commit = (manifest.commit or "unknown")[:10] + ("+" if manifest.dirty else "")
    orders = f"{sum(file.orders for file in manifest.data):,}"
    return [manifest.version, commit, manifest.tag or "-", manifest.data_sha256[:8], orders, manifest.last_order[:10]]


def _said(options: argparse.Namespace, promotion: registry.Promotion) -> int:
    signature.sign_champion(options.models, promotion.version, promotion.at, os.environ)
    output(options, [f"champion: {promotion.version} (before: {promotion.previous})"], msgspec.to_builtins(promotion))
    return 0


def chosen(options: argparse.Namespace) -> str:
    """The version that was named, else the champion."""
    version: str | None = options.version or champion(options.models)
    if version is None:
        raise ModelVersionError(f"{options.models}: no champion yet; name a version, or run `make train`")
    return version


def output(options: argparse.Namespace, lines: list[str], facts: Any) -> None:
    """Print lines for people, or facts for machines."""
    print(msgspec.json.encode(facts).decode() if options.json else "\n".join(lines))
