"""`python -m ml.forget`: remove a customer, named by the environment variable CUSTOMER, from orders and past cases.

It takes the customer's lines out of the raw order files, their orders' past cases and outcomes out of the folder of
histories and cases out of the index of every model version of before, and says which versions were trained with files
that held them: those models keep no order, but the next training run should replace them. The customer's id comes by
the environment, since anyone can read a process's arguments. The raw orders go last: a run that was interrupted can be
repeated.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import gzip
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from ml.order_files import NAMESPACE, OrderFile, ReadingError, numbered, without_order_file
from ml.reading import order_files
from ml.registry import version_folders
from orderguard.history.seed import SEED_FILE
from orderguard.masking import Keyring, MaskingKeyError
from orderguard.masking.canonical import identifier
from orderguard.model_version import (
    MANIFEST,
    ModelVersionError,
    former_names,
    has_order_file,
    read_manifest,
    sha256,
)
from orderguard.order_folders import order_folder
from orderguard.outcomes import OUTCOMES_FILE, read_outcomes, write_outcomes
from orderguard.private_files import keep_private, open_private
from orderguard.repair import Feed
from orderguard.repair.values import Notes, Unusable, identifier as read_identifier
from orderguard.retrieval import INDEX_FILE, KNOWLEDGE_FOLDER, ForeignKey, KnowledgeError, KnowledgeIndex, PastCases
from orderguard.retrieval.past_cases import path_of, versions_with_cases


class _Whose(msgspec.Struct):
    """As little of an order as it takes to see whose it is. Ids may be numbers, as repair reads them."""

    customer: Any = None
    order_id: Any = None

    @property
    def customer_id(self) -> str:
        """The customer's id, "" of a guest."""
        return _text(self.customer.get("id") if isinstance(self.customer, dict) else self.customer)


def _text(written: Any) -> str:
    try:
        return read_identifier(written, Feed(), Notes())
    except Unusable:
        return ""


class FileOfOrders(NamedTuple):
    """A raw file that holds the customer's lines: its hash before, their order ids, and what is left without them."""

    file: OrderFile
    sha256: str
    order_ids: list[str]
    removed: int
    rest: list[bytes]


class Forgotten(NamedTuple):
    """What was removed, and the versions trained with it: surely (same file by hash), or perhaps (by name alone).
    `cases` are counted by version. `foreign` are files of past cases under another key, which can't be looked through;
    `seed` is the seed that was removed, since it is made of all customers' orders; `outcomes` are lines of outcomes.
    """

    files: list[OrderFile]
    lines: int
    cases: dict[str, int]
    foreign: list[Path]
    seed: Path | None
    trained: list[str]
    perhaps_trained: list[str]
    outcomes: int = 0


_decoder = msgspec.json.Decoder(_Whose)


def forget(
    customer: str,
    data: Path,
    models: Path,
    keyring: Keyring,
    histories: Path | None = None,
    *,
    keep_orders: bool = False,
) -> Forgotten:
    """Remove a customer from the order files under `data`, from past cases and seed under `histories`, and from the
    indexes under `models`. With `keep_orders` those under `histories` alone: a stack has a key of its own.

    Raises `ReadingError`, `ModelVersionError`, `KnowledgeError` or `OSError` for what can't be read or written.
    """
    touched = [held for file in numbered(order_files(data), keyring) if (held := lines_of(customer, file))]
    tokens = {token for held in touched for order_id in held.order_ids for token in keyring.tokens("order", order_id)}
    hashes = {held.sha256 for held in touched}
    names = {held.file.path.name: keyring.tokens(NAMESPACE, held.file.path.name) for held in touched}
    trained, perhaps = [], []
    cases, foreign = remove_past_cases(histories, tokens, keyring) if histories else (Counter[str](), [])
    seed = remove_seed(histories) if histories else None
    theirs = tokens | {*keyring.tokens("customer", customer)}
    outcomes = remove_outcomes(histories, theirs) if histories else 0
    if keep_orders:
        return Forgotten([], sum(held.removed for held in touched), dict(cases), foreign, seed, [], [], outcomes)
    for folder in version_folders(models):
        if any(file.sha256 in hashes for file in read_manifest(folder).data):
            trained.append(folder.name)
        elif any(has_order_file(folder, name, pseudonyms) for name, pseudonyms in names.items()):
            perhaps.append(folder.name)
        if removed := remove_cases(folder, tokens, keyring):
            cases[folder.name] += removed
    for held in touched:
        rewrite(held)
    lines = sum(held.removed for held in touched)
    files = [held.file for held in touched]
    return Forgotten(files, lines, dict(cases), foreign, seed, trained, perhaps, outcomes)


