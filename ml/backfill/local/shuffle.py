"""Records from where they were made to where they are wanted, by way of the disk.

Each source writes one file, its records sorted by target; a target reads its stretch of each source's file, in the
order of the sources. So what a target reads does not depend on who wrote first, and whoever starts over writes the same
files.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orderguard.private_files import make_private_folder, open_private

Records = NDArray[np.void]
Indices = NDArray[np.int64]


class Shuffle:
    """Records of one kind on their way to `targets`, in a folder of their own."""

    def __init__(self, folder: Path, dtype: np.dtype[np.void], targets: int) -> None:
        self.folder, self.dtype, self.targets = folder, dtype, targets

    def write(self, source: int, records: Records, targets: Indices) -> None:
        """Write the records (n,) of a source, each for its target (n,); those of a target stay in sequence."""
        order = np.argsort(targets.astype(np.min_scalar_type(self.targets)), kind="stable")
        counts = np.bincount(targets, minlength=self.targets)
        make_private_folder(self.folder)
        with open_private(self.folder / f"{source:07}", "wb") as file:
            file.write(np.concatenate([[0], np.cumsum(counts)]).astype("<i8").tobytes())
            file.write(records[order].tobytes())

    def read(self, target: int) -> Records:
        """The records of a target, those of the first source first."""
        parts = [part for part in self._parts(target) if len(part)]
        return np.concatenate(parts) if parts else np.empty(0, self.dtype)

    def slices(self, target: int, most: int) -> Iterator[Records]:
        """The same in slices of at most so many records, or one source's."""
        held: list[Records] = []
        count = 0
        for part in self._parts(target):
            if count and count + len(part) > most:
                yield np.concatenate(held)
                held, count = [], 0
            if len(part):
                held.append(part)
                count += len(part)
        if held:
            yield np.concatenate(held)

    def _parts(self, target: int) -> Iterator[Records]:
        names = sorted(os.listdir(self.folder)) if self.folder.is_dir() else []
        for name in names:
            with (self.folder / name).open("rb") as file:
                file.seek(target * 8)
                start, end = np.frombuffer(file.read(16), "<i8").tolist()
                file.seek((self.targets + 1) * 8 + start * self.dtype.itemsize)
                yield np.frombuffer(file.read((end - start) * self.dtype.itemsize), self.dtype)

    def remove(self) -> None:
        """Give the disk back what everybody has read."""
        shutil.rmtree(self.folder, ignore_errors=True)
