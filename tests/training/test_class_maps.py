from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scenes import COLOURS, make_scene_folder
from torch import Tensor, nn

from midrib.backbones import create_backbone
from midrib.datasets import read_dataset
from midrib.datasets.class_maps import with_background
from midrib.errors import UnknownNameError
from midrib.preprocessing import Recipe
from midrib.records import IGNORED
from midrib.tasks.segmentation import Segmenter
from midrib.training import TrainConfig
from midrib.training.segmentation import ClassMaps, SegmentationObjective

HEIGHT, WIDTH = 64, 96
RECIPE = Recipe(height=HEIGHT, width=WIDTH, fit="squash")
LABELS = with_background(sorted(COLOURS))
DEVICE = torch.device("cpu")


class ByColour(nn.Module):
    """Sure of the class whose colour a pixel has, and of background otherwise."""

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        colours = torch.tensor([COLOURS[label] for label in sorted(COLOURS)])
        alike = (pictures[..., None, :] == colours).all(dim=-1)
        background = ~alike.any(dim=-1, keepdim=True)
        logits = torch.cat([background, alike], dim=-1).permute(0, 3, 1, 2) * 20.0
        return logits, logits.mean(dim=(2, 3))


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> ClassMaps:
    folder = make_scene_folder(tmp_path_factory.mktemp("scenes") / "data", count=8)
    dataset = read_dataset(folder)
    return ClassMaps(list(dataset.items), LABELS, RECIPE)


def _objective(maps: ClassMaps, **options: str) -> SegmentationObjective:
    model = Segmenter(create_backbone("squeezenet-1.1", weights="none"), 1 + len(COLOURS), "fpn")
    config = TrainConfig(**{"loss": "dice+cross-entropy", "metric": "miou", **options})
    return SegmentationObjective(model, maps, config, DEVICE)


def test_a_map_has_the_classes_of_its_objects(maps: ClassMaps) -> None:
    """Each pixel has the class of the object whose colour it has; empty pictures are background."""
    seen = set()
    for index in range(len(maps)):
        pixels, told = maps[0, index]
        expected = np.zeros((HEIGHT, WIDTH), np.uint8)
        for place, label in enumerate(sorted(COLOURS), start=1):
            expected[(pixels == COLOURS[label]).all(axis=2)] = place
        assert np.array_equal(told, expected)
        seen.update(np.unique(told).tolist())
    assert seen == {0, 1, 2}


def test_what_is_beyond_a_picture_is_unknown(maps: ClassMaps) -> None:
    """Where augmentation shows no picture the class is unknown, and nowhere else."""
    for index in range(len(maps)):
        pixels, told = augmented(maps)[1, index]
        beyond = (pixels == 0).all(axis=2)
        assert ((told == IGNORED) == beyond).mean() > 0.99
        seen = (pixels == COLOURS["red"]).all(axis=2)
        assert (told[seen] == LABELS.index("red")).all()


def test_a_part_of_an_object_keeps_its_class(tmp_path: Path) -> None:
    """However little of an object is left in the frame, its pixels are not background."""
    folder = make_scene_folder(tmp_path / "scenes", count=8, outlined=True, seed=3)
    dataset = read_dataset(folder)
    shown = ClassMaps(list(dataset.items), LABELS, RECIPE, augmentation="strong")
    told = []
    for epoch in range(4):
        for index in range(len(shown)):
            pixels, drawn = shown[epoch, index]
            # Colours are jittered, but grey stays grey: what is coloured is an object.
            coloured = np.ptp(pixels.astype(int), axis=2) > 130
            told.append(drawn[coloured] != 0)
    assert np.concatenate(told).mean() > 0.95


def augmented(maps: ClassMaps) -> ClassMaps:
    return ClassMaps(list(maps.items), LABELS, RECIPE, augmentation="light", seed=5)


def test_a_model_that_is_right_is_judged_so(maps: ClassMaps) -> None:
    """Right in every pixel: the best of each metric and next to no loss."""
    batches = [maps.collate([maps[0, index] for index in range(4)])]
    for metric in ("miou", "dice", "boundary_iou", "accuracy"):
        objective = _objective(maps, metric=metric)
        reached, loss = objective.judge(ByColour(), batches)
        assert reached == 1
        assert loss < 0.01
        assert objective.improves(reached, 0.9)
        assert not objective.improves(0.5, reached)
        assert float(objective.loss(ByColour(), batches[0], epoch=0, index=0)) == (
            pytest.approx(loss)
        )


def test_what_epochs_cannot_be_judged_by_is_refused(maps: ClassMaps) -> None:
    """A metric of classifiers and a loss of boxes are told with the nearest."""
    with pytest.raises(UnknownNameError, match="unknown metric of segmentation 'roc_auc'"):
        _objective(maps, metric="roc_auc")
    with pytest.raises(UnknownNameError, match="unknown mask loss 'giou'"):
        _objective(maps, loss="giou")


def test_pictures_without_objects_are_background(maps: ClassMaps) -> None:
    """Maps are stacked as whole numbers, without a channel, as losses take them."""
    pictures, told = maps.collate([maps[0, 3], maps[0, 0]])
    assert (pictures.dtype, tuple(pictures.shape)) == (torch.uint8, (2, HEIGHT, WIDTH, 3))
    assert (told.dtype, tuple(told.shape)) == (torch.int64, (2, HEIGHT, WIDTH))
    assert not told[0].any()
