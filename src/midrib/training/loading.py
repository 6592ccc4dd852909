"""Pictures in batches: shuffled by (seed, epoch), started at any batch, read by any worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from midrib.datasets import Item
from midrib.errors import MidribError, TrainingError
from midrib.preprocessing import Recipe
from midrib.preprocessing.picture_cache import PictureCache
from midrib.records import Pixels
from midrib.training.augmentation import AUGMENTATIONS, picture_generator
from midrib.training.examples import MEMORY_BYTES, Batch, Examples

_WORKER_ENDED = "exited unexpectedly"  # how torch tells it, in a RuntimeError of its own


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
        self._index_of = {label: index for index, label in enumerate(labels)}
        truths = np.fromiter((self._index_of[item.label] for item in items), np.int64, len(items))
        self._counts = np.bincount(truths, minlength=len(labels))
        self._augment = AUGMENTATIONS.get(augmentation)

    def __getitem__(self, place: tuple[int, int]) -> tuple[Pixels, int]:
        epoch, index = place
        random = picture_generator(self._seed, epoch, index)
        pixels, truth = self.resized(index)
        return self._augment(pixels, self.recipe, random), truth

    def collate(self, samples: list[tuple[Pixels, int]]) -> tuple[Tensor, Tensor]:
        """Stack samples: uint8, count × height × width × channels, and int64, count."""
        pictures = torch.from_numpy(np.stack([pixels for pixels, _ in samples]))
        return pictures, torch.tensor([truth for _, truth in samples], dtype=torch.int64)

    def class_weights(self) -> Tensor:
        """One over each class's share, scaled to a mean of 1: float32, classes."""
        counts = self._counts.clip(min=1)
        weights = counts.sum() / counts
        return torch.tensor(weights / weights.mean(), dtype=torch.float32)

    def _truth(self, item: Item, pixels: Pixels) -> int:  # noqa: ARG002 - the door is one for all
        return self._index_of[item.label]

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


def training_loader(examples: Examples, batches: EpochBatches, workers: int) -> Iterable[Batch]:
    """Batches of ``examples`` in the order of ``batches``; to be iterated once an epoch.

    Worker processes stay from epoch to epoch, and what they have read stays with them. What goes
    wrong in one is raised as what it is: ``DatasetError`` for a picture that has changed or gone,
    ``TrainingError`` for a worker that was ended.
    """
    return _Raising(
        DataLoader(
            _Told(examples),
            batch_sampler=batches,
            num_workers=workers,
            collate_fn=partial(_collated, examples),
            # Its own, since each new loader draws a number, and a resumed epoch makes one more.
            generator=torch.Generator(),
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
        )
    )


class _Raising(Iterable[Batch]):
    """Batches of ``loader``; of those that are errors the first is raised."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Batch]:
        try:
            for batch in self._loader:
                if isinstance(batch, MidribError):
                    raise batch
                yield batch
        except RuntimeError as problem:
            if _WORKER_ENDED not in str(problem):
                raise
            raise TrainingError(
                "a process that reads pictures was ended from outside, perhaps for want of memory",
                expected="room for each of them",
                todo="run the same command again with fewer --set workers, or none",
            ) from None


class _Told(Dataset[Any]):
    """``examples``, errors given instead of raised: torch would make pages of them on their way."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples

    def __getitem__(self, place: tuple[int, int]) -> Any:
        try:
            return self._examples[place]
        except MidribError as problem:
            return problem


def _collated(examples: Examples, samples: list[Any]) -> Batch | MidribError:
    problem = next((each for each in samples if isinstance(each, MidribError)), None)
    return problem or examples.collate(samples)


def evaluation_batches(examples: Examples, batch_size: int) -> Iterator[Batch]:
    """All of ``examples`` in their order."""
    for start in range(0, len(examples), batch_size):
        indices = range(start, min(start + batch_size, len(examples)))
        yield examples.collate([examples[0, index] for index in indices])
