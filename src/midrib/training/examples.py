"""Pictures that a task learns from, resized, kept at hand and known by (epoch, index)."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from midrib.datasets import Item
from midrib.errors import DatasetError
from midrib.preprocessing import Recipe, read_resized
from midrib.preprocessing.picture_cache import PictureCache
from midrib.records import Pixels

Batch = tuple[Tensor, Any]
"""Pictures (uint8, count × height × width × channels) and what the task has for truth."""

MEMORY_BYTES = 1 << 30
"""Of resized pictures that a process keeps at hand."""


class Examples(Dataset[Any]):
    """Labelled pictures, augmented. Resized pictures are kept in memory up to a bound.

    Items are asked for by (epoch, index), since an augmentation depends on both.

    Args:
        items: the pictures; one whose ``sha256`` is known is held to it.
        recipe: how pictures are resized.
        seed: of the augmentation.
        cache: keeps resized pictures on disk, for later runs and those that memory does not hold.
        memory_bytes: bound of what this process keeps at hand.
    """

    def __init__(
        self,
        items: Sequence[Item],
        recipe: Recipe,
        *,
        seed: int = 0,
        cache: PictureCache | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.items = items  # those of an index are read one by one
        self.recipe = recipe
        self._recipe_hash = recipe.hash()
        self._seed = seed
        self._memory = _Memory(memory_bytes)
        self._disk = cache

    def __len__(self) -> int:
        return len(self.items)

    @abstractmethod
    def __getitem__(self, place: tuple[int, int]) -> Any:
        """One example of an epoch, by (epoch, index)."""

    @abstractmethod
    def collate(self, samples: list[Any]) -> Batch:
        """Examples to a batch."""

    @abstractmethod
    def _truth(self, item: Item, pixels: Pixels) -> Any:
        """What is known of a picture, kept with its pixels, uint8, height × width × 3."""

    @abstractmethod
    def _plain(self) -> None:
        """Leave augmentation out from now on."""

    def without_augmentation(self) -> Self:
        """The same pictures as evaluation sees them, sharing what is kept in memory."""
        plain = copy(self)
        plain._plain()  # noqa: SLF001 - a copy of itself
        return plain

    def resized(self, index: int) -> tuple[Pixels, Any]:
        """A picture before augmentation, uint8, height × width × 3, and what is known of it."""
        kept = self._memory.get(index)
        if kept is None:
            # Truth and pixels of one and the same item: rows of an index may be written anew.
            item = self.items[index]
            pixels = self._from_disk(item)
            kept = pixels, self._truth(item, pixels)
            self._memory.put(index, kept)
        return kept

    def _from_disk(self, item: Item) -> Pixels:
        if self._disk is None or not item.sha256:
            return read_resized(_bytes_of(item), self.recipe)
        kept = self._disk.get(item.sha256, self._recipe_hash)
        if kept is None:
            kept = read_resized(_bytes_of(item), self.recipe)
            self._disk.put(item.sha256, self._recipe_hash, kept)
        return kept


def _bytes_of(item: Item) -> bytes:
    """The file that was checked and split; another one may have another label.

    Raises ``DatasetError`` where it has changed or is gone.
    """
    try:
        data = item.path.read_bytes()
    except OSError as problem:
        raise DatasetError(
            f"{item.path} cannot be read: {problem.strerror or problem}",
            expected="pictures that stay where they are while a model is trained on them",
            todo="put it back, or run the same command again without it",
        ) from None
    if item.sha256 and hashlib.sha256(data).hexdigest() != item.sha256:
        raise DatasetError(
            f"{item.path} has changed since it was read",
            expected="pictures that stay as they are while a model is trained on them",
            todo="run the same command again: it reads them anew",
        )
    return data


class _Memory:
    """Pictures and their truth by their place, up to a bound of bytes."""

    def __init__(self, bound_bytes: int) -> None:
        self._free_bytes = bound_bytes
        self._pictures: dict[int, tuple[Pixels, Any]] = {}

    def get(self, index: int) -> tuple[Pixels, Any] | None:
        return self._pictures.get(index)

    def put(self, index: int, sample: tuple[Pixels, Any]) -> None:
        """Keep a picture if there is room."""
        needed = sum(each.nbytes for each in sample if isinstance(each, np.ndarray))
        if needed <= self._free_bytes:
            self._free_bytes -= needed
            self._pictures[index] = sample
