from __future__ import annotations

import numpy as np
import pytest
import torch
from scenes import COLOURS, make_scene_folder
from torch import Tensor, nn

from midrib.backbones import create_backbone
from midrib.datasets import read_dataset
from midrib.errors import UnknownNameError
from midrib.preprocessing import Recipe
from midrib.tasks.mask_losses import IGNORED
from midrib.tasks.segmentation import Segmenter
from midrib.training import TrainConfig
from midrib.training.scenes import CROWD, Scene
from midrib.training.segmentation import ClassMaps, SegmentationObjective, class_map

HEIGHT, WIDTH = 64, 96
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
    recipe = Recipe(height=HEIGHT, width=WIDTH, fit="squash")
    return ClassMaps(list(dataset.items), dataset.labels, recipe)


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


def test_small_objects_lie_over_large_ones_and_crowds_below_all() -> None:
    """What only a crowd covers is unknown; an object within another keeps its pixels."""
    masks = np.zeros((3, 10, 10), np.bool_)
    masks[0, 4:6, 4:6], masks[1, 2:8, 2:8], masks[2, :, 5:] = True, True, True
    scene = Scene(
        pixels=np.zeros((10, 10, 3), np.uint8),
        boxes=np.zeros((3, 4), np.float32),
        classes=np.array([1, 0, CROWD]),
        polygons=((), (), ()),
        masks=masks,
    )
    told = class_map(scene)
    assert told[5, 5] == 2
    assert told[3, 6] == 1
    assert told[0, 9] == IGNORED
    assert told[0, 0] == 0


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