def lines_of(customer: str, file: OrderFile) -> FileOfOrders | None:
    """The customer's lines in a file, or None. A broken line is theirs if their id stands anywhere in it, plain or
    with JSON's escapes.
    """
    wanted = identifier(customer)
    written = (customer.encode(), json.dumps(customer)[1:-1].encode())
    order_ids: list[str] = []
    rest: list[bytes] = []
    removed = 0
    for line in _lines(file.path):
        try:
            order = _decoder.decode(line)
            theirs, order_id = identifier(order.customer_id) == wanted, _text(order.order_id)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            theirs, order_id = any(text in line for text in written), ""
        if not theirs:
            rest.append(line)
            continue
        removed += 1
        if order_id:
            order_ids.append(order_id)
    return FileOfOrders(file, sha256(file.path), order_ids, removed, rest) if removed else None


def rewrite(held: FileOfOrders) -> None:
    """Put the file in place without the customer's lines, whole or not at all; a file with no line left goes."""
    path = held.file.path
    if not held.rest:
        path.unlink()
        return
    aside = path.with_name(f".{path.name}.forget")
    content = b"".join(held.rest)
    with open_private(aside, "wb") as file:
        file.write(gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def remove_past_cases(histories: Path, tokens: set[str], keyring: Keyring) -> tuple[Counter[str], list[Path]]:
    """Take the past cases of these orders out of the folder of histories. How many there were, by version, and the
    files that another key has made.
    """
    removed, foreign = Counter[str](), []
    for version in versions_with_cases(histories):
        try:
            known = PastCases.read(histories, version, keyring)
        except ForeignKey:
            foreign.append(path_of(histories, version))
            continue
        kept = [case for case in known.cases if case.order_token not in tokens] if known else []
        if known and len(kept) < len(known.cases):
            msgspec.structs.replace(known, cases=kept).write(histories)
            removed[version] += len(known.cases) - len(kept)
    return removed, foreign


def remove_seed(histories: Path) -> Path | None:
    """Remove the seed, if there is one. It holds all customers: the next one is made without this one."""
    path = histories / SEED_FILE
    if not path.exists():
        return None
    path.unlink()
    return path


def remove_outcomes(histories: Path, tokens: set[str]) -> int:
    """Take the outcomes of these orders and customers out of the file of outcomes; how many there were. Lines that
    can't be used go as well: nobody can say whose they are.
    """
    path = histories / OUTCOMES_FILE
    if not path.is_file():
        return 0
    found = read_outcomes(path)
    kept = [one for one in found.lines if one.order not in tokens and one.customer not in tokens]
    removed = len(found.lines) - len(kept)
    if removed or found.unusable:
        write_outcomes(histories, kept)
    return removed


def remove_cases(version_dir: Path, tokens: set[str], keyring: Keyring) -> int:
    """Take the cases of these orders out of the index of a version that still has some, and put its hash right; returns
    how many there were. The
    names of order files that a former version has in its manifest become pseudonyms.

    The version's folder is recreated beside the old one and swapped in, so that it is whole at every moment.
    """
    swapped_out = version_dir.with_name(f".{version_dir.name}.before-forget")
    if swapped_out.exists():
        shutil.rmtree(swapped_out)
    if not (version_dir / KNOWLEDGE_FOLDER / INDEX_FILE).is_file():
        return 0
    index = KnowledgeIndex.read(version_dir / KNOWLEDGE_FOLDER)
    kept = [case for case in index.cases if case.order_token not in tokens]
    removed = len(index.cases) - len(kept)
    if removed:
        aside = version_dir.with_name(f".{version_dir.name}.forget")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(version_dir, aside)
        path = msgspec.structs.replace(index, cases=kept).write(aside / KNOWLEDGE_FOLDER)
        manifest = read_manifest(aside)
        data = [
            msgspec.structs.replace(file, token=file.token or keyring.token(NAMESPACE, name))
            for file, name in zip(manifest.data, former_names(aside), strict=True)
        ]
        files = {**manifest.files, path.relative_to(aside).as_posix(): sha256(path)}
        changed = msgspec.json.format(
            msgspec.json.encode(msgspec.structs.replace(manifest, data=data, files=files)), indent=2
        )
        (aside / MANIFEST).write_bytes(changed + b"\n")
        version_dir.rename(swapped_out)
        aside.rename(version_dir)
        shutil.rmtree(swapped_out)
    return removed


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        yield from file


def main(arguments: list[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run the command line: 0 done, 2 for what the user has to fix."""
    parser = argparse.ArgumentParser(prog="CUSTOMER=… python -m ml.forget", description=__doc__)
    parser.add_argument("--data", type=Path, default=order_folder(), help="the folder of raw orders")
    parser.add_argument("--models", type=Path, default=Path("models"), help="the folder of model versions")
    parser.add_argument("--histories", type=Path, help="the folder of past cases and of the seed")
    parser.add_argument("--keep-orders", action="store_true", help="past cases and seed alone: orders and models stay")
    options = parser.parse_args(arguments)
    customer = environment.get("CUSTOMER", "").strip()
    if not customer:
        print("whom to forget? Name the customer's id: make forget CUSTOMER=…", file=sys.stderr)
        return 2
    try:
        keyring = Keyring.from_environment(environment)
        places = options.data, options.models, keyring, options.histories
        done = forget(customer, *places, keep_orders=options.keep_orders)
    except ReadingError as error:
        print(error.told(sys.stderr), file=sys.stderr)
        return 2
    except (MaskingKeyError, ModelVersionError, KnowledgeError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(without_order_file(error, sys.stderr), file=sys.stderr)
        return 2
    print(histories_summary(done, options.histories) if options.keep_orders else summary(done, sys.stdout))
    return 0


def histories_summary(done: Forgotten, histories: Path) -> str:
    """What was done in a folder of histories."""
    lines = [f"{histories}: {sum(done.cases.values()):,} past cases of the customer removed."]
    return "\n".join(lines + _of_histories(done))


def _of_histories(done: Forgotten) -> list[str]:
    lines = [f"Removed {count:,} past cases of version {name}." for name, count in done.cases.items()]
    if done.outcomes:
        lines.append(f"Removed {done.outcomes:,} outcomes from {OUTCOMES_FILE}.")
    if done.seed:
        lines.append(f"Removed the seed {done.seed}: make seed-histories makes one without the customer.")
    return lines + [f"Not reached, since made under another key: {path}. Remove it." for path in done.foreign]


def summary(done: Forgotten, screen: IO[str]) -> str:
    """What was done, in words, without naming the customer; files are named at a terminal alone."""
    if not done.lines:
        return "\n".join(["No order of this customer is in the raw orders: nothing to remove.", *_of_histories(done)])
    lines = [f"Removed {done.lines:,} orders from {', '.join(file.told(screen) for file in done.files)}."]
    lines += _of_histories(done)
    for names, how in ((done.trained, "were trained"), (done.perhaps_trained, "may have been trained")):
        if names:
            lines.append(f"Versions that {how} with these orders: {', '.join(names)}. `make train` makes one without.")
    if not done.trained and not done.perhaps_trained:
        lines.append("No model version here was trained with these orders.")
    return "\n".join(lines)


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
