"""Pictures in batches: shuffled by (seed, epoch), started at any batch, read by any worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from midrib.datasets import Item
from midrib.preprocessing import Recipe
from midrib.preprocessing.picture_cache import PictureCache
from midrib.records import Pixels
from midrib.training.augmentation import AUGMENTATIONS, picture_generator
from midrib.training.examples import MEMORY_BYTES, Batch, Examples


class Pictures(Examples):
    """Pictures of one class each.

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
        super().__init__(items, recipe, seed=seed, cache=cache, memory_bytes=memory_bytes)
        self._truth = [labels.index(item.label) for item in items]
        self._classes = len(labels)
        self._augment = AUGMENTATIONS.get(augmentation)

    def __getitem__(self, place: tuple[int, int]) -> tuple[Pixels, int]:
        epoch, index = place
        random = picture_generator(self._seed, epoch, index)
        return self._augment(self.resized(index), self.recipe, random), self._truth[index]

    def collate(self, samples: list[tuple[Pixels, int]]) -> tuple[Tensor, Tensor]:
        """Stack samples: uint8, count × height × width × channels, and int64, count."""
        pictures = torch.from_numpy(np.stack([pixels for pixels, _ in samples]))
        return pictures, torch.tensor([truth for _, truth in samples], dtype=torch.int64)

    def class_weights(self) -> Tensor:
        """One over each class's share, scaled to a mean of 1: float32, classes."""
        counts = np.bincount(self._truth, minlength=self._classes).clip(min=1)
        weights = counts.sum() / counts
        return torch.tensor(weights / weights.mean(), dtype=torch.float32)

    def _plain(self) -> None:
        self._augment = AUGMENTATIONS.get("none")


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


def training_loader(examples: Examples, batches: EpochBatches, workers: int) -> DataLoader[Batch]:
    """Batches of ``examples`` in the order of ``batches``; to be iterated once an epoch.

    Worker processes stay from epoch to epoch, and what they have read stays with them.
    """
    return DataLoader(
        examples,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=examples.collate,
        # Its own, since each new loader draws a number, and a resumed epoch makes one more loader.
        generator=torch.Generator(),
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
    )


def evaluation_batches(examples: Examples, batch_size: int) -> Iterator[Batch]:
    """All of ``examples`` in their order."""
    for start in range(0, len(examples), batch_size):
        indices = range(start, min(start + batch_size, len(examples)))
        yield examples.collate([examples[0, index] for index in indices])
