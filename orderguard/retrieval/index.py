"""The knowledge index as a file: documents, passages, the semantic space and past cases, in one deterministic
msgpack file."""

import os
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderguard.private_files import make_private_folder, open_private
from orderguard.retrieval.cases import Case
from orderguard.retrieval.documents import Document, Passage

KNOWLEDGE_FOLDER = "knowledge"
"""The folder of a model version that holds the index."""
INDEX_FILE = "index.msgpack"
INDEX_FORMAT = 1


class KnowledgeError(ValueError):
    """A knowledge index that can't be used; the message says which file and why."""


class Space(msgspec.Struct, frozen=True):
    """Latent semantic analysis: `terms` (sorted), their weights, and vectors as little-endian bytes.

    `idf` is float32 (t,), `term_vectors` float16 (t, rank), `passage_vectors` float16 (passages, rank) with rows of
    length 1.
    """

    terms: list[str]
    rank: int
    idf: bytes
    term_vectors: bytes
    passage_vectors: bytes


class KnowledgeIndex(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that retrieval reads. `related` are the synonyms of each passage's words, `synonyms` the groups that
    they come from; `centre` and `spread` are float32 (d,) in the order of `feature_names`.
    """

    format: int
    documents: list[Document]
    passages: list[Passage]
    related: list[str]
    space: Space
    feature_names: list[str]
    centre: bytes
    spread: bytes
    cases: list[Case]
    synonyms: list[list[str]] = []

    @classmethod
    def read(cls, folder: Path) -> "KnowledgeIndex":
        """Read the index of a model version. The caller has verified the version's hashes. Raises
        `KnowledgeError`."""
        path = folder / INDEX_FILE
        try:
            index = _decoder.decode(path.read_bytes())
        except FileNotFoundError:
            raise KnowledgeError(f"{path}: no knowledge index; train a model version with this release") from None
        except OSError as error:
            raise KnowledgeError(f"{path}: can't be read: {error.strerror}") from None
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise KnowledgeError(f"{path}: not a knowledge index: {error}") from None
        if index.format != INDEX_FORMAT:
            raise KnowledgeError(f"{path}: format {index.format}, this release reads {INDEX_FORMAT}; train again")
        return index

    def write(self, folder: Path) -> Path:
        """Write the index into a folder (made if needed), complete or not at all; equal indexes give equal bytes."""
        make_private_folder(folder)
        path = folder / INDEX_FILE
        aside = path.with_suffix(".part")
        with open_private(aside, "wb") as file:
            file.write(msgspec.msgpack.encode(self))
        os.replace(aside, path)
        return path

    @cached_property
    def by_name(self) -> dict[str, Document]:
        """The documents by their name."""
        return {document.name: document for document in self.documents}

    @cached_property
    def case_by_token(self) -> dict[str, Case]:
        """The past cases by their order's pseudonym."""
        return {case.order_token: case for case in self.cases}

    @cached_property
    def scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The usual value of each feature and its spread, float32 (d,) each."""
        return np.frombuffer(self.centre, "<f4"), np.frombuffer(self.spread, "<f4")


_decoder = msgspec.msgpack.Decoder(KnowledgeIndex)
