from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from midrib.datasets import Item
from midrib.datasets.annotations import Annotation
from midrib.errors import UnknownNameError
from midrib.preprocessing import Recipe, centre_crop, read_picture, resize, to_original
from midrib.records import Size
from midrib.training import AUGMENTATIONS, Scenes
from midrib.training.detection import METRICS_OF_DETECTION, require_detection_metric
from midrib.training.scene_augmentation import SCENE_AUGMENTATIONS

RECIPE = Recipe(height=64, width=96, fit="letterbox")


def item_of(folder: Path, height: int, width: int) -> Item:
    """A noisy picture with one object and one crowd."""
    path = folder / f"{height}x{width}.png"
    pixels = np.random.default_rng(height).integers(1, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    box = (width * 0.25, height * 0.25, width * 0.75, height * 0.75)
    return Item(
        path,
        (),
        width=width,
        height=height,
        annotations=(
            Annotation("red", box),
            Annotation("blue", (0.0, 0.0, width / 2, height / 2), crowd=True),
        ),
    )


@given(height=st.integers(20, 200), width=st.integers(20, 200))
def test_training_sees_what_serving_sees(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int
) -> None:
    """Without augmentation pixels are those of evaluation, and boxes go back to the picture's."""
    item = item_of(tmp_path_factory.mktemp("one"), height, width)
    pixels, target = Scenes([item], ["blue", "red"], RECIPE)[0, 0]
    np.testing.assert_array_equal(pixels, read_picture(item.path.read_bytes(), RECIPE))
    back = to_original(target.boxes.numpy(), RECIPE, Size(height, width))
    np.testing.assert_allclose(back, [item.annotations[0].xyxy], atol=1e-2 * max(height, width))
    assert target.classes.tolist() == [1]
    assert len(target.ignored) == 1


@pytest.mark.parametrize("name", list(SCENE_AUGMENTATIONS))
def test_every_scene_augmentation_gives_targets(name: str, tmp_path: Path) -> None:
    """Whatever moves the picture, boxes stay in the input, and a batch keeps each its own."""
    items = [item_of(tmp_path, 40, 90), item_of(tmp_path, 90, 40)]
    scenes = Scenes(items, ["blue", "red"], RECIPE, augmentation=name)
    pictures, targets = scenes.collate([scenes[3, 0], scenes[3, 1]])
    assert pictures.shape == (2, 64, 96, 3)
    assert pictures.dtype == torch.uint8
    for target in targets:
        for boxes in (target.boxes, target.ignored):
            assert (boxes >= 0).all()
            assert (boxes <= torch.tensor([96, 64, 96, 64])).all()
            assert (boxes[:, 2:] > boxes[:, :2]).all()


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_classifiers_may_letterbox_too(name: str) -> None:
    """Every augmentation gives a letterboxed picture of the canonical size."""
    pixels = np.random.default_rng(0).integers(0, 256, (50, 200, 3), dtype=np.uint8)
    resized = resize(pixels, RECIPE)
    changed = AUGMENTATIONS.get(name)(resized, RECIPE, np.random.default_rng(1))
    assert changed.shape == centre_crop(resized, RECIPE).shape == (64, 96, 3)


def test_only_scores_of_objects_judge_epochs() -> None:
    """A classifier's metric is refused with those that there are."""
    for name in METRICS_OF_DETECTION:
        require_detection_metric(name)
    with pytest.raises(UnknownNameError, match="unknown metric of detection 'roc_auc'"):
        require_detection_metric("roc_auc")
