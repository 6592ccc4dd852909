"""Pictures in batches: shuffled by (seed, epoch), started at any batch, read by any worker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from midrib.datasets import Item
from midrib.errors import DatasetError
from midrib.preprocessing import Recipe, read_resized
from midrib.preprocessing.picture_cache import PictureCache
from midrib.records import Pixels
from midrib.training.augmentation import AUGMENTATIONS, picture_generator

Batch = tuple[Tensor, Tensor]
"""Pictures (uint8, count × height × width × channels) and truth (int64, count)."""

MEMORY_BYTES = 1 << 30
"""Of resized pictures that a process keeps at hand."""


class Pictures(Dataset[tuple[Pixels, int]]):
    """Labelled pictures, augmented. Resized pictures are kept in memory up to a bound.

    Items are asked for by (epoch, index), since an augmentation depends on both.

    Args:
        items: the pictures; one whose ``sha256`` is known is held to it.
        labels: the classes in their order.
        recipe: how pictures are resized.
        augmentation: a registered augmentation's name.
        seed: of the augmentation.
        cache: keeps resized pictures on disk, for later runs and those that memory does not hold.
        memory_bytes: bound of what this process keeps at hand.
    """

    def __init__(
        self,
        items: Sequence[Item],
        labels: Sequence[str],
        recipe: Recipe,
        *,
        augmentation: str = "none",
        seed: int = 0,
        cache: PictureCache | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.items = items  # those of an index are read one by one
        self.recipe = recipe
        self._recipe_hash = recipe.hash()
        self._truth = [labels.index(item.label) for item in items]
        self._classes = len(labels)
        self._augment = AUGMENTATIONS.get(augmentation)
        self._seed = seed
        self._memory = _Memory(memory_bytes)
        self._disk = cache

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: tuple[int, int]) -> tuple[Pixels, int]:
        epoch, index = place
        random = picture_generator(self._seed, epoch, index)
        return self._augment(self._resized(index), self.recipe, random), self._truth[index]

    def without_augmentation(self) -> Pictures:
        """The same pictures as evaluation sees them, sharing what is kept in memory."""
        plain = copy(self)
        plain._augment = AUGMENTATIONS.get("none")  # noqa: SLF001 - a copy of itself
        return plain

    def class_weights(self) -> Tensor:
        """One over each class's share, scaled to a mean of 1: float32, classes."""
        counts = np.bincount(self._truth, minlength=self._classes).clip(min=1)
        weights = counts.sum() / counts
        return torch.tensor(weights / weights.mean(), dtype=torch.float32)

    def _resized(self, index: int) -> Pixels:
        kept = self._memory.get(index)
        if kept is None:
            kept = self._from_disk(self.items[index])
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
    """The file that was checked and split, or ``DatasetError``: another one has another label."""
    data = item.path.read_bytes()
    if item.sha256 and hashlib.sha256(data).hexdigest() != item.sha256:
        raise DatasetError(
            f"{item.path} has changed since it was read",
            expected="pictures that stay as they are while a model is trained on them",
            todo="run the same command again: it reads them anew",
        )
    return data


class _Memory:
    """Pictures by their place, up to a bound of bytes."""

    def __init__(self, bound_bytes: int) -> None:
        self._free_bytes = bound_bytes
        self._pictures: dict[int, Pixels] = {}

    def get(self, index: int) -> Pixels | None:
        return self._pictures.get(index)

    def put(self, index: int, pixels: Pixels) -> None:
        """Keep a picture if there is room."""
        if pixels.nbytes <= self._free_bytes:
            self._free_bytes -= pixels.nbytes
            self._pictures[index] = pixels


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of one epoch at a time, as (epoch, index).

    The order depends on (seed, epoch) alone, so any batch of any epoch can be the first.
    With several devices each takes its own share of every batch.
    """

    def __init__(self, count: int, batch_size: int, seed: int, *, fabric: Fabric) -> None:
        self._count = count
        self._batch_size = min(batch_size, count)
        self._seed = seed
        self._rank = fabric.global_rank
        self._devices = fabric.world_size
        self._epoch = 0
        self._first_batch = 0

    def start(self, epoch: int, batch: int) -> None:
        """Let the next iteration begin at ``batch`` of ``epoch``."""
        self._epoch, self._first_batch = epoch, batch

    def __len__(self) -> int:
        """Batches of a whole epoch; the pictures left over after them wait for the next."""
        return self._count // self._batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.random.default_rng([self._seed, self._epoch]).permutation(self._count)
        for batch in range(self._first_batch, len(self)):
            chosen = order[batch * self._batch_size : (batch + 1) * self._batch_size]
            yield [(self._epoch, int(index)) for index in chosen[self._rank :: self._devices]]


def collate(samples: list[tuple[Pixels, int]]) -> Batch:
    """Stack samples into a batch."""
    pictures = torch.from_numpy(np.stack([pixels for pixels, _ in samples]))
    return pictures, torch.tensor([truth for _, truth in samples], dtype=torch.int64)


def training_loader(
    pictures: Pictures, batches: EpochBatches, workers: int
) -> DataLoader[tuple[Pixels, int]]:
    """Batches of ``pictures`` in the order of ``batches``; to be iterated once an epoch.

    Worker processes stay from epoch to epoch, and what they have read stays with them.
    """
    return DataLoader(
        pictures,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        # Its own, since each new loader draws a number, and a resumed epoch makes one more loader.
        generator=torch.Generator(),
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
    )


def evaluation_batches(pictures: Pictures, batch_size: int) -> Iterator[Batch]:
    """All of ``pictures`` in their order."""
    for start in range(0, len(pictures), batch_size):
        indices = range(start, min(start + batch_size, len(pictures)))
        yield collate([pictures[0, index] for index in indices])
