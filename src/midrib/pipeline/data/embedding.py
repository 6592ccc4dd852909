"""Embeddings of a dataset's pictures by a pretrained backbone, for checks that compare pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from midrib.datasets import Dataset, Item
from midrib.datasets.rereading import reread
from midrib.preprocessing import Recipe, read_picture
from midrib.records import Floats, Pixels
from midrib.reporting import Reporter
from midrib.settings import Settings

if TYPE_CHECKING:
    from midrib.tasks import Classifier

_BATCH = 32


def embed_dataset(
    dataset: Dataset, backbone: str, *, weights: str, settings: Settings, reporter: Reporter
) -> Floats:
    """Pooled features of every picture, as it would be served: float32, pictures × features.

    Args:
        dataset: its pictures are read again, in the order of its items.
        backbone: a name that `midrib.backbones.create_backbone` takes.
        weights: as for training, 'auto' or where they come from.
        settings: where weights are kept.
        reporter: is told how far it is.

    Raises:
        UnknownNameError: no backbone has that name.
        StorageError: its weights cannot be had.
        DatasetError: a picture has changed since it was checked.
    """
    from midrib.backbones import create_backbone
    from midrib.tasks import Classifier

    made = create_backbone(backbone, weights=weights, settings=settings)
    height, width = made.facts.native_size
    recipe = Recipe(
        height=height, width=width, crop_ratio=made.facts.crop_ratio, filter=made.facts.filter
    )
    classifier = Classifier(made, classes=2, dropout=0.0).eval()
    features = np.empty((len(dataset.items), made.facts.features), np.float32)
    with reporter.bar("embed pictures") as advance:
        for start in range(0, len(features), _BATCH):
            items = dataset.items[start : start + _BATCH]
            features[start : start + len(items)] = _embed(classifier, items, recipe)
            advance(start + len(items), len(features), "")
    return features


def _embed(classifier: Classifier, items: Sequence[Item], recipe: Recipe) -> Floats:
    import torch

    batch = np.stack([_read(item, recipe) for item in items])
    with torch.inference_mode():
        found: Floats = classifier(torch.from_numpy(batch))[1].numpy()
    return found


def _read(item: Item, recipe: Recipe) -> Pixels:
    return read_picture(reread(item), recipe)
