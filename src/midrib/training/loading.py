"""Pictures in batches: shuffled by (seed, epoch), started at any batch, read by any worker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from copy import copy

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from midrib.datasets import Item
from midrib.errors import DatasetError, MidribError, TrainingError
from midrib.preprocessing import Recipe, read_resized
from midrib.preprocessing.picture_cache import PictureCache
from midrib.records import Pixels
from midrib.training.augmentation import AUGMENTATIONS, picture_generator

Batch = tuple[Tensor, Tensor]
"""Pictures (uint8, count × height × width × channels) and truth (int64, count)."""

_WORKER_ENDED = "exited unexpectedly"  # how torch tells it, in a RuntimeError of its own
_Sample = tuple[Pixels, int] | MidribError

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
        self._index_of = {label: index for index, label in enumerate(labels)}
        truths = np.fromiter((self._index_of[item.label] for item in items), np.int64, len(items))
        self._counts = np.bincount(truths, minlength=len(labels))
        self._augment = AUGMENTATIONS.get(augmentation)
        self._seed = seed
        self._memory = _Memory(memory_bytes)
        self._disk = cache

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: tuple[int, int]) -> tuple[Pixels, int]:
        epoch, index = place
        random = picture_generator(self._seed, epoch, index)
        pixels, truth = self._resized(index)
        return self._augment(pixels, self.recipe, random), truth

    def without_augmentation(self) -> Pictures:
        """The same pictures as evaluation sees them, sharing what is kept in memory."""
        plain = copy(self)
        plain._augment = AUGMENTATIONS.get("none")  # noqa: SLF001 - a copy of itself
        return plain

    def class_weights(self) -> Tensor:
        """One over each class's share, scaled to a mean of 1: float32, classes."""
        counts = self._counts.clip(min=1)
        weights = counts.sum() / counts
        return torch.tensor(weights / weights.mean(), dtype=torch.float32)

    def _resized(self, index: int) -> tuple[Pixels, int]:
        kept = self._memory.get(index)
        if kept is None:
            # Label and pixels of one and the same item: rows of an index may be written anew.
            item = self.items[index]
            kept = self._from_disk(item), self._index_of[item.label]
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
        self._pictures: dict[int, tuple[Pixels, int]] = {}

    def get(self, index: int) -> tuple[Pixels, int] | None:
        return self._pictures.get(index)

    def put(self, index: int, sample: tuple[Pixels, int]) -> None:
        """Keep a picture if there is room."""
        if sample[0].nbytes <= self._free_bytes:
            self._free_bytes -= sample[0].nbytes
            self._pictures[index] = sample


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


def training_loader(pictures: Pictures, batches: EpochBatches, workers: int) -> Iterable[Batch]:
    """Batches of ``pictures`` in the order of ``batches``; to be iterated once an epoch.

    Worker processes stay from epoch to epoch, and what they have read stays with them. What goes
    wrong in one is raised as what it is: ``DatasetError`` for a picture that has changed or gone,
    ``TrainingError`` for a worker that was ended.
    """
    return _Raising(
        DataLoader(
            _Told(pictures),
            batch_sampler=batches,
            num_workers=workers,
            collate_fn=_collated,
            # Its own, since each new loader draws a number, and a resumed epoch makes one more.
            generator=torch.Generator(),
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
        )
    )


class _Raising(Iterable[Batch]):
    """Batches of ``loader``; of those that are errors the first is raised."""

    def __init__(self, loader: DataLoader[_Sample]) -> None:
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


class _Told(Dataset[_Sample]):
    """``pictures``, errors given instead of raised: torch would make pages of them on their way."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def __getitem__(self, place: tuple[int, int]) -> _Sample:
        try:
            return self._pictures[place]
        except MidribError as problem:
            return problem


def _collated(samples: list[_Sample]) -> Batch | MidribError:
    problem = next((each for each in samples if isinstance(each, MidribError)), None)
    return problem or collate([each for each in samples if not isinstance(each, MidribError)])


def evaluation_batches(pictures: Pictures, batch_size: int) -> Iterator[Batch]:
    """All of ``pictures`` in their order."""
    for start in range(0, len(pictures), batch_size):
        indices = range(start, min(start + batch_size, len(pictures)))
        yield collate([pictures[0, index] for index in indices])
